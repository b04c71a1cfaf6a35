// SPDX-License-Identifier: Apache-2.0
#include "hub_metrics.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace lares::hub {

namespace {

// More than plugins have streams.
constexpr std::size_t kMostStreams = 40;
// More than there are requests between processes, and statuses of answers to them.
constexpr std::size_t kMostRequests = 60;
constexpr std::size_t kMostStatuses = 30;

// "typing/set" of "/_lares/replication/v1/typing/set".
std::string_view name_of(std::string_view path) noexcept {
  constexpr std::string_view kPrefix = "/_lares/replication/";
  path.remove_prefix(std::min(path.size(), kPrefix.size()));
  return path.substr(path.find('/') + 1);
}

metrics::Description of_streams(std::string name, std::string help) {
  return {.name = std::move(name),
          .help = std::move(help),
          .labels = {metrics::Label::server_name(), metrics::Label::bounded("stream_name", kMostStreams)}};
}

}  // namespace

StreamMetrics::StreamMetrics(Server& server, std::string_view stream)
    : received(server.metrics()
                   .counters(of_streams("synapse_replication_tcp_protocol_inbound_rdata_count",
                                        "Rows that came from other processes."))
                   .at({server.name(), stream})),
      published(server.metrics()
                    .counters(of_streams("synapse_replication_tcp_resource_stream_updates",
                                         "Rows that this process told the others."))
                    .at({server.name(), stream})),
      queued(server.metrics()
                 .gauges(of_streams("synapse_replication_tcp_command_queue",
                                    "Commands of other processes that wait to be taken up."))
                 .at({server.name(), stream})) {}

CommandMetrics::CommandMetrics(Server& server, std::string_view transport)
    : inbound_(make(server, transport,
                    {.name = "synapse_replication_tcp_protocol_inbound_commands",
                     .help = "Commands that came from other processes."})),
      outbound_(make(server, transport,
                     {.name = "synapse_replication_tcp_protocol_outbound_commands",
                      .help = "Commands that were given to the transport."})) {}

CommandMetrics::Counters CommandMetrics::make(Server& server, std::string_view transport,
                                              metrics::Description family) {
  family.labels = {
      metrics::Label::server_name(),
      metrics::Label::closed("command", {stream::kCommandNames.begin(), stream::kCommandNames.end()}),
      metrics::Label::closed("name", {"local", "redis", "tcp"})};
  const metrics::Family<metrics::Counter> counters = server.metrics().counters(std::move(family));
  Counters made{};
  for (std::size_t i = 0; i < made.size(); ++i) {
    const std::string_view command =
        i < stream::kCommandNames.size() ? stream::kCommandNames[i] : std::string_view{"other"};
    made[i] = &counters.at({server.name(), command, transport});
  }
  return made;
}

NotifierMetrics::NotifierMetrics(Server& server, const stream::FeedBoard& board) {
  show(server, "synapse_notifier_users", "Users who sync or have synced lately.", metrics::Kind::kGauge,
       [&board] { return static_cast<double>(board.feeds()); });
  show(server, "synapse_notifier_rooms", "Rooms that these users are joined to.", metrics::Kind::kGauge,
       [&board] { return static_cast<double>(board.rooms()); });
  show(server, "synapse_notifier_listeners", "Requests that wait for something to happen.",
       metrics::Kind::kGauge, [&board] { return static_cast<double>(board.waiting()); });
  show(server, "synapse_notifier_notified_events", "Events that the notifier was told of.",
       metrics::Kind::kCounter, [&board] { return static_cast<double>(board.events()); });
  std::vector<std::string> streams;
  for (std::size_t i = 1; i < stream::kStreamNumbers; ++i) {
    streams.emplace_back(stream::stream_name(static_cast<stream::StreamNumber>(i)));
  }
  shown_.push_back(server.metrics().on_scrape(
      {.name = "synapse_notifier_users_woken_by_stream",
       .help = "How often a row of the stream concerned a user who syncs.",
       .labels = {metrics::Label::server_name(), metrics::Label::closed("stream", std::move(streams))}},
      metrics::Kind::kCounter, [&server, &board] {
        std::vector<metrics::Sample> samples;
        for (std::size_t i = 1; i < stream::kStreamNumbers; ++i) {
          const auto stream = static_cast<stream::StreamNumber>(i);
          samples.push_back({.label_values = {server.name(), std::string{stream::stream_name(stream)}},
                             .value = static_cast<double>(board.woken(stream))});
        }
        return samples;
      }));
}

void NotifierMetrics::show(Server& server, std::string name, std::string help, metrics::Kind kind,
                           std::function<double()> value) {
  shown_.push_back(server.metrics().on_scrape(
      {.name = std::move(name), .help = std::move(help), .labels = {metrics::Label::server_name()}}, kind,
      [&server, value = std::move(value)] {
        return std::vector<metrics::Sample>{{.label_values = {server.name()}, .value = value()}};
      }));
}

PeerMetrics::PeerMetrics(Server& server)
    : server_(server),
      answers_(server.metrics().counters(
          {.name = "synapse_outgoing_replication_requests",
           .help = "Requests to other processes of this server.",
           .labels = {metrics::Label::server_name(), metrics::Label::bounded("name", kMostRequests),
                      metrics::Label::bounded("code", kMostStatuses)}})),
      pending_(server.metrics().gauges(
          {.name = "synapse_pending_outgoing_replication_requests",
           .help = "Requests to other processes of this server that wait for an answer.",
           .labels = {metrics::Label::server_name(), metrics::Label::bounded("name", kMostRequests)}})) {}

void PeerMetrics::answered(std::string_view path, int status) const {
  const std::string code = status == 0 ? "ERR" : std::to_string(status);
  answers_.at({server_.name(), name_of(path), code}).add();
}

metrics::Gauge& PeerMetrics::pending(std::string_view path) const {
  return pending_.at({server_.name(), name_of(path)});
}

void CommandMetrics::count(const Counters& counters, std::string_view line) noexcept {
  const auto found = std::ranges::find(stream::kCommandNames, line.substr(0, line.find(' ')));
  counters[static_cast<std::size_t>(found - stream::kCommandNames.begin())]->add();
}

}  // namespace lares::hub
