// SPDX-License-Identifier: Apache-2.0
#include <config/value_reader.hpp>

#include <config/scalars.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <optional>
#include <stdexcept>

namespace lares::config {

namespace {

using Result = std::expected<nlohmann::json, std::string>;

std::string format_bound(const ConfigKey& key, std::int64_t bound) {
  switch (key.type) {
    case ConfigType::Duration:
      return format_duration(bound);
    case ConfigType::Size:
      return format_size(bound);
    default:
      return std::to_string(bound);
  }
}

std::string describe_range(const ConfigKey& key) {
  const bool low = key.minimum != INT64_MIN;
  const bool high = key.maximum != INT64_MAX;
  if (low && high) {
    return fmt::format(" from {} to {}", format_bound(key, key.minimum), format_bound(key, key.maximum));
  }
  if (low) {
    return fmt::format(" of at least {}", format_bound(key, key.minimum));
  }
  if (high) {
    return fmt::format(" of at most {}", format_bound(key, key.maximum));
  }
  return {};
}

Result expected_instead(const ConfigKey& key, const Node& node, std::string_view hint = {}) {
  return std::unexpected(fmt::format("expected {}, found {}{}{}", describe_type(key),
                                     describe_found(node, key.secret), hint.empty() ? "" : "; ", hint));
}

bool in_range(const ConfigKey& key, std::int64_t value) {
  return value >= key.minimum && value <= key.maximum;
}

Result read_plain_integer(const ConfigKey& key, const Node& node) {
  const auto value = read_integer(node.text);
  if (!value || node.quoted) {
    return expected_instead(key, node, value ? "remove the quotes" : "");
  }
  return in_range(key, *value) ? Result(*value) : expected_instead(key, node);
}

Result read_plain_number(const ConfigKey& key, const Node& node) {
  const auto value = read_number(node.text);
  if (!value || node.quoted) {
    return expected_instead(key, node, value ? "remove the quotes" : "");
  }
  const bool low = key.minimum == INT64_MIN || *value >= static_cast<double>(key.minimum);
  const bool high = key.maximum == INT64_MAX || *value <= static_cast<double>(key.maximum);
  return low && high ? Result(*value) : expected_instead(key, node);
}

Result read_quantity(const ConfigKey& key, const Node& node, std::optional<std::int64_t> value) {
  if (node.text == "infinity" && accepts_null(key)) {
    return nullptr;
  }
  return value && in_range(key, *value) ? Result(*value) : expected_instead(key, node);
}

Result read_text(const ConfigKey& key, const Node& node) {
  if (!key.allowed.empty()) {
    const bool known = std::ranges::find(key.allowed, node.text) != key.allowed.end();
    return known ? Result(node.text) : expected_instead(key, node);
  }
  // "true" where a text belongs is a misunderstanding more often than a name.
  const bool boolean = !node.quoted && read_bool(node.text).has_value() && node.text.size() >= 4;
  return boolean ? expected_instead(key, node, "put it in quotes if you mean the word") : Result(node.text);
}

/// Of a closed set, "true" and "false" stand for the booleans however they are written.
Result read_any(const ConfigKey& key, const Node& node) {
  if (key.allowed.empty()) {
    return to_json(node);
  }
  const auto boolean = read_bool(node.text);
  const bool known = std::ranges::find(key.allowed, !boolean   ? node.text
                                                    : *boolean ? "true"
                                                               : "false") != key.allowed.end();
  if (node.kind != Node::Kind::Scalar || !known || (boolean && node.quoted)) {
    return expected_instead(key, node, known && boolean && node.quoted ? "remove the quotes" : "");
  }
  return to_json(node);
}

Result read_strings(const ConfigKey& key, const Node& node) {
  auto list = nlohmann::json::array();
  const auto add = [&](const Node& item) {
    const bool known = key.allowed.empty() || std::ranges::find(key.allowed, item.text) != key.allowed.end();
    if (item.kind != Node::Kind::Scalar || !known) {
      return false;
    }
    list.push_back(item.text);
    return true;
  };
  if (node.kind == Node::Kind::Sequence) {
    for (const auto& item : node.items) {
      if (!add(item)) {
        return expected_instead(key, item);
      }
    }
  } else if (!add(node)) {
    return expected_instead(key, node);
  }
  return in_range(key, static_cast<std::int64_t>(list.size())) ? Result(std::move(list))
                                                               : expected_instead(key, node);
}

Result read_typed(const ConfigKey& key, const Node& node) {
  if (key.type == ConfigType::Strings) {
    return read_strings(key, node);
  }
  if (key.type == ConfigType::Any) {
    return read_any(key, node);
  }
  if (node.kind != Node::Kind::Scalar) {
    return expected_instead(key, node);
  }
  switch (key.type) {
    case ConfigType::Bool: {
      const auto value = read_bool(node.text);
      if (!value || node.quoted) {
        return expected_instead(key, node, value ? "remove the quotes" : "");
      }
      return *value;
    }
    case ConfigType::Integer:
      return read_plain_integer(key, node);
    case ConfigType::Number:
      return read_plain_number(key, node);
    case ConfigType::Duration:
      return read_quantity(key, node, read_duration(node.text));
    case ConfigType::Size:
      return read_quantity(key, node, read_size(node.text));
    default:
      return read_text(key, node);
  }
}

}  // namespace

std::string describe_type(const ConfigKey& key) {
  const std::string choices =
      key.allowed.empty() ? "" : fmt::format("one of {}", fmt::join(key.allowed, ", "));
  switch (key.type) {
    case ConfigType::Bool:
      return "true or false";
    case ConfigType::Integer:
      return "an integer" + describe_range(key);
    case ConfigType::Number:
      return "a number" + describe_range(key);
    case ConfigType::String:
      return choices.empty() ? "a text" : choices;
    case ConfigType::Duration:
      return "a duration such as 30s, 5m or 1d" + describe_range(key);
    case ConfigType::Size:
      return "a size such as 512K or 50M" + describe_range(key);
    case ConfigType::Strings: {
      const bool bounded = key.minimum != INT64_MIN || key.maximum != INT64_MAX;
      const std::string count =
          bounded ? fmt::format(", with a number of entries{}", describe_range(key)) : "";
      return (choices.empty() ? "a list of texts" : fmt::format("a list, each entry {}", choices)) + count;
    }
    case ConfigType::List:
      return "a list";
    case ConfigType::Map:
    case ConfigType::Object:
      return "a mapping";
    case ConfigType::Any:
      return choices.empty() ? "a value" : choices;
  }
  return "a value";
}

std::string describe_found(const Node& node, bool secret) {
  constexpr std::size_t kShown = 60;
  switch (node.kind) {
    case Node::Kind::Null:
      return "nothing";
    case Node::Kind::Sequence:
      return "a list";
    case Node::Kind::Mapping:
      return "a mapping";
    case Node::Kind::Scalar:
      break;
  }
  if (secret) {
    return "something else, which is a secret and not shown";
  }
  if (node.text.size() <= kShown) {
    return fmt::format("\"{}\"", node.text);
  }
  std::size_t cut = kShown;
  while (cut > 0 && (static_cast<unsigned char>(node.text[cut]) & 0xC0u) == 0x80u) {
    --cut;
  }
  return fmt::format("\"{}...\"", node.text.substr(0, cut));
}

bool accepts_null(const ConfigKey& key) {
  return key.nullable || key.default_value == "null" || key.default_value == "infinity";
}

std::expected<nlohmann::json, std::string> read_value(const ConfigKey& key, const Node& node) {
  Result value = read_typed(key, node);
  if (!value || value->is_null() || key.check == nullptr) {
    return value;
  }
  const std::string expected = key.check(*value);
  return expected.empty() ? value
                          : std::unexpected(fmt::format("expected {}, found {}", expected,
                                                        describe_found(node, key.secret)));
}

Node default_node(const ConfigKey& key) {
  auto node = parse_document(key.default_value, -1, key.path);
  if (!node) {
    throw std::logic_error(
        fmt::format("the default of configuration key {} is not YAML: {}", key.path, node.error().message));
  }
  return std::move(*node);
}

}  // namespace lares::config
