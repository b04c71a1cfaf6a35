// SPDX-License-Identifier: Apache-2.0
#include <lares/http/json_fields.hpp>

#include <lares/http/matrix_error.hpp>
#include <lares/json/scanner.hpp>

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

nlohmann::json query_object(std::string_view text, const char* name) {
  constexpr std::uint32_t kMaxDepth = 200;
  const json::ScanOptions options{.numbers = json::Numbers::kAny,
                                  .max_depth = kMaxDepth,
                                  .max_bytes = text.size() + 1,
                                  .require_object = false};
  if (const auto scanned = json::scan(text, options); !scanned) {
    const std::string sentence =
        "'" + std::string{name} + "': " + std::string{json::describe(scanned.error().code)};
    throw json::is_syntax_error(scanned.error().code) ? not_json(sentence) : bad_json(sentence);
  }
  nlohmann::json object = nlohmann::json::parse(text, nullptr, false);
  if (!object.is_object()) {
    throw bad_json("'" + std::string{name} + "' is not a JSON object.");
  }
  return object;
}

}  // namespace lares::http
