// SPDX-License-Identifier: Apache-2.0
#include <config/scalars.hpp>

#include <nlohmann/json.hpp>

#include <array>
#include <charconv>
#include <cmath>
#include <string>
#include <utility>

namespace lares::config {

namespace {

struct Unit {
  std::string_view name;
  std::int64_t factor;
};

constexpr std::int64_t kSecond = 1000;
constexpr std::int64_t kMinute = 60 * kSecond;
constexpr std::int64_t kHour = 60 * kMinute;
constexpr std::int64_t kDay = 24 * kHour;

// From the largest to the smallest, so that formatting finds the largest that divides.
constexpr std::array<Unit, 7> kTimes = {{{"y", 365 * kDay},
                                         {"w", 7 * kDay},
                                         {"d", kDay},
                                         {"h", kHour},
                                         {"m", kMinute},
                                         {"s", kSecond},
                                         {"ms", 1}}};
constexpr std::array<Unit, 4> kSizes = {
    {{"T", std::int64_t{1} << 40}, {"G", std::int64_t{1} << 30}, {"M", 1 << 20}, {"K", 1 << 10}}};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::optional<std::int64_t> parse_integer(std::string_view digits, int base) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (error != std::errc{} || end != digits.data() + digits.size()) {
    return std::nullopt;
  }
  return value;
}

/// Without the underscores that YAML 1.1 lets stand between digits.
std::string without_underscores(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_' || i == 0 || i + 1 == text.size()) {
      result += text[i];
    }
  }
  return result;
}

template <std::size_t N>
std::optional<std::int64_t> read_with_unit(std::string_view text, const std::array<Unit, N>& units) {
  const auto digits = text.find_first_not_of("0123456789");
  if (digits == 0 || text.empty()) {
    return std::nullopt;
  }
  const auto number = parse_integer(text.substr(0, digits), 10);
  if (!number || digits == std::string_view::npos) {
    return number;
  }
  const std::string_view name = text.substr(digits);
  for (const Unit& unit : units) {
    if (unit.name == name) {
      std::int64_t product = 0;
      return __builtin_mul_overflow(*number, unit.factor, &product) ? std::nullopt : std::optional(product);
    }
  }
  return std::nullopt;
}

template <std::size_t N>
std::string format_with_unit(std::int64_t value, const std::array<Unit, N>& units) {
  for (const Unit& unit : units) {
    if (value != 0 && value % unit.factor == 0) {
      return std::to_string(value / unit.factor) + std::string(unit.name);
    }
  }
  return std::to_string(value);
}

}  // namespace

std::optional<bool> read_bool(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, bool>, 18> kWords = {{{"true", true},
                                                                         {"True", true},
                                                                         {"TRUE", true},
                                                                         {"yes", true},
                                                                         {"Yes", true},
                                                                         {"YES", true},
                                                                         {"on", true},
                                                                         {"On", true},
                                                                         {"ON", true},
                                                                         {"false", false},
                                                                         {"False", false},
                                                                         {"FALSE", false},
                                                                         {"no", false},
                                                                         {"No", false},
                                                                         {"NO", false},
                                                                         {"off", false},
                                                                         {"Off", false},
                                                                         {"OFF", false}}};
  for (const auto& [word, value] : kWords) {
    if (word == text) {
      return value;
    }
  }
  return std::nullopt;
}

std::optional<std::int64_t> read_integer(std::string_view text) {
  bool negative = false;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  if (text.empty() || !is_digit(text[0])) {
    return std::nullopt;
  }
  const std::string plain = without_underscores(text);
  std::string_view digits = plain;
  int base = 10;
  if (digits.size() > 1 && digits[0] == '0') {
    const char second = digits[1];
    base = second == 'x' ? 16 : second == 'b' ? 2 : 8;
    digits.remove_prefix(is_digit(second) ? 1 : 2);
    if (!is_digit(second) && second != 'x' && second != 'b' && second != 'o') {
      return std::nullopt;
    }
    if (digits.empty() || digits[0] == '-') {
      return std::nullopt;
    }
  }
  // The sign is parsed along, since the smallest integer has no positive counterpart.
  return parse_integer((negative ? "-" : "") + std::string(digits), base);
}

std::optional<double> read_number(std::string_view text) {
  if (const auto integer = read_integer(text)) {
    return static_cast<double>(*integer);
  }
  if (text.starts_with('+')) {
    text.remove_prefix(1);
  }
  const std::string_view unsigned_text = text.starts_with('-') ? text.substr(1) : text;
  if (unsigned_text.empty() || (!is_digit(unsigned_text[0]) && unsigned_text[0] != '.')) {
    return std::nullopt;
  }
  const std::string plain = without_underscores(text);
  double value = 0;
  const auto [end, error] = std::from_chars(plain.data(), plain.data() + plain.size(), value);
  if (error != std::errc{} || end != plain.data() + plain.size() || !std::isfinite(value)) {
    return std::nullopt;
  }
  return value;
}

std::optional<std::int64_t> read_duration(std::string_view text) {
  return read_with_unit(text, kTimes);
}

std::optional<std::int64_t> read_size(std::string_view text) {
  if (text.ends_with("iB")) {
    text.remove_suffix(2);
    return text.empty() || is_digit(text.back()) ? std::nullopt : read_with_unit(text, kSizes);
  }
  if (text.ends_with('B')) {
    text.remove_suffix(1);
  }
  return read_with_unit(text, kSizes);
}

nlohmann::json to_json(const Node& node) {
  switch (node.kind) {
    case Node::Kind::Null:
      return nullptr;
    case Node::Kind::Scalar: {
      if (!node.quoted) {
        if (const auto boolean = read_bool(node.text)) {
          return *boolean;
        }
        if (const auto integer = read_integer(node.text)) {
          return *integer;
        }
        if (const auto number = read_number(node.text)) {
          return *number;
        }
      }
      return node.text;
    }
    case Node::Kind::Sequence: {
      auto list = nlohmann::json::array();
      for (const auto& item : node.items) {
        list.push_back(to_json(item));
      }
      return list;
    }
    case Node::Kind::Mapping: {
      auto map = nlohmann::json::object();
      for (const auto& entry : node.entries) {
        map[entry.key] = to_json(entry.value);
      }
      return map;
    }
  }
  return nullptr;
}

std::string format_duration(std::int64_t milliseconds) {
  return format_with_unit(milliseconds, kTimes);
}

std::string format_size(std::int64_t bytes) {
  return format_with_unit(bytes, kSizes);
}

}  // namespace lares::config
