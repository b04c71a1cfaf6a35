// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/event.hpp>
#include <lares/async/task_group.hpp>
#include <lares/base/log.hpp>
#include <lares/matrix/identifiers.hpp>
#include <lares/plugin/server.hpp>
#include <lares/service/profiles.hpp>
#include <lares/storage/database.hpp>

#include <atomic>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <vector>

namespace lares::identity {

class Accounts;

/// What is left to do, in a user's rooms as a rule, after the answer to a request.
enum class AccountTask : std::int64_t {
  kProfile = 1,  ///< the member events of joined rooms are to show the profile as it is
  kLeave = 2,    ///< the account was deactivated: leave every room, refuse every invitation
  kErase = 3,    ///< and then delete whatever is the user's and no event
  kGuest = 4,    ///< a room that the guest is in was closed to guests: leave those that are
};

/// Notes the task in the transaction that makes it necessary.
void note_task(storage::WriteTransaction& tx, std::int64_t account, AccountTask task, std::int64_t now_ts);

/// The same of many accounts.
void note_tasks(storage::WriteTransaction& tx, std::span<const std::int64_t> accounts, AccountTask task,
                std::int64_t now_ts);

/// Does the tasks that are noted in `account_tasks`, one user at a time, in the order in which they were
/// asked for. A row goes when its task is done, so what a process leaves behind is done by the main process
/// later; each task may be done twice without harm. One that cannot be done keeps no other from being done.
///
/// **Threads**: any.
class AccountTasks {
 public:
  AccountTasks(Server& server, storage::Database& database, Accounts& accounts, service::Profiles& profiles);

  /// Begins to work, with what was left behind.
  void start();
  /// There is something to do; after the transaction that noted it.
  void wake() noexcept { noted_.notify(); }
  /// The same, of a task that rests on an event which this process has written and not announced yet.
  void wake_beyond(std::int64_t position) noexcept;
  /// Takes nothing more up.
  void end() noexcept { tasks_.cancel(); }
  Task<void> stop() noexcept { co_await tasks_.stop(); }

 private:
  struct Entry {
    std::int64_t account;
    AccountTask task;
    std::int64_t requested_ts;
    std::string user_id;
  };
  /// By which tasks are done, and told apart.
  using Place = std::tuple<std::int64_t, std::int64_t, std::int64_t>;
  Task<void> run();
  /// Tries each task that is noted, but those that were tried in vain a short time ago.
  Task<void> do_all();
  Task<std::vector<Entry>> page_beyond(Place last);
  /// False if it is to be tried again later.
  Task<bool> attempt(const Entry& entry);
  /// False if it is to be tried again later.
  Task<bool> perform(const Entry& entry, matrix::UserId user);
  Task<bool> erase(const Entry& entry);
  /// Whether the room admits no guests, as the newest event of it says.
  Task<bool> closed_to_guests(std::string room_id);
  /// Waits until this process shows the events that the tasks rest on. False if it is to be tried again
  /// later.
  Task<bool> reach_events();
  Task<bool> set_membership(std::string room_id, matrix::UserId user, std::string content,
                            bool only_while_joined);

  Server& server_;
  storage::Database& database_;
  Accounts& accounts_;
  service::Profiles& profiles_;
  Notification noted_;
  std::atomic<std::int64_t> beyond_{0};
  std::set<Place> in_vain_;  // until retry_at_
  SteadyTime retry_at_{};
  TaskGroup tasks_;
  log::Logger log_{"lares.identity.tasks"};
};

}  // namespace lares::identity
