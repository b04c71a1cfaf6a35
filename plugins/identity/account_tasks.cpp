// SPDX-License-Identifier: Apache-2.0
#include "account_tasks.hpp"

#include <lares/async/runtime.hpp>
#include <lares/http/matrix_error.hpp>
#include <lares/service/app.hpp>
#include <lares/service/catch_up.hpp>
#include <lares/service/data_care.hpp>
#include <lares/service/event_writer.hpp>
#include <lares/service/rooms.hpp>
#include <lares/storage/transaction.hpp>
#include <lares/stream/hub.hpp>

#include <nlohmann/json.hpp>

#include <array>
#include <chrono>
#include <exception>
#include <optional>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "accounts.hpp"

namespace lares::identity {

using storage::Row;
using storage::WriteTransaction;

namespace {

constexpr storage::Statement kNote{
    "INSERT INTO account_tasks (account, task, requested_ts) VALUES ($1, $2, $3) ON CONFLICT (account, task) "
    "DO UPDATE SET requested_ts = CASE WHEN excluded.requested_ts > account_tasks.requested_ts THEN "
    "excluded.requested_ts ELSE account_tasks.requested_ts + 1 END"};
constexpr storage::InsertMany kNoteMany{
    "account_tasks",
    {{{"account", storage::ColumnType::Integer},
      {"task", storage::ColumnType::Integer},
      {"requested_ts", storage::ColumnType::Integer}}},
    "ON CONFLICT (account, task) DO UPDATE SET requested_ts = CASE WHEN excluded.requested_ts > "
    "account_tasks.requested_ts THEN excluded.requested_ts ELSE account_tasks.requested_ts + 1 END"};
constexpr storage::Statement kWaiting{
    "SELECT t.account, t.task, t.requested_ts, a.user_id FROM account_tasks t JOIN accounts a ON a.account = "
    "t.account WHERE (t.requested_ts, t.account, t.task) > ($1, $2, $3) ORDER BY t.requested_ts, t.account, "
    "t.task LIMIT $4"};
constexpr storage::Statement kDone{
    "DELETE FROM account_tasks WHERE account = $1 AND task = $2 AND requested_ts = $3"};

constexpr storage::Statement kIsNoted{"SELECT 1 FROM account_tasks WHERE account = $1 AND task = $2"};

// How soon the main process looks for what another has left behind, or could not do.
constexpr std::chrono::seconds kLookAgain{60};
constexpr std::size_t kPage = 50;
constexpr std::chrono::milliseconds kReached{5000};
// A task of a guest that was seen sooner may rest on an event which is committed and not applied yet, so it
// is looked at once more.
constexpr std::int64_t kSettledMs = 10'000;

}  // namespace

void note_task(WriteTransaction& tx, std::int64_t account, AccountTask task, std::int64_t now_ts) {
  tx.exec(kNote, account, static_cast<std::int64_t>(task), now_ts);
}

void note_tasks(WriteTransaction& tx, std::span<const std::int64_t> accounts, AccountTask task,
                std::int64_t now_ts) {
  // An account twice would meet its own row in one statement.
  const std::set<std::int64_t> once{accounts.begin(), accounts.end()};
  tx.insert_many(kNoteMany, once, [task, now_ts](std::int64_t account) {
    return std::tuple{account, static_cast<std::int64_t>(task), now_ts};
  });
}

AccountTasks::AccountTasks(Server& server, storage::Database& database, Accounts& accounts,
                           service::Profiles& profiles)
    : server_(server),
      database_(database),
      accounts_(accounts),
      profiles_(profiles),
      tasks_(server.runtime(), "account tasks") {}

void AccountTasks::start() {
  spawn(tasks_, Background{"account_tasks", server_.name()}, run());
}

void AccountTasks::wake_beyond(std::int64_t position) noexcept {
  beyond_.store(position, std::memory_order_release);
  wake();
}

Task<bool> AccountTasks::reach_events() {
  try {
    if (auto* const others = server_.services().find<service::CatchUp>()) {
      (void)co_await others->catch_up();
    }
  } catch (const http::MatrixError&) {
    co_return false;
  }
  stream::Hub& hub = server_.services().get<stream::Hub>();
  co_return co_await hub.reached(stream::StreamNumber::kEvents, hub.self(),
                                 beyond_.load(std::memory_order_acquire), kReached);
}

Task<bool> AccountTasks::closed_to_guests(std::string room_id) {
  const matrix::EventPtr access = co_await server_.services().get<service::Rooms>().current_state(
      *matrix::RoomId::parse(room_id), "m.room.guest_access", "");
  co_return !access || !access->content()["guest_access"].equals("can_join");
}

Task<void> AccountTasks::run() {
  const bool main = server_.services().get<service::App>().is_main();
  bool look = main;
  for (;;) {
    const std::uint64_t seen = noted_.version();
    if (look) {
      try {
        co_await do_all();
      } catch (const storage::Error& error) {
        log_.warning("What is left to do in users' rooms could not be read; it is tried again: {}",
                     error.what());
      }
    }
    const SteadyTime later = main ? server_.runtime().steady_now() + kLookAgain : SteadyTime::max();
    (void)co_await noted_.wait_beyond(seen, later);
    look = true;
  }
}

Task<std::vector<AccountTasks::Entry>> AccountTasks::page_beyond(Place last) {
  co_return co_await database_.read("account_tasks", [&last](storage::ReadTransaction& tx) {
    std::vector<Entry> found;
    tx.each(
        kWaiting, std::get<0>(last), std::get<1>(last), std::get<2>(last), static_cast<std::int64_t>(kPage),
        [&found](const Row& row) {
          found.push_back({row.i64(0), static_cast<AccountTask>(row.i64(1)), row.i64(2), row.bytes_copy(3)});
        });
    return found;
  });
}

Task<void> AccountTasks::do_all() {
  if (server_.runtime().steady_now() >= retry_at_) {
    in_vain_.clear();
    retry_at_ = server_.runtime().steady_now() + kLookAgain;
  }
  Place last{0, 0, 0};
  std::size_t found = kPage;
  while (found == kPage) {
    const std::vector<Entry> page = co_await page_beyond(last);
    found = page.size();
    for (const Entry& entry : page) {
      last = {entry.requested_ts, entry.account, static_cast<std::int64_t>(entry.task)};
      if (!in_vain_.contains(last) && !co_await attempt(entry)) {
        in_vain_.insert(last);
      }
    }
  }
}

Task<bool> AccountTasks::attempt(const Entry& entry) {
  auto user = matrix::UserId::parse(entry.user_id);
  try {
    if (user && !co_await perform(entry, std::move(*user))) {
      co_return false;
    }
    co_await database_.write("account_task_done", [&entry](WriteTransaction& tx) {
      tx.exec(kDone, entry.account, static_cast<std::int64_t>(entry.task), entry.requested_ts);
    });
  } catch (const std::exception& error) {
    if (tasks_.cancelled()) {
      throw;
    }
    log_.warning("What is left to do for {} could not be done; it is tried again: {}", entry.user_id,
                 error.what());
    co_return false;
  }
  co_return true;
}

Task<bool> AccountTasks::perform(const Entry& entry, matrix::UserId user) {
  static constexpr std::array<std::string_view, 1> kJoined{"join"};
  static constexpr std::array<std::string_view, 3> kInside{"join", "invite", "knock"};
  if (entry.task == AccountTask::kErase) {
    co_return co_await erase(entry);
  }
  service::Rooms* const rooms = server_.services().find<service::Rooms>();
  if (rooms == nullptr) {
    co_return false;
  }
  if (entry.task == AccountTask::kLeave) {
    // The process that deactivated the account may have ended before it had done so.
    co_await accounts_.log_out_all(entry.account, std::nullopt);
  }
  nlohmann::json content = {{"membership", "leave"}};
  if (entry.task == AccountTask::kProfile) {
    content["membership"] = "join";
    const std::optional<service::Profile> profile = co_await profiles_.profile(user);
    if (profile && profile->displayname) {
      content["displayname"] = *profile->displayname;
    }
    if (profile && profile->avatar_url) {
      content["avatar_url"] = *profile->avatar_url;
    }
  }
  if (entry.task == AccountTask::kGuest && !co_await reach_events()) {
    co_return false;
  }
  const std::string text = content.dump();
  const std::vector<service::Membership> memberships = co_await rooms->memberships(
      entry.account, entry.task == AccountTask::kLeave ? std::span<const std::string_view>{kInside}
                                                       : std::span<const std::string_view>{kJoined});
  bool all = true;
  for (const service::Membership& membership : memberships) {
    if (entry.task == AccountTask::kGuest && !co_await closed_to_guests(membership.room_id)) {
      continue;
    }
    if (!co_await set_membership(membership.room_id, user, text, entry.task == AccountTask::kProfile)) {
      all = false;
    }
  }
  const bool settled = entry.requested_ts + kSettledMs < server_.runtime().now_ms();
  co_return all && (entry.task != AccountTask::kGuest || settled);
}

// The purge takes what is noted here along, so nothing else may be left to do.
Task<bool> AccountTasks::erase(const Entry& entry) {
  service::DataCare* const care = server_.services().find<service::DataCare>();
  const bool to_leave = co_await database_.read("account_task_noted", [&entry](storage::ReadTransaction& tx) {
    return tx.any(kIsNoted, entry.account, static_cast<std::int64_t>(AccountTask::kLeave));
  });
  if (care == nullptr || to_leave) {
    co_return false;
  }
  const storage::PurgeReport report =
      co_await care->purge({.kind = storage::OwnerKind::User, .id = entry.user_id, .device_id = {}});
  log_.info("Erased {}: {} rows.", entry.user_id, report.rows);
  co_return true;
}

Task<bool> AccountTasks::set_membership(std::string room_id, matrix::UserId user, std::string content,
                                        bool only_while_joined) {
  service::WriteRequest request;
  request.room = *matrix::RoomId::parse(room_id);
  request.only_while_joined = only_while_joined;
  const std::string state_key = user.str();
  request.events.push_back({.type = "m.room.member",
                            .state_key = state_key,
                            .sender = std::move(user),
                            .content = std::move(content),
                            .redacts = {},
                            .origin_server_ts = 0});
  try {
    co_await server_.services().get<service::EventWriter>().write(std::move(request));
  } catch (const http::MatrixError& error) {
    // What a room's rules do not allow will not be allowed later either; what the server could not do, it
    // may.
    if (error.status() >= 500 || error.status() == 429) {
      log_.warning("A membership of {} in {} could not be changed; it is tried again: {}", state_key, room_id,
                   error.what());
      co_return false;
    }
    log_.info("A membership of {} in {} was not changed: {}", state_key, room_id, error.what());
  } catch (const std::exception& error) {
    if (tasks_.cancelled()) {
      throw;
    }
    log_.warning("A membership of {} in {} could not be changed; it is tried again: {}", state_key, room_id,
                 error.what());
    co_return false;
  }
  co_return true;
}

}  // namespace lares::identity
