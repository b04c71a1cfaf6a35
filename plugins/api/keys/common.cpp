// SPDX-License-Identifier: Apache-2.0
#include "common.hpp"

#include <lares/http/matrix_error.hpp>
#include <lares/matrix/identifiers.hpp>
#include <lares/storage/errors.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>

namespace lares::keys {

using nlohmann::json;

const json* optional_object(const json& body, const char* key) {
  const auto found = body.find(key);
  if (found == body.end() || found->is_null()) {
    return nullptr;
  }
  if (!found->is_object()) {
    throw http::bad_json("'" + std::string{key} + "' is not an object.");
  }
  return &*found;
}

const json& required_object(const json& body, const char* key) {
  const json* found = optional_object(body, key);
  if (found == nullptr) {
    throw http::missing_param("'" + std::string{key} + "' is missing.");
  }
  return *found;
}

std::vector<std::string> strings(const json& value, std::string_view what) {
  std::vector<std::string> result;
  if (value.is_null()) {
    return result;
  }
  if (!value.is_array() || !std::ranges::all_of(value, [](const json& entry) { return entry.is_string(); })) {
    throw http::bad_json(std::string{what} + " are not a list of strings.");
  }
  for (const json& entry : value) {
    result.push_back(entry.get<std::string>());
  }
  return result;
}

bool is_object_of_strings(const json& value) {
  return value.is_object() && std::ranges::all_of(value, [](const json& entry) { return entry.is_string(); });
}

bool has_good_signatures(const json& object) {
  const auto signatures = object.find("signatures");
  return signatures == object.end() ||
         (signatures->is_object() && std::ranges::all_of(*signatures, &is_object_of_strings));
}

std::optional<std::string> signature_of(const json& object, std::string_view user_id,
                                        std::string_view key_id) {
  const auto signatures = object.find("signatures");
  if (signatures == object.end() || !signatures->is_object()) {
    return std::nullopt;
  }
  const auto by_user = signatures->find(std::string{user_id});
  if (by_user == signatures->end() || !by_user->is_object()) {
    return std::nullopt;
  }
  const auto found = by_user->find(std::string{key_id});
  return found != by_user->end() && found->is_string() ? std::optional{found->get<std::string>()}
                                                       : std::nullopt;
}

bool is_local(const Shared& shared, std::string_view user_id) {
  return matrix::server_part(user_id) == shared.server.name();
}

json parse_stored(std::string_view text) {
  json value = json::parse(text, nullptr, false);
  if (value.is_discarded()) {
    throw storage::Corrupt{"A stored key is no JSON."};
  }
  return value;
}

json unreachable() {
  return {{"status", 503}, {"errcode", "M_UNKNOWN"}, {"message", "This server does not talk to others."}};
}

}  // namespace lares::keys
