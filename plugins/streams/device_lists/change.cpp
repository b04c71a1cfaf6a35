// SPDX-License-Identifier: Apache-2.0
#include "change.hpp"

#include <lares/json/writer.hpp>

#include <nlohmann/json.hpp>

namespace lares::device_lists {

namespace {

constexpr storage::Statement kChanged{
    "INSERT INTO device_list_changes (account, writer, position) VALUES ($1, $2, $3) ON CONFLICT (account) "
    "DO "
    "UPDATE SET writer = excluded.writer, position = excluded.position"};
constexpr storage::Statement kSaid{"DELETE FROM device_list_pending WHERE account = $1"};
constexpr storage::Statement kSigned{
    "INSERT INTO user_signature_changes (signer, account, writer, position) VALUES ($1, $2, $3, $4) "
    "ON CONFLICT (signer, account) DO UPDATE SET writer = excluded.writer, position = excluded.position"};

}  // namespace

void store(storage::WriteTransaction& tx, const Change& change, stream::WriterNumber writer,
           std::int64_t position) {
  for (const std::int64_t other : change.signed_numbers) {
    tx.exec(kSigned, change.user, other, static_cast<std::int64_t>(writer), position);
  }
  if (change.signed_users.empty()) {
    tx.exec(kSaid, change.user);
    tx.exec(kChanged, change.user, static_cast<std::int64_t>(writer), position);
  }
}

std::string row(std::string_view user_id, bool is_signature) {
  std::string row;
  json::Writer{row}.begin_array().value(user_id).value(is_signature).value(false).end_array();
  return row;
}

std::string encode(const Change& change) {
  return nlohmann::json{{"user_id", change.user_id}, {"signed_users", change.signed_users}}.dump();
}

Change decode(const std::string& text) {
  const nlohmann::json json = nlohmann::json::parse(text);
  Change change;
  change.user_id = json.at("user_id").get<std::string>();
  change.signed_users = json.at("signed_users").get<std::vector<std::string>>();
  return change;
}

Task<void> number(storage::Interner& interner, Change& change) {
  std::vector<storage::InternView> ids{{.first = change.user_id}};
  for (const std::string& user_id : change.signed_users) {
    ids.push_back({.first = user_id});
  }
  std::vector<std::int64_t> numbers = co_await interner.intern(storage::InternKind::User, std::move(ids));
  change.user = numbers.front();
  change.signed_numbers.assign(numbers.begin() + 1, numbers.end());
}

}  // namespace lares::device_lists
