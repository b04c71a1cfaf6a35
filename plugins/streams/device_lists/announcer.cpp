// SPDX-License-Identifier: Apache-2.0
#include "announcer.hpp"

#include <lares/async/runtime.hpp>
#include <lares/http/matrix_error.hpp>
#include <lares/storage/errors.hpp>
#include <lares/storage/intern.hpp>

#include <chrono>
#include <exception>
#include <utility>

namespace lares::device_lists {

namespace {

constexpr storage::Statement kNote{
    // An update where it is noted already: so that who deletes the note waits for this transaction.
    "INSERT INTO device_list_pending (account) VALUES ($1) ON CONFLICT (account) DO UPDATE SET account = "
    "excluded.account"};
constexpr storage::Statement kNoted{"SELECT account FROM device_list_pending ORDER BY account LIMIT 100"};

constexpr std::chrono::seconds kTryAgain{10};

}  // namespace

Announcer::Announcer(Server& server, stream::StreamWriter<Change>& writer)
    : server_(server),
      writer_(writer),
      announcing_(server.runtime(), server.name(), "notify_device_update"),
      tasks_(server.runtime(), "device lists") {}

void Announcer::start() {
  say_later();
}

void Announcer::say_later() {
  more_.store(true);
  if (!saying_.exchange(true)) {
    spawn(tasks_, Background{"announce-device-lists", server_.name()}, catch_up());
  }
}

Task<void> Announcer::stop() noexcept {
  co_await tasks_.stop();
}

void Announcer::note(storage::WriteTransaction& tx, std::int64_t user) {
  tx.exec(kNote, user);
}

// A client that is refused sends the same again, which changes nothing any more and so says nothing: nobody
// but this process would ever tell the others.
Task<void> Announcer::changed(std::int64_t user, std::string user_id) {
  try {
    co_await write(user, std::move(user_id));
  } catch (const std::exception&) {
    if (!tasks_.cancelled()) {
      say_later();
    }
    throw;
  }
}

Task<void> Announcer::write(std::int64_t user, std::string user_id) {
  const Measure measure{announcing_};
  std::string key = user_id;
  Change change{.user = user, .user_id = std::move(user_id), .signed_users = {}, .signed_numbers = {}};
  co_await writer_.write(std::move(key), std::move(change));
}

Task<void> Announcer::signed_others(std::int64_t user, std::string user_id, std::vector<std::string> others) {
  if (others.empty()) {
    co_return;
  }
  std::string key = user_id;
  Change change{
      .user = user, .user_id = std::move(user_id), .signed_users = std::move(others), .signed_numbers = {}};
  co_await number(server_.services().get<storage::Interner>(), change);
  co_await writer_.write(std::move(key), std::move(change));
}

void Announcer::deleting(storage::WriteTransaction& tx, std::int64_t user, std::span<const std::string>) {
  note(tx, user);
}

Task<void> Announcer::changed(std::int64_t user, matrix::UserId user_id, std::vector<std::string>) {
  // What happened to the device is done, whether or not others can be told at once.
  try {
    co_await changed(user, user_id.str());
  } catch (const http::MatrixError& error) {
    log_.warning("The devices of {} changed, and nobody could be told yet: {}", user_id.view(), error.what());
  } catch (const storage::Error& error) {
    log_.warning("The devices of {} changed, and nobody could be told yet: {}", user_id.view(), error.what());
  }
}

Task<void> Announcer::catch_up() {
  for (;;) {
    bool done = false;
    more_.store(false);
    try {
      done = co_await say_what_was_noted();
    } catch (const std::exception& error) {
      if (tasks_.cancelled()) {
        throw;
      }
      log_.warning("Changes of devices cannot be announced yet; it is tried again: {}", error.what());
    }
    if (done) {
      // In this order, and say_later() in the other: one of the two sees what the other did.
      saying_.store(false);
      if (!more_.load() || saying_.exchange(true)) {
        co_return;
      }
    }
    co_await server_.runtime().sleep_for(kTryAgain);
  }
}

Task<bool> Announcer::say_what_was_noted() {
  auto& database = server_.services().get<storage::Database>();
  auto& interner = server_.services().get<storage::Interner>();
  for (;;) {
    std::vector<std::int64_t> users =
        co_await database.read("pending_device_lists", [](storage::ReadTransaction& tx) {
          std::vector<std::int64_t> result;
          tx.each(kNoted, [&result](const storage::Row& row) { result.push_back(row.i64(0)); });
          return result;
        });
    if (users.empty()) {
      co_return true;
    }
    const std::vector<storage::InternText> ids = co_await interner.texts(storage::InternKind::User, users);
    for (std::size_t i = 0; i < users.size(); ++i) {
      co_await write(users[i], ids[i].first);
    }
  }
}

}  // namespace lares::device_lists
