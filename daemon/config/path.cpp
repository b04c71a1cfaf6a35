// SPDX-License-Identifier: Apache-2.0
#include <config/path.hpp>

#include <algorithm>

namespace lares::config {

namespace {

bool is_name(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

}  // namespace

std::optional<std::vector<Segment>> parse_path(std::string_view path) {
  std::vector<Segment> segments;
  for (;;) {
    const auto dot = path.find('.');
    std::string_view step = path.substr(0, dot);
    Segment segment;
    if (step.ends_with("[]")) {
      segment.entries = true;
      step.remove_suffix(2);
    }
    if (!is_name(step) && step != "*") {
      return std::nullopt;
    }
    segment.name = step;
    segments.push_back(std::move(segment));
    if (dot == std::string_view::npos) {
      return segments;
    }
    path.remove_prefix(dot + 1);
  }
}

bool is_static_path(std::string_view path) {
  return path.find_first_of("[*") == std::string_view::npos;
}

std::string_view parent_path(std::string_view path) {
  const auto dot = path.rfind('.');
  return dot == std::string_view::npos ? std::string_view{} : path.substr(0, dot);
}

std::string_view last_name(std::string_view path) {
  const auto dot = path.rfind('.');
  return dot == std::string_view::npos ? path : path.substr(dot + 1);
}

std::string join_path(std::string_view parent, std::string_view name) {
  return parent.empty() ? std::string(name) : std::string(parent) + '.' + std::string(name);
}

std::string environment_name(std::string_view path) {
  std::string name = "LARES_";
  for (const char c : path) {
    if (c == '.') {
      name += "__";
    } else {
      name += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    }
  }
  return name;
}

}  // namespace lares::config
