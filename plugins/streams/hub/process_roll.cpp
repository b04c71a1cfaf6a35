// SPDX-License-Identifier: Apache-2.0
#include "process_roll.hpp"

#include <lares/async/runtime.hpp>
#include <lares/base/error.hpp>
#include <lares/storage/transaction.hpp>
#include <lares/stream/topology.hpp>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <boost/system/system_error.hpp>
#include <nlohmann/json.hpp>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <utility>

namespace lares::hub {

using storage::Row;
using storage::WriteTransaction;

namespace {

// One clock for all of them, that of the database: what passes between two beats is measured on no other.
// A row whose connection another database user made has no `backend_start` to see; its number says enough.
constexpr storage::Statement kListed{storage::Sql{
    "SELECT name, host, pid, started_ts, beat, 0, FALSE, writers FROM processes ORDER BY name",
    "SELECT p.name, p.host, p.pid, p.started_ts, p.beat, "
    "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT) - p.beat_ts, "
    "EXISTS (SELECT 1 FROM pg_stat_activity a WHERE a.pid = p.backend AND (a.backend_start IS NULL OR "
    "CAST(EXTRACT(EPOCH FROM a.backend_start) * 1000000 AS BIGINT) = p.backend_start)), "
    "p.writers FROM processes p ORDER BY p.name"}};
constexpr storage::Statement kEnter{storage::Sql{
    "INSERT INTO processes (name, entry, host, pid, started_ts, beat, beat_ts, backend, backend_start, "
    "writers) VALUES ($1, 1, $2, $3, 0, 0, 0, 0, 0, $4) ON CONFLICT (name) DO UPDATE SET entry = "
    "processes.entry + 1, host = excluded.host, pid = excluded.pid, writers = excluded.writers RETURNING "
    "entry",
    "INSERT INTO processes (name, entry, host, pid, started_ts, beat, beat_ts, backend, backend_start, "
    "writers) SELECT CAST($1 AS TEXT), 1, CAST($2 AS TEXT), CAST($3 AS BIGINT), now_ms, 0, now_ms, "
    "pg_backend_pid(), (SELECT CAST(EXTRACT(EPOCH FROM backend_start) * 1000000 AS BIGINT) FROM "
    "pg_stat_get_activity(pg_backend_pid())), CAST($4 AS TEXT) FROM (SELECT CAST(EXTRACT(EPOCH FROM "
    "clock_timestamp()) * 1000 AS BIGINT) AS now_ms) AS clock "
    "ON CONFLICT (name) DO UPDATE SET entry = processes.entry + 1, host = excluded.host, pid = excluded.pid, "
    "started_ts = excluded.started_ts, beat = 0, beat_ts = excluded.beat_ts, backend = excluded.backend, "
    "backend_start = excluded.backend_start, writers = excluded.writers RETURNING entry"}};
constexpr storage::Statement kBeat{storage::Sql{
    "UPDATE processes SET beat = beat + 1 WHERE name = $1 AND entry = $2",
    "UPDATE processes SET beat = beat + 1, beat_ts = CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS "
    "BIGINT), backend = pg_backend_pid(), backend_start = (SELECT CAST(EXTRACT(EPOCH FROM backend_start) * "
    "1000000 AS BIGINT) FROM pg_stat_get_activity(pg_backend_pid())) WHERE name = $1 AND entry = $2"}};

constexpr std::chrono::milliseconds kBeatEvery{2'000};
constexpr std::chrono::milliseconds kLookEvery{100};

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) {
    return "?";
  }
  return name.data();
}

Listed listed(const Row& row) {
  return {.name = row.text_copy(0),
          .host = row.text_copy(1),
          .pid = row.i64(2),
          .started_ts = row.i64(3),
          .beat = row.i64(4),
          .still_ms = row.i64(5),
          .connected = row.boolean(6),
          .writers = parse_writer_lists(row.text(7))};
}

bool lives(const Listed& process) {
  return process.connected && process.still_ms <= kStandstill.count();
}

// Where and since when, so that an administrator finds it.
std::string place_of(const Listed& process) {
  const auto seconds = static_cast<std::time_t>(process.started_ts / 1000);
  return fmt::format("on {} as process {} since {:%Y-%m-%d %H:%M:%S} UTC", process.host, process.pid,
                     fmt::gmtime(seconds));
}

bool names(const std::vector<std::string>& writers, std::string_view name) {
  return std::ranges::find(writers, name) != writers.end();
}

}  // namespace

WriterLists writer_lists(const Config& config) {
  WriterLists lists;
  for (const auto& [stream, unused] : config.get("stream_writers").items()) {
    lists.emplace(stream, stream::stream_writers(config, stream));
  }
  return lists;
}

std::string to_text(const WriterLists& lists) {
  return nlohmann::json(lists).dump();
}

WriterLists parse_writer_lists(std::string_view text) {
  WriterLists lists;
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) {
    return lists;
  }
  for (const auto& [stream, writers] : json.items()) {
    if (!writers.is_array() ||
        !std::ranges::all_of(writers, [](const auto& writer) { return writer.is_string(); })) {
      continue;
    }
    lists.emplace(stream, writers.template get<std::vector<std::string>>());
  }
  return lists;
}

std::optional<std::string> disagreement(std::string_view name, const WriterLists& own,
                                        const std::optional<Listed>& former,
                                        const std::vector<Listed>& others) {
  for (const Listed& other : others) {
    for (const auto& [stream, writers] : own) {
      const auto theirs = other.writers.find(stream);
      if (theirs == other.writers.end() || theirs->second == writers || !names(theirs->second, other.name)) {
        continue;
      }
      const std::string differ = fmt::format(
          "stream_writers.{} is [{}] for the process {}, but [{}] for the process {}, which runs {}", stream,
          fmt::join(writers, ", "), name, fmt::join(theirs->second, ", "), other.name, place_of(other));
      if (!names(writers, name)) {
        return fmt::format(
            "{} and writes the stream. All processes of a server need the same list: correct this one's, or, "
            "if "
            "it is being changed, restart first those that write the stream by the new list.",
            differ);
      }
      if (!former || former->started_ts > other.started_ts) {
        continue;
      }
      const auto before = former->writers.find(stream);
      if (before != former->writers.end() && before->second == writers) {
        return fmt::format(
            "{}. The list was changed since {} ran last: give it the new one, or, to go back to this one, "
            "restart "
            "{} with it first.",
            differ, name, other.name);
      }
    }
  }
  return std::nullopt;
}

ProcessRoll::ProcessRoll(Server& server, storage::Database& database)
    : server_(server), database_(database), host_(host_name()), pid_(::getpid()) {}

ProcessRoll::Look ProcessRoll::try_to_enter(WriteTransaction& tx, std::optional<std::int64_t> seen,
                                            const std::function<void(WriteTransaction&)>& begin) {
  Look look;
  tx.lock("processes");
  const std::string& name = server_.instance();
  std::optional<Listed> former;
  std::vector<Listed> others;
  tx.each(kListed, [&](const Row& row) {
    Listed process = listed(row);
    if (process.name == name) {
      former = std::move(process);
    } else if (lives(process)) {
      others.push_back(std::move(process));
    }
  });
  if (former && lives(*former)) {
    if (!seen || *seen == former->beat) {
      look.wait_for = former->beat;
    } else {
      look.refused = fmt::format(
          "A process of the name {} runs already {}. Stop that one first, or give this one another "
          "worker_name: "
          "each process of a server has a name of its own.",
          name, place_of(*former));
    }
    return look;
  }
  look.refused = disagreement(name, writers_, former, others);
  if (look.refused || !begin) {
    return look;
  }
  for (const Listed& other : others) {
    const bool differs = std::ranges::any_of(writers_, [&other](const auto& entry) {
      const auto theirs = other.writers.find(entry.first);
      return theirs != other.writers.end() && theirs->second != entry.second;
    });
    if (differs) {
      look.differ.push_back(other.name);
    }
  }
  const std::string text = to_text(writers_);
  entry_ = tx.one(kEnter, std::string_view{name}, std::string_view{host_}, pid_, std::string_view{text},
                  [](const Row& row) { return row.i64(0); });
  begin(tx);
  return look;
}

Task<void> ProcessRoll::check() {
  return enter({});
}

Task<void> ProcessRoll::enter(std::function<void(WriteTransaction&)> begin) {
  if (database_.engine() == storage::Engine::Sqlite) {
    if (begin) {
      co_await database_.write("enter_process", [&begin](WriteTransaction& tx) {
        tx.lock("processes");
        begin(tx);
      });
    }
    co_return;
  }
  writers_ = writer_lists(*server_.config());
  std::optional<std::int64_t> seen;
  for (;;) {
    const Look look = co_await database_.write("enter_process", [this, seen, &begin](WriteTransaction& tx) {
      return try_to_enter(tx, seen, begin);
    });
    if (look.refused) {
      throw StartError(*look.refused);
    }
    if (!look.wait_for) {
      if (!look.differ.empty()) {
        log_.warning(
            "stream_writers differs from that of {}: restart what still goes by the former one, those first "
            "that wrote by it.",
            fmt::join(look.differ, ", "));
      }
      co_return;
    }
    if (!seen) {
      seen = look.wait_for;
    }
    co_await server_.runtime().sleep_for(kLookEvery);
  }
}

Task<void> ProcessRoll::keep_beating(std::function<void()> replaced) {
  if (database_.engine() == storage::Engine::Sqlite) {
    co_return;
  }
  for (;;) {
    co_await server_.runtime().sleep_for(kBeatEvery);
    try {
      const auto found = co_await database_.write("beat", [this](WriteTransaction& tx) {
        return tx.exec(kBeat, std::string_view{server_.instance()}, entry_);
      });
      if (found == 0) {
        replaced();
      }
    } catch (const boost::system::system_error&) {
      throw;
    } catch (const std::exception& error) {
      log_.warning("That this process lives could not be written: {}", error.what());
    }
  }
}

}  // namespace lares::hub
