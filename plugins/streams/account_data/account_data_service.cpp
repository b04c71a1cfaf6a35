// SPDX-License-Identifier: Apache-2.0
#include "account_data_service.hpp"

#include <lares/json/writer.hpp>
#include <lares/storage/transaction.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <iterator>
#include <span>
#include <tuple>
#include <utility>

namespace lares::account_data {

namespace {

constexpr std::size_t kLookedUpAtOnce = 10'000;
constexpr storage::LookupMany kFindMany{.select = "content",
                                        .from = "account_data",
                                        .keys = {{{"account", storage::ColumnType::Integer},
                                                  {"room", storage::ColumnType::Integer},
                                                  {"type", storage::ColumnType::Bytes}}}};

std::unordered_set<std::string> users_of(const std::string& content) {
  std::unordered_set<std::string> users;
  const auto list = nlohmann::json::parse(content, nullptr, false);
  if (list.is_object() && list.contains("ignored_users") && list["ignored_users"].is_object()) {
    for (const auto& entry : list["ignored_users"].items()) {
      users.insert(entry.key());
    }
  }
  return users;
}

std::string key_of(std::int64_t user, std::string_view type) {
  std::string key = std::to_string(user);
  key += ' ';
  key += type;
  return key;
}

}  // namespace

AccountDataService::AccountDataService(TaskGroup& loads, Server& server, storage::Database& database,
                                       service::Rooms& rooms)
    : services_(server.services()),
      database_(database),
      rooms_(rooms),
      global_(loads, {.name = "account_data", .server_name = server.name(), .max_size = 10'000}),
      ignored_(loads, {.name = "ignored_users", .server_name = server.name(), .max_size = 50'000}) {}

Task<std::shared_ptr<const std::string>> AccountDataService::global(std::int64_t user, std::string type) {
  std::string key = key_of(user, type);
  co_return co_await global_.get(std::move(key),
                                 [this, user, type](const std::string&) { return load(user, type); });
}

Task<std::shared_ptr<const std::string>> AccountDataService::load(std::int64_t user, std::string type) {
  std::optional<std::string> found = co_await database_.read(
      "global_account_data", [user, &type](storage::ReadTransaction& tx) { return find(tx, user, 0, type); });
  co_return found ? std::make_shared<const std::string>(std::move(*found)) : nullptr;
}

Task<std::shared_ptr<const std::unordered_set<std::string>>> AccountDataService::ignored(std::int64_t user) {
  if (auto known = ignored_.peek(user)) {
    co_return std::move(*known);
  }
  co_return co_await ignored_.get(user, [this](std::int64_t of) { return load_ignored(of); });
}

Task<std::shared_ptr<const std::unordered_set<std::string>>> AccountDataService::load_ignored(
    std::int64_t user) {
  const std::shared_ptr<const std::string> content = co_await load(user, std::string{kIgnoredUsers});
  co_return std::make_shared<const std::unordered_set<std::string>>(
      content ? users_of(*content) : std::unordered_set<std::string>{});
}

Task<std::vector<std::pair<std::int64_t, std::shared_ptr<const std::unordered_set<std::string>>>>>
AccountDataService::ignoring_among(std::shared_ptr<const std::vector<std::int64_t>> users) {
  std::vector<std::pair<std::int64_t, std::shared_ptr<const std::unordered_set<std::string>>>> result;
  for (std::size_t at = 0; at < users->size(); at += kLookedUpAtOnce) {
    const std::span<const std::int64_t> page =
        std::span{*users}.subspan(at, std::min(kLookedUpAtOnce, users->size() - at));
    auto found = co_await database_.read("ignoring_among", [page](storage::ReadTransaction& tx) {
      decltype(result) found;
      tx.lookup_many(
          kFindMany, page,
          [](std::int64_t user) { return std::tuple{user, std::int64_t{0}, storage::Bytes{kIgnoredUsers}}; },
          [&found, page](std::size_t index, const storage::Row& row) {
            std::unordered_set<std::string> ignored = users_of(row.bytes_copy(0));
            if (!ignored.empty()) {
              found.emplace_back(page[index],
                                 std::make_shared<const std::unordered_set<std::string>>(std::move(ignored)));
            }
          });
      return found;
    });
    std::ranges::move(found, std::back_inserter(result));
  }
  std::ranges::sort(result, {}, [](const auto& one) { return one.first; });
  co_return result;
}

Task<void> AccountDataService::put_global(std::int64_t user, std::string user_id, std::string type,
                                          std::string content) {
  Change change{.action = Action::kPut,
                .user = user,
                .user_id = user_id,
                .room = 0,
                .room_id = {},
                .type = std::move(type),
                .tag = {},
                .content = std::move(content)};
  co_await writer_->write(std::move(user_id), std::move(change));
}

Task<void> AccountDataService::fully_read(const http::Requester& requester, matrix::RoomId room,
                                          std::int64_t room_number, std::string event_id,
                                          std::int64_t event_position) {
  const std::int64_t user = requester.account().user_number;
  const std::optional<std::string> stored = co_await database_.read(
      "fully_read_marker",
      [user, room_number](storage::ReadTransaction& tx) { return find(tx, user, room_number, kFullyRead); });
  if (stored) {
    const auto content = nlohmann::json::parse(*stored, nullptr, false);
    if (content.is_object() && content.contains("event_id") && content["event_id"].is_string()) {
      std::string former = content["event_id"].get<std::string>();
      const service::StoredEventPtr event = co_await rooms_.event(std::move(former));
      if (event && event->room == room_number && event->position >= event_position) {
        co_return;
      }
    }
  }
  std::string content;
  json::Writer{content}.begin_object().key("event_id").value(event_id).end_object();
  Change change{.action = Action::kPut,
                .user = user,
                .user_id = requester.user().str(),
                .room = room_number,
                .room_id = room.str(),
                .type = std::string{kFullyRead},
                .tag = {},
                .content = std::move(content)};
  co_await writer_->write(requester.user().str(), std::move(change));
}

Task<void> AccountDataService::changed(std::int64_t user, std::string type) {
  global_.invalidate(key_of(user, type));
  if (type == kIgnoredUsers) {
    ignored_.invalidate(user);
    for (service::IgnoredListWatcher* const watcher : services_.all<service::IgnoredListWatcher>()) {
      co_await watcher->ignored_list_changed(user);
    }
  }
}

}  // namespace lares::account_data
