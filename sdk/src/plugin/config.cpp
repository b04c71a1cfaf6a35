// SPDX-License-Identifier: Apache-2.0
#include <lares/plugin/config.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <limits>
#include <stdexcept>

namespace lares {

namespace {

[[noreturn]] void wrong_type(std::string_view path, std::string_view asked) {
  throw std::logic_error(fmt::format(
      "configuration key {} was asked for as {}, and is declared as something else", path, asked));
}

}  // namespace

Config::~Config() = default;

bool Config::boolean(std::string_view path) const {
  const auto& value = get(path);
  if (!value.is_boolean()) {
    wrong_type(path, "a boolean");
  }
  return value.get<bool>();
}

std::int64_t Config::integer(std::string_view path) const {
  const auto& value = get(path);
  if (!value.is_number_integer()) {
    wrong_type(path, "an integer");
  }
  return value.get<std::int64_t>();
}

double Config::number(std::string_view path) const {
  const auto& value = get(path);
  if (!value.is_number()) {
    wrong_type(path, "a number");
  }
  return value.get<double>();
}

std::string Config::string(std::string_view path) const {
  const auto& value = get(path);
  if (value.is_null()) {
    return {};
  }
  if (!value.is_string()) {
    wrong_type(path, "a string");
  }
  return value.get<std::string>();
}

std::vector<std::string> Config::strings(std::string_view path) const {
  const auto& value = get(path);
  if (value.is_null()) {
    return {};
  }
  if (!value.is_array()) {
    wrong_type(path, "a list of strings");
  }
  std::vector<std::string> result;
  result.reserve(value.size());
  for (const auto& item : value) {
    if (!item.is_string()) {
      wrong_type(path, "a list of strings");
    }
    result.push_back(item.get<std::string>());
  }
  return result;
}

std::optional<std::chrono::milliseconds> Config::optional_duration(std::string_view path) const {
  const auto& value = get(path);
  if (value.is_null()) {
    return std::nullopt;
  }
  if (!value.is_number_integer()) {
    wrong_type(path, "a duration");
  }
  return std::chrono::milliseconds(value.get<std::int64_t>());
}

std::chrono::milliseconds Config::duration(std::string_view path) const {
  return optional_duration(path).value_or(std::chrono::milliseconds::max());
}

std::uint64_t Config::size(std::string_view path) const {
  const auto& value = get(path);
  if (value.is_null()) {
    return std::numeric_limits<std::uint64_t>::max();
  }
  if (!value.is_number_integer()) {
    wrong_type(path, "a size");
  }
  return value.get<std::uint64_t>();
}

}  // namespace lares
