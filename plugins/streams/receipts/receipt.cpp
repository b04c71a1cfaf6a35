// SPDX-License-Identifier: Apache-2.0
#include "receipt.hpp"

#include <lares/http/matrix_error.hpp>
#include <lares/json/writer.hpp>
#include <lares/storage/transaction.hpp>

#include <nlohmann/json.hpp>

namespace lares::receipts {

using storage::Bytes;
using storage::Row;
using storage::Statement;

namespace {

constexpr Statement kStands{
    "SELECT event_position FROM receipts WHERE room = $1 AND reader = $2 AND private = $3 AND thread = $4"};
constexpr Statement kPut{
    "INSERT INTO receipts (room, reader, private, thread, thread_root, event_id, event_position, read_ts, "
    "position, writer) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) "
    "ON CONFLICT (room, reader, private, thread) DO UPDATE SET thread_root = excluded.thread_root, "
    "event_id = excluded.event_id, event_position = excluded.event_position, read_ts = excluded.read_ts, "
    "position = excluded.position, writer = excluded.writer "
    "WHERE receipts.event_position < excluded.event_position"};
constexpr Statement kFirstBeyond{
    "SELECT position FROM receipts WHERE room = $1 AND reader = $2 AND private = $3 AND thread <> $4 "
    "ORDER BY position DESC LIMIT 1 OFFSET $5"};
constexpr Statement kDropBeyond{
    "DELETE FROM receipts WHERE room = $1 AND reader = $2 AND private = $3 AND thread <> $4 AND position <= "
    "$5"};

}  // namespace

bool is_behind(storage::ReadTransaction& tx, const Receipt& receipt) {
  const auto stands = tx.maybe(kStands, receipt.room, receipt.user, receipt.is_private, Bytes{receipt.thread},
                               [](const Row& row) { return row.i64(0); });
  return stands && *stands >= receipt.event_position;
}

void store(storage::WriteTransaction& tx, const Receipt& receipt, stream::WriterNumber writer,
           std::int64_t position) {
  tx.exec(kPut, receipt.room, receipt.user, receipt.is_private, Bytes{receipt.thread}, receipt.thread_root,
          Bytes{receipt.event_id}, receipt.event_position, receipt.read_ts, position,
          static_cast<std::int64_t>(writer));
  if (receipt.thread.empty()) {
    return;
  }
  const auto beyond = tx.maybe(kFirstBeyond, receipt.room, receipt.user, receipt.is_private, Bytes{""},
                               kMostThreads, [](const Row& row) { return row.i64(0); });
  if (beyond) {
    tx.exec(kDropBeyond, receipt.room, receipt.user, receipt.is_private, Bytes{""}, *beyond);
  }
}

std::string row_of(const Receipt& receipt) {
  std::string out;
  json::Writer writer{out};
  writer.begin_array();
  writer.value(receipt.room_id).value(receipt.type()).value(receipt.user_id).value(receipt.event_id);
  if (receipt.thread.empty()) {
    writer.null();
  } else {
    writer.value(receipt.thread);
  }
  writer.begin_object().key("ts").value(receipt.read_ts).end_object().end_array();
  return out;
}

std::string encode(const Receipt& receipt) {
  return nlohmann::json{{"room_id", receipt.room_id},    {"user_id", receipt.user_id},
                        {"private", receipt.is_private}, {"thread", receipt.thread},
                        {"event_id", receipt.event_id},  {"event_position", receipt.event_position},
                        {"read_ts", receipt.read_ts}}
      .dump();
}

Receipt decode(const std::string& text) {
  const auto receipt = nlohmann::json::parse(text);
  return {.room_id = receipt.at("room_id").get<std::string>(),
          .user_id = receipt.at("user_id").get<std::string>(),
          .is_private = receipt.at("private").get<bool>(),
          .thread = receipt.at("thread").get<std::string>(),
          .event_id = receipt.at("event_id").get<std::string>(),
          .event_position = receipt.at("event_position").get<std::int64_t>(),
          .read_ts = receipt.at("read_ts").get<std::int64_t>()};
}

Task<void> number(storage::Interner& interner, service::Rooms& rooms, Receipt& receipt) {
  receipt.user = co_await interner.intern_user(receipt.user_id);
  receipt.room = co_await interner.intern_room(receipt.room_id);
  receipt.thread_root = 0;
  if (!receipt.thread.empty() && receipt.thread != kMain) {
    const service::StoredEventPtr root = co_await rooms.event(receipt.thread);
    if (!root) {
      throw http::not_found("There is no such thread.");
    }
    receipt.thread_root = root->number;
  }
}

}  // namespace lares::receipts
