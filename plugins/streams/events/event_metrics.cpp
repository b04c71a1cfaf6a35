// SPDX-License-Identifier: Apache-2.0
#include "event_metrics.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <string>

namespace lares::events {

namespace {

using metrics::Label;

/// Types are the senders' words, so only those that the specification has are told apart.
constexpr std::array<std::string_view, 22> kTypes{
    "m.room.message",
    "m.room.encrypted",
    "m.reaction",
    "m.room.redaction",
    "m.room.member",
    "m.sticker",
    "m.room.create",
    "m.room.power_levels",
    "m.room.join_rules",
    "m.room.name",
    "m.room.topic",
    "m.room.avatar",
    "m.room.encryption",
    "m.room.canonical_alias",
    "m.room.history_visibility",
    "m.room.guest_access",
    "m.room.third_party_invite",
    "m.room.tombstone",
    "m.room.server_acl",
    "m.room.pinned_events",
    "m.space.child",
    "m.space.parent",
};

metrics::Family<metrics::Counter> by_type(metrics::Registry& registry) {
  return registry.counters(
      {.name = "synapse_storage_events_persisted_events_sep",
       .help = "Events written, by type and by whose they are.",
       .labels = {Label::server_name(), Label::closed("type", {kTypes.begin(), kTypes.end()}),
                  Label::closed("origin_type", {"local", "remote"})}});
}

}  // namespace

EventMetrics::EventMetrics(metrics::Registry& registry, std::string_view server_name)
    : server_name_(server_name),
      persisted_(registry
                     .counters({.name = "synapse_storage_events_persisted_events",
                                .help = "Events written.",
                                .labels = {Label::server_name()}})
                     .at({server_name})),
      position_(registry
                    .gauges({.name = "synapse_event_persisted_position",
                             .help = "Position of the newest event that this process has written.",
                             .labels = {Label::server_name()}})
                    .at({server_name})),
      extremities_(registry
                       .histograms({.name = "synapse_storage_events_forward_extremities_persisted",
                                    .help = "Ends of a room's graph, once what was written to it is there.",
                                    .labels = {Label::server_name()},
                                    .buckets = {1, 2, 3, 5, 7, 10, 15, 20, 50, 100, 200, 500}})
                       .at({server_name})),
      stale_extremities_(
          registry
              .histograms({.name = "synapse_storage_events_stale_forward_extremities_persisted",
                           .help = "Those of them that were there before.",
                           .labels = {Label::server_name()},
                           .buckets = {0, 1, 2, 3, 5, 7, 10, 15, 20, 50, 100, 200, 500}})
              .at({server_name})) {
  const auto family = by_type(registry);
  const auto add = [&](std::string_view type) {
    by_type_.push_back({.local = &family.at({server_name, type, "local"}),
                        .remote = &family.at({server_name, type, "remote"})});
  };
  std::ranges::for_each(kTypes, add);
  add("other");
}

void EventMetrics::committed(std::span<const AppliedEvent> events) noexcept {
  for (const AppliedEvent& applied : events) {
    const service::StoredEvent& stored = *applied.stored;
    const auto at = std::distance(kTypes.begin(), std::ranges::find(kTypes, stored.event->type()));
    const OfType& counters = by_type_[static_cast<std::size_t>(at)];
    (stored.event->sender_server() == server_name_ ? counters.local : counters.remote)->add();
    if (stored.position > position_.value()) {
      position_.set(stored.position);
    }
  }
  persisted_.add(events.size());
}

void EventMetrics::left_extremities(std::size_t count) noexcept {
  extremities_.observe(static_cast<double>(count));
  // What was written last is one itself.
  stale_extremities_.observe(static_cast<double>(count - 1));
}

}  // namespace lares::events
