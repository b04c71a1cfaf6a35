// SPDX-License-Identifier: Apache-2.0
#include "presence_metrics.hpp"

#include <string>
#include <utility>
#include <vector>

namespace lares::presence {

namespace {

using metrics::Label;

std::vector<std::string> state_names() {
  std::vector<std::string> names;
  for (const State state : {State::kOnline, State::kUnavailable, State::kOffline}) {
    names.emplace_back(to_string(state));
  }
  return names;
}

metrics::Counter& counter(Server& server, std::string name, std::string help) {
  return server.metrics()
      .counters({.name = std::move(name), .help = std::move(help), .labels = {Label::server_name()}})
      .at({server.name()});
}

metrics::Family<metrics::Counter> updates_asked_for(Server& server) {
  return server.metrics().counters(
      {.name = "synapse_handler_presence_get_updates",
       .help = "How often presence was asked for: everybody's, or what has changed.",
       .labels = {Label::server_name(), Label::closed("type", {"full", "stream"})}});
}

}  // namespace

PresenceMetrics::PresenceMetrics(Server& server)
    : updates(counter(server, "synapse_handler_presence_presence_updates",
                      "Times that a user's presence was looked at, since something may have changed it.")),
      active(counter(server, "synapse_handler_presence_bump_active_time",
                     "Times that a user was seen doing something.")),
      timers_fired(counter(server, "synapse_handler_presence_timers_fired",
                           "Times that a user's presence was looked at because time has passed.")),
      timers(server.metrics()
                 .gauges({.name = "synapse_handlers_presence_wheel_timer_size",
                          .help = "Times at which somebody's presence will be looked at.",
                          .labels = {Label::server_name()}})
                 .at({server.name()})),
      server_(server),
      notified_(counter(server, "synapse_handler_presence_notified_presence",
                        "Changes of presence that were announced.")),
      reasons_(
          server.metrics().counters({.name = "synapse_handler_presence_notify_reason",
                                     .help = "Changes of presence that were announced, by what changed.",
                                     .labels = {Label::server_name(), Label::closed("locality", {"local"}),
                                                Label::closed("reason", {"status_msg_change", "state_change",
                                                                         "current_active_change"})}})),
      transitions_(server.metrics().counters(
          {.name = "synapse_handler_presence_state_transition",
           .help = "Changes from one state to another.",
           .labels = {Label::server_name(), Label::closed("locality", {"local"}),
                      Label::closed("from", state_names()), Label::closed("to", state_names())}})) {}

void PresenceMetrics::announced(const PresenceState* before, const PresenceState& now) noexcept {
  notified_.add();
  const State former = before == nullptr ? State::kOffline : before->state;
  const std::string_view reason = former != now.state ? "state_change"
                                  : (before == nullptr ? "" : before->status_msg) != now.status_msg
                                      ? "status_msg_change"
                                      : "current_active_change";
  reasons_.at({server_.name(), "local", reason}).add();
  if (former != now.state) {
    transitions_.at({server_.name(), "local", to_string(former), to_string(now.state)}).add();
  }
}

SyncMetrics::SyncMetrics(Server& server)
    : full(updates_asked_for(server).at({server.name(), "full"})),
      stream(updates_asked_for(server).at({server.name(), "stream"})) {}

}  // namespace lares::presence
