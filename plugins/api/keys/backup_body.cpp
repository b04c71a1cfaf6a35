// SPDX-License-Identifier: Apache-2.0
#include "backup_body.hpp"

#include <lares/json/writer.hpp>

#include <algorithm>
#include <utility>
#include <vector>

namespace lares::keys {

namespace {

// Keys read in one snapshot, which are in memory together.
constexpr std::int64_t kKeysAtOnce = 250;

}  // namespace

BackupBody::BackupBody(storage::Database& database, std::int64_t user, std::int64_t version, Part part)
    : database_(database),
      user_(user),
      version_(version),
      part_(std::move(part)),
      text_(part_.room_id ? R"({"sessions":{)" : R"({"rooms":{)") {}

Task<void> BackupBody::next() {
  const std::vector<RoomKey> page =
      co_await database_.read("room_keys", [this](storage::ReadTransaction& tx) {
        if (!backup(tx, user_, version_)) {
          throw no_backup();
        }
        return room_keys(tx, user_, version_, part_, after_, kKeysAtOnce);
      });
  for (const RoomKey& key : page) {
    append(key);
  }
  ended_ = page.size() < static_cast<std::size_t>(kKeysAtOnce);
  if (ended_) {
    text_ += room_.empty() ? "}}" : "}}}}";
  } else {
    after_.room_id = page.back().room_id;
    after_.session_id = page.back().session_id;
  }
}

// Keys come in the order of their rooms.
void BackupBody::append(const RoomKey& key) {
  if (!part_.room_id && key.room_id != room_) {
    if (!room_.empty()) {
      text_ += "}},";
    }
    json::append_string(text_, key.room_id);
    text_ += R"(:{"sessions":{)";
    room_ = key.room_id;
    comma_ = false;
  }
  if (std::exchange(comma_, true)) {
    text_ += ',';
  }
  json::append_string(text_, key.session_id);
  text_ += ':';
  append_key(text_, key);
}

Task<std::size_t> BackupBody::read(std::span<char> buffer) {
  if (sent_ == text_.size() && !ended_) {
    text_.clear();
    sent_ = 0;
    co_await next();
  }
  const std::size_t count = std::min(buffer.size(), text_.size() - sent_);
  std::copy_n(text_.data() + sent_, count, buffer.data());
  sent_ += count;
  co_return count;
}

void append_key(std::string& out, const RoomKey& key) {
  json::Writer{out}
      .begin_object()
      .key("first_message_index")
      .value(key.first_message_index)
      .key("forwarded_count")
      .value(key.forwarded_count)
      .key("is_verified")
      .value(key.is_verified)
      .key("session_data")
      .raw(key.session_data)
      .end_object();
}

http::MatrixError no_backup() {
  return http::not_found("There is no such backup.");
}

}  // namespace lares::keys
