// SPDX-License-Identifier: Apache-2.0
#include "store.hpp"

#include <algorithm>
#include <tuple>

#include "schema.hpp"

namespace lares::to_device {

using storage::Bytes;
using storage::ColumnType;
using storage::ReadTransaction;
using storage::Row;
using storage::Statement;
using storage::WriteTransaction;

namespace {

constexpr Statement kAddTransaction{
    "INSERT INTO to_device_transactions (scope, type, txn_id, created_ts) VALUES ($1, $2, $3, $4) "
    "ON CONFLICT DO NOTHING"};
constexpr Statement kAddMessage{
    "INSERT INTO to_device_messages (account, device_id, position, number, message) VALUES ($1, $2, $3, "
    "COALESCE((SELECT number FROM to_device_messages WHERE account = $1 AND device_id = $2 "
    "ORDER BY position DESC LIMIT 1), 0) + 1, $4) RETURNING number"};
constexpr storage::InsertMany kAddMessages{"to_device_messages",
                                           {{{"account", ColumnType::Integer},
                                             {"device_id", ColumnType::Bytes},
                                             {"position", ColumnType::Integer},
                                             {"number", ColumnType::Integer},
                                             {"message", ColumnType::Bytes}}}};
constexpr Statement kNumberMessages{
    "UPDATE to_device_messages SET number = COALESCE((SELECT former.number FROM to_device_messages former "
    "WHERE former.account = to_device_messages.account AND former.device_id = to_device_messages.device_id "
    "AND former.position < $1 ORDER BY former.position DESC LIMIT 1), 0) + 1 WHERE position = $1 "
    "RETURNING number"};
constexpr Statement kDropOldest{
    "DELETE FROM to_device_messages WHERE (account, device_id, position) IN (SELECT newest.account, "
    "newest.device_id, (SELECT CASE WHEN oldest.number <= newest.number - $2 THEN oldest.position END FROM "
    "to_device_messages oldest WHERE oldest.account = newest.account AND oldest.device_id = newest.device_id "
    "ORDER BY oldest.position LIMIT 1) FROM to_device_messages newest WHERE newest.position = $1 AND "
    "newest.number > $2)"};
constexpr Statement kWaiting{
    "SELECT device_id, MIN(position), MAX(position) FROM to_device_messages WHERE account = $1 "
    "GROUP BY device_id"};
constexpr Statement kAddressees{
    "SELECT DISTINCT account, device_id FROM to_device_messages WHERE (account, device_id) > ($1, $2) "
    "ORDER BY account, device_id LIMIT $3"};
constexpr Statement kLast{"SELECT COALESCE(MAX(position), 0) FROM to_device_messages"};
constexpr Statement kPage{
    "SELECT position, message FROM to_device_messages WHERE account = $1 AND device_id = $2 AND "
    "position > $3 AND position <= $4 ORDER BY position LIMIT $5"};
constexpr Statement kAcknowledge{
    "DELETE FROM to_device_messages WHERE account = $1 AND device_id = $2 AND position <= $3"};
constexpr Statement kForgetDevice{"DELETE FROM to_device_messages WHERE account = $1 AND device_id = $2"};
constexpr Statement kPositions{
    "SELECT DISTINCT position FROM to_device_messages WHERE position > $1 AND position <= $2 "
    "ORDER BY position LIMIT $3"};
constexpr Statement kArrivals{
    "SELECT DISTINCT position, account FROM to_device_messages WHERE position > $1 AND position <= $2 "
    "ORDER BY position"};

// Bytes of messages in one statement: what is said to thousands of devices may be hundreds of megabytes.
constexpr std::size_t kStatementBytes = std::size_t{4} << 20U;

// Both give the highest number of a message added. Most requests are for one device, and are spared the
// second statement.
std::int64_t add_message(WriteTransaction& tx, const Message& message, std::int64_t position) {
  return tx.one(kAddMessage, message.user, Bytes{message.device_id}, position, Bytes{message.json},
                [](const Row& row) { return row.i64(0); });
}

std::int64_t add_messages(WriteTransaction& tx, std::span<const Message> messages, std::int64_t position) {
  while (!messages.empty()) {
    std::size_t count = 0;
    for (std::size_t bytes = 0; count < messages.size(); ++count) {
      bytes += messages[count].json.size();
      if (count > 0 && bytes > kStatementBytes) {
        break;
      }
    }
    tx.insert_many(kAddMessages, messages.first(count), [position](const Message& message) {
      return std::tuple{message.user, Bytes{message.device_id}, position, 0, Bytes{message.json}};
    });
    messages = messages.subspan(count);
  }
  // A position is one change's, so it names what was just added.
  std::int64_t highest = 0;
  tx.each(kNumberMessages, position, [&highest](const Row& row) { highest = std::max(highest, row.i64(0)); });
  return highest;
}

}  // namespace

void store(WriteTransaction& tx, const Change& change, std::int64_t position) {
  if (tx.exec(kAddTransaction, Bytes{change.scope}, Bytes{change.type}, Bytes{change.txn_id},
              change.created_ts) == 0) {
    return;
  }
  const std::int64_t highest = change.messages.size() == 1
                                   ? add_message(tx, change.messages.front(), position)
                                   : add_messages(tx, change.messages, position);
  if (highest > kMostWaiting) {
    tx.exec(kDropOldest, position, kMostWaiting);
  }
}

std::vector<Waiting> waiting(ReadTransaction& tx, std::int64_t user) {
  std::vector<Waiting> devices;
  tx.each(kWaiting, user, [&devices](const Row& row) {
    devices.push_back({.device_id = row.bytes_copy(0), .oldest = row.i64(1), .newest = row.i64(2)});
  });
  return devices;
}

Page page(ReadTransaction& tx, std::int64_t user, std::string_view device_id, std::int64_t from,
          std::int64_t to, std::int64_t limit) {
  Page page;
  tx.each(kPage, user, Bytes{device_id}, from, to, limit + 1, [&page, limit](const Row& row) {
    if (page.messages.size() == static_cast<std::size_t>(limit)) {
      page.more = true;
      return;
    }
    page.messages.push_back(row.bytes_copy(1));
    page.last = row.i64(0);
  });
  return page;
}

void acknowledge(WriteTransaction& tx, std::int64_t user, std::string_view device_id, std::int64_t upto) {
  tx.exec(kAcknowledge, user, Bytes{device_id}, upto);
}

void forget_devices(WriteTransaction& tx, std::int64_t user, std::span<const std::string> devices) {
  for (const std::string& device : devices) {
    tx.exec(kForgetDevice, user, Bytes{device});
  }
}

std::vector<Addressee> addressees(ReadTransaction& tx, const Addressee& after, std::int64_t limit) {
  std::vector<Addressee> devices;
  tx.each(kAddressees, after.user, Bytes{after.device_id}, limit, [&devices](const Row& row) {
    devices.push_back({.user = row.i64(0), .device_id = row.bytes_copy(1)});
  });
  return devices;
}

std::int64_t last_position(ReadTransaction& tx) {
  return tx.one(kLast, [](const Row& row) { return row.i64(0); });
}

Arrivals arrivals(ReadTransaction& tx, std::int64_t from, std::int64_t to, std::int64_t limit) {
  std::int64_t count = 0;
  std::int64_t last = to;
  tx.each(kPositions, from, to, limit, [&count, &last](const Row& row) {
    ++count;
    last = row.i64(0);
  });
  Arrivals arrivals{.rows = {}, .upto = count == limit ? last : to, .limited = count == limit};
  tx.each(kArrivals, from, arrivals.upto,
          [&arrivals](const Row& row) { arrivals.rows.emplace_back(row.i64(0), row.i64(1)); });
  return arrivals;
}

}  // namespace lares::to_device
