// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task.hpp>
#include <lares/base/log.hpp>
#include <lares/plugin/server.hpp>
#include <lares/service/start_check.hpp>
#include <lares/storage/database.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lares::hub {

/// Which processes write which stream, as one process has read it: stream, names of its writers in order.
using WriterLists = std::map<std::string, std::vector<std::string>, std::less<>>;

/// `stream_writers` of this process, for every stream that has a place there.
[[nodiscard]] WriterLists writer_lists(const Config& config);
/// As JSON text, and back; what cannot be read is left out.
[[nodiscard]] std::string to_text(const WriterLists& lists);
[[nodiscard]] WriterLists parse_writer_lists(std::string_view text);

/// A process as its row in the table `processes` shows it.
struct Listed {
  std::string name;
  std::string host;
  std::int64_t pid = 0;
  std::int64_t started_ts = 0;
  std::int64_t beat = 0;      ///< counts up while the process lives
  std::int64_t still_ms = 0;  ///< since its last beat
  bool connected = false;     ///< the connection of its last beat is still there
  WriterLists writers;
};

/// How long the beat of a process may stand still before another may take its place.
inline constexpr std::chrono::milliseconds kStandstill{8'000};

/// Why the process `name`, which has read `own`, may not start beside the `others`, in a sentence; nothing if
/// it may. `former` is its own row, of when it ran before.
///
/// Lists that differ would let two processes write the same room. But they have to be changed without
/// stopping everything: so the processes that write a stream by the new list go first, and take it over; who
/// does not write a stream has to agree with those that do; and who comes again with an old list, which
/// another has left behind since, does not take back what that one has taken over.
[[nodiscard]] std::optional<std::string> disagreement(std::string_view name, const WriterLists& own,
                                                      const std::optional<Listed>& former,
                                                      const std::vector<Listed>& others);

/// The processes of this server, as far as PostgreSQL knows them: sees to it that there is one of each name,
/// and that they agree on who writes what. SQLite has a lock on the data folder for that, so nothing is asked
/// of it.
///
/// **Threads**: the first loop.
class ProcessRoll final : public service::StartCheck {
 public:
  ProcessRoll(Server& server, storage::Database& database);

  /// See service::StartCheck.
  Task<void> check() override;

  /// Runs `begin` in the transaction that enters this process, once nothing speaks against its start. A
  /// process of its name that is connected but gives no sign of life is waited for as long as kStandstill,
  /// and then overruled.
  /// **Errors**: StartError, with the other process's name and place and what to do.
  Task<void> enter(std::function<void(storage::WriteTransaction&)> begin);

  /// Says that this process lives, until the task is cancelled. `replaced` is called when another has taken
  /// its name.
  Task<void> keep_beating(std::function<void()> replaced);

 private:
  struct Look {
    std::optional<std::string> refused;
    std::optional<std::int64_t> wait_for;  // the beat of the one that was there before
    std::vector<std::string> differ;       // processes that have other lists
  };

  Look try_to_enter(storage::WriteTransaction& tx, std::optional<std::int64_t> seen,
                    const std::function<void(storage::WriteTransaction&)>& begin);

  Server& server_;
  storage::Database& database_;
  const std::string host_;
  const std::int64_t pid_;
  WriterLists writers_;
  std::int64_t entry_ = 0;  // this start's number in the row
  log::Logger log_{"lares.replication"};
};

}  // namespace lares::hub
