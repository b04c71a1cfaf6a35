// SPDX-License-Identifier: Apache-2.0
#include <lares/http/json_fields.hpp>

#include <lares/http/matrix_error.hpp>

#include <nlohmann/json.hpp>

#include <utility>

namespace lares::http {

std::optional<std::string> optional_string(const nlohmann::json& body, const char* key) {
  const auto found = body.find(key);
  if (found == body.end() || found->is_null()) {
    return std::nullopt;
  }
  if (!found->is_string()) {
    throw bad_json("'" + std::string{key} + "' is not a string.");
  }
  return found->get<std::string>();
}

std::string required_string(const nlohmann::json& body, const char* key) {
  std::optional<std::string> value = optional_string(body, key);
  if (!value) {
    throw missing_param("'" + std::string{key} + "' is missing.");
  }
  return std::move(*value);
}

}  // namespace lares::http
