// SPDX-License-Identifier: Apache-2.0
#include <lares/base/strings.hpp>
#include <lares/http/matrix_error.hpp>
#include <lares/http/request.hpp>
#include <lares/json/scanner.hpp>

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace lares::http {

struct Request::Tree {
  nlohmann::json value;
};

Request::Request() = default;
Request::~Request() = default;

void Request::set_json_rules(std::uint32_t max_depth, bool body_optional) noexcept {
  json_depth_ = max_depth;
  body_optional_ = body_optional;
}

void Request::reset_json() noexcept {
  tree_.reset();
  view_ = {};
}

json::Value Request::json_view() {
  if (view_) {
    return view_;
  }
  std::string_view text = body();
  if (text.empty() && body_optional_) {
    text = "{}";
  }
  const json::ScanOptions options{.numbers = json::Numbers::kAny,
                                  .max_depth = json_depth_,
                                  .max_bytes = text.size() + 1,
                                  .require_object = false};
  if (const auto scanned = json::scan(text, options); !scanned) {
    const json::Error error = scanned.error();
    if (error.code == json::ErrorCode::kEmpty) {
      throw not_json("The request needs a JSON object as its body.");
    }
    const std::string sentence =
        fmt::format("{} at byte {} of the body.", json::describe(error.code), error.offset);
    if (json::is_syntax_error(error.code)) {
      throw not_json("Content not JSON: " + sentence);
    }
    throw bad_json("Content not acceptable: " + sentence);
  }
  const json::Value value(text);
  if (!value.is_object()) {
    throw bad_json("Content must be a JSON object.");
  }
  view_ = value;
  return view_;
}

const nlohmann::json& Request::json() {
  if (tree_ == nullptr) {
    const json::Value view = json_view();
    const std::string_view text = view.bytes();
    auto tree = std::make_unique<Tree>();
    tree->value = nlohmann::json::parse(text.begin(), text.end(), nullptr, false);
    if (tree->value.is_discarded()) {
      // The scanner lets numbers of any size through; the tree cannot hold those beyond a double.
      throw bad_json("Content not acceptable: a number is out of range.");
    }
    tree_ = std::move(tree);
  }
  return tree_->value;
}

std::int64_t Request::query_integer(std::string_view name, std::int64_t fallback, std::int64_t minimum,
                                    std::int64_t maximum) const {
  const std::optional<std::string> text = query(name);
  if (!text) {
    return fallback;
  }
  const std::optional<std::int64_t> number = parse_int64(*text);
  if (!number || *number < minimum || *number > maximum) {
    throw invalid_param(
        fmt::format("Query parameter '{}' must be an integer from {} to {}.", name, minimum, maximum));
  }
  return *number;
}

bool Request::query_bool(std::string_view name, bool fallback) const {
  const std::optional<std::string> text = query(name);
  if (!text) {
    return fallback;
  }
  if (*text == "true") {
    return true;
  }
  if (*text == "false") {
    return false;
  }
  throw invalid_param(fmt::format("Query parameter '{}' must be 'true' or 'false'.", name));
}

}  // namespace lares::http
