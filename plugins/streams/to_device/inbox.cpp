// SPDX-License-Identifier: Apache-2.0
#include "inbox.hpp"

#include <lares/json/writer.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace lares::to_device {

using stream::StreamNumber;

namespace {

constexpr std::size_t kUsersInMemory = 50'000;

}  // namespace

Inbox::Inbox(Server& server, TaskGroup& loads)
    : database_(server.services().get<storage::Database>()),
      interner_(server.services().get<storage::Interner>()),
      hub_(server.services().get<stream::Hub>()),
      notifier_(server.services().get<stream::Notifier>()),
      waiting_(loads,
               {.name = "to_device_waiting", .server_name = server.name(), .max_size = kUsersInMemory}) {}

Task<void> Inbox::apply(stream::WriterNumber writer, std::span<const stream::Row> rows, std::int64_t) {
  std::vector<std::int64_t>& woken = writer == hub_.self() ? own_ : others_;
  for (const stream::Row& row : rows) {
    const nlohmann::json fields = nlohmann::json::parse(row.json, nullptr, false);
    if (!fields.is_array() || fields.empty() || !fields[0].is_string()) {
      continue;
    }
    // What is no user is a server, whose messages its sender takes.
    const auto entity = fields[0].get<std::string>();
    if (!entity.starts_with('@')) {
      continue;
    }
    if (const std::optional<std::int64_t> user = co_await interner_.lookup_user(entity)) {
      waiting_.invalidate(*user);
      woken.push_back(*user);
    }
  }
}

void Inbox::wake(stream::WriterNumber writer, std::span<const stream::Row>, std::int64_t upto) {
  const std::vector<std::int64_t> users = std::exchange(writer == hub_.self() ? own_ : others_, {});
  notifier_.users(users, StreamNumber::kToDevice, writer, upto);
}

Task<stream::Updates> Inbox::updates(stream::WriterNumber, std::int64_t from, std::int64_t to,
                                     std::size_t limit) {
  const Arrivals found = co_await database_.read("to_device_updates", [=](storage::ReadTransaction& tx) {
    return arrivals(tx, from, to, static_cast<std::int64_t>(limit));
  });
  std::vector<std::int64_t> users;
  for (const auto& [position, user] : found.rows) {
    users.push_back(user);
  }
  const std::vector<storage::InternText> ids =
      co_await interner_.texts(storage::InternKind::User, std::move(users));
  stream::Updates updates{.rows = {}, .upto = found.upto, .limited = found.limited};
  for (std::size_t i = 0; i < ids.size(); ++i) {
    stream::Row& row = updates.rows.emplace_back();
    row.position = found.rows[i].first;
    json::Writer{row.json}.begin_array().value(ids[i].first).end_array();
  }
  co_return updates;
}

Task<Inbox::Devices> Inbox::load(std::int64_t user) {
  std::vector<Waiting> devices = co_await database_.read(
      "to_device_waiting", [user](storage::ReadTransaction& tx) { return waiting(tx, user); });
  co_return std::make_shared<const std::vector<Waiting>>(std::move(devices));
}

Task<void> Inbox::contribute(service::SyncScope& scope, service::SyncResponse& response) {
  if (!scope.requester->device_id()) {
    co_return;
  }
  const std::string device_id = *scope.requester->device_id();
  const std::int64_t user = scope.user;
  const Devices devices =
      co_await waiting_.get(user, [this](const std::int64_t& wanted) { return load(wanted); });
  const auto found = std::ranges::find(*devices, device_id, &Waiting::device_id);
  if (found == devices->end()) {
    co_return;
  }
  // One process writes the stream, and positions become visible in their order.
  const std::int64_t from = scope.from.at(StreamNumber::kToDevice).maximum();
  const std::int64_t to = scope.to.at(StreamNumber::kToDevice).maximum();
  if (found->oldest <= from) {
    co_await database_.write(
        "acknowledge_to_device",
        [user, from, &device_id](storage::WriteTransaction& tx) { acknowledge(tx, user, device_id, from); });
    waiting_.invalidate(user);
  }
  Page news =
      co_await database_.read("to_device_page", [user, from, to, &device_id](storage::ReadTransaction& tx) {
        return page(tx, user, device_id, from, to, kMostInSync);
      });
  if (news.messages.empty()) {
    // Received already, by another process's account.
    waiting_.invalidate(user);
    co_return;
  }
  if (news.more) {
    scope.to.set(StreamNumber::kToDevice, news.last);
  }
  response.to_device = std::move(news.messages);
}

bool Inbox::append_always(const http::Requester& requester, std::string&) noexcept {
  const std::optional<Devices> devices = waiting_.peek(requester.account().user_number);
  return !devices || !requester.device_id() ||
         std::ranges::find(**devices, *requester.device_id(), &Waiting::device_id) == (*devices)->end();
}

void Inbox::deleting(storage::WriteTransaction& tx, std::int64_t user, std::span<const std::string> devices) {
  forget_devices(tx, user, devices);
}

Task<void> Inbox::changed(std::int64_t user, matrix::UserId, std::vector<std::string>) {
  waiting_.invalidate(user);
  co_return;
}

}  // namespace lares::to_device
