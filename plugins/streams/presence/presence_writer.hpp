// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/event.hpp>
#include <lares/async/measure.hpp>
#include <lares/async/task_group.hpp>
#include <lares/base/log.hpp>
#include <lares/base/metrics.hpp>
#include <lares/plugin/server.hpp>
#include <lares/service/rooms.hpp>
#include <lares/storage/intern.hpp>
#include <lares/stream/hub.hpp>
#include <lares/stream/peers.hpp>
#include <lares/stream/topology.hpp>

#include <nlohmann/json_fwd.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "person.hpp"
#include "presence_board.hpp"
#include "presence_metrics.hpp"
#include "presence_stream.hpp"
#include "settings.hpp"
#include "status_store.hpp"

namespace lares::presence {

/// What a process says of one of its users: that a device syncs there, or that the user did something. It
/// holds for `sync_online_timeout` and is said again before that is over, so that nobody has to say when it
/// ends.
struct Report {
  std::int64_t user = 0;
  std::string user_id;
  std::uint64_t device = 0;  ///< a number of the device, different in each process
  std::optional<State> syncs;
  std::int64_t begun_ago_ms = 0;
  std::optional<std::int64_t> active_ago_ms;
};

/// What a user says through the API.
struct Statement {
  std::int64_t user = 0;
  std::string user_id;
  State state = State::kOnline;
  std::optional<std::string> status_msg;  ///< nothing: as it was
};

/// Keeps everyone's presence, in the process that writes the stream. What concerns users whom another process
/// keeps goes there.
///
/// **Threads**: any; the state is the board's actor's.
class PresenceWriter {
 public:
  /// Most reports in one call.
  static constexpr std::size_t kMostReports = 1'000;
  /// Most users who are kept; further ones stay offline.
  static constexpr std::size_t kMostPeople = 100'000;

  PresenceWriter(Server& server, const Settings& settings, storage::Database& database, stream::Hub& hub,
                 stream::Peers& peers, service::Rooms& rooms, PresenceBoard& board, PresenceStream& stream);

  void start();
  Task<void> stop();

  /// Doing it twice does no harm. At most kMostReports. Waits a moment for this process to apply what it
  /// changed.
  /// **Errors**: MatrixError 503 if the writer is away.
  Task<void> report(std::vector<Report> reports);
  /// Returns when this process has applied it.
  Task<void> say(Statement statement);

 private:
  struct Kept {
    std::string user_id;
    std::string status_msg;
    Person person;
    SteadyTime looks_at = SteadyTime::max();
  };

  Task<nlohmann::json> take_reports(nlohmann::json body);
  Task<nlohmann::json> take_statement(nlohmann::json body);
  /// The position that holds what was said, as `say_here` does.
  Task<std::int64_t> report_here(std::vector<Report> reports);
  Task<std::int64_t> say_here(Statement statement);
  /// Waits until this process has applied what another one answered with.
  Task<void> applied_here(std::string instance, const nlohmann::json& answer,
                          std::chrono::milliseconds deadline);
  /// Sees to it that these users are kept, as far as there is room.
  Task<void> know(std::vector<std::pair<std::int64_t, std::string>> users);
  /// Announces a user if there is news.
  Task<void> settle(std::int64_t user);
  Task<void> watch();

  Server& server_;
  const Settings& settings_;
  StatusStore statuses_;
  storage::Interner& interner_;
  stream::Hub& hub_;
  stream::Peers& peers_;
  service::Rooms& rooms_;
  PresenceBoard& board_;
  PresenceStream& stream_;
  stream::ShardMap shards_;
  TaskGroup tasks_;
  Notification earlier_;  // something has to be looked at before what is waited for
  std::unordered_map<std::int64_t, Kept> people_;
  std::multimap<SteadyTime, std::int64_t> looks_;
  std::int64_t position_ = 0;
  PresenceMetrics metrics_;
  MeasuredBlock updating_;
  log::Logger log_{"lares.presence"};
};

}  // namespace lares::presence
