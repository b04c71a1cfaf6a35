// SPDX-License-Identifier: Apache-2.0
#include "reader.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

#include "change.hpp"

namespace lares::device_lists {

using stream::StreamNumber;

namespace {

constexpr storage::Statement kUpdates{
    "SELECT position, account, 0 AS signs FROM device_list_changes WHERE position > $1 AND position <= $2 "
    "UNION SELECT position, signer, 1 AS signs FROM user_signature_changes WHERE position > $1 AND position "
    "<= "
    "$2 ORDER BY 1 LIMIT $3"};

}  // namespace

Reader::Reader(Server& server)
    : database_(server.services().get<storage::Database>()),
      interner_(server.services().get<storage::Interner>()),
      hub_(server.services().get<stream::Hub>()),
      notifier_(server.services().get<stream::Notifier>()),
      rooms_(server.services().get<service::Rooms>()) {}

Task<void> Reader::apply(stream::WriterNumber writer, std::span<const stream::Row> rows, std::int64_t) {
  Woken& woken = writer == hub_.self() ? own_ : others_;
  for (const stream::Row& row : rows) {
    const nlohmann::json fields = nlohmann::json::parse(row.json, nullptr, false);
    if (!fields.is_array() || fields.empty() || !fields[0].is_string()) {
      continue;
    }
    const auto user_id = fields[0].get<std::string>();
    const bool is_signature = fields.size() > 1 && fields[1].is_boolean() && fields[1].get<bool>();
    const std::optional<std::int64_t> user = co_await interner_.lookup_user(user_id);
    if (!user) {
      continue;
    }
    woken.users.push_back(*user);
    if (!is_signature) {
      std::vector<std::int64_t> rooms = co_await rooms_.joined_rooms(*user);
      woken.rooms.insert(woken.rooms.end(), rooms.begin(), rooms.end());
    }
  }
}

void Reader::wake(stream::WriterNumber writer, std::span<const stream::Row>, std::int64_t upto) {
  Woken woken = std::exchange(writer == hub_.self() ? own_ : others_, {});
  notifier_.users(woken.users, StreamNumber::kDeviceLists, writer, upto);
  std::ranges::sort(woken.rooms);
  const auto twice = std::ranges::unique(woken.rooms);
  woken.rooms.erase(twice.begin(), twice.end());
  for (const std::int64_t room : woken.rooms) {
    notifier_.room(room, StreamNumber::kDeviceLists, writer, upto);
  }
}

Task<stream::Updates> Reader::updates(stream::WriterNumber, std::int64_t from, std::int64_t to,
                                      std::size_t limit) {
  struct Found {
    std::vector<std::int64_t> positions;
    std::vector<std::int64_t> users;
    std::vector<bool> signatures;
  };
  Found found = co_await database_.read("device_list_updates", [=](storage::ReadTransaction& tx) {
    Found result;
    tx.each(kUpdates, from, to, static_cast<std::int64_t>(limit), [&result](const storage::Row& row) {
      result.positions.push_back(row.i64(0));
      result.users.push_back(row.i64(1));
      result.signatures.push_back(row.i64(2) != 0);
    });
    return result;
  });
  const std::vector<storage::InternText> ids =
      co_await interner_.texts(storage::InternKind::User, std::move(found.users));
  stream::Updates updates;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    updates.rows.push_back({found.positions[i], row(ids[i].first, found.signatures[i])});
  }
  updates.limited = ids.size() == limit;
  updates.upto = updates.limited ? found.positions.back() : to;
  co_return updates;
}

}  // namespace lares::device_lists
