// SPDX-License-Identifier: Apache-2.0
#include "change.hpp"

#include <lares/json/writer.hpp>

#include <nlohmann/json.hpp>

#include <unordered_set>

namespace lares::to_device {

std::vector<std::string> rows(const Change& change) {
  std::vector<std::string> rows;
  std::unordered_set<std::int64_t> seen;
  for (const Message& message : change.messages) {
    if (seen.insert(message.user).second) {
      std::string& row = rows.emplace_back();
      json::Writer{row}.begin_array().value(message.user_id).end_array();
    }
  }
  return rows;
}

std::string encode(const Change& change) {
  nlohmann::json messages = nlohmann::json::array();
  for (const Message& message : change.messages) {
    messages.push_back(
        {{"user_id", message.user_id}, {"device_id", message.device_id}, {"message", message.json}});
  }
  return nlohmann::json{{"scope", change.scope},
                        {"type", change.type},
                        {"txn_id", change.txn_id},
                        {"created_ts", change.created_ts},
                        {"messages", std::move(messages)}}
      .dump();
}

Change decode(const std::string& text) {
  const nlohmann::json json = nlohmann::json::parse(text);
  Change change{.scope = json.at("scope").get<std::string>(),
                .type = json.at("type").get<std::string>(),
                .txn_id = json.at("txn_id").get<std::string>(),
                .created_ts = json.at("created_ts").get<std::int64_t>(),
                .messages = {}};
  for (const nlohmann::json& message : json.at("messages")) {
    change.messages.push_back({.user = 0,
                               .user_id = message.at("user_id").get<std::string>(),
                               .device_id = message.at("device_id").get<std::string>(),
                               .json = message.at("message").get<std::string>()});
  }
  return change;
}

Task<void> number(storage::Interner& interner, Change& change) {
  std::vector<storage::InternView> ids;
  for (const Message& message : change.messages) {
    ids.push_back({.first = message.user_id});
  }
  const std::vector<std::int64_t> numbers =
      co_await interner.intern(storage::InternKind::User, std::move(ids));
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    change.messages[i].user = numbers[i];
  }
}

}  // namespace lares::to_device
