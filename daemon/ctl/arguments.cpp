// SPDX-License-Identifier: Apache-2.0
#include <ctl/arguments.hpp>

#include <config/spelling.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace lares::ctl {

namespace {

std::string unknown_option(std::string_view name, std::span<const Option> options) {
  std::vector<std::string_view> names;
  for (const Option& option : options) {
    names.push_back(option.name);
  }
  const std::string meant = config::nearest(name, names);
  return meant.empty() ? fmt::format("there is no option {}", name)
                       : fmt::format("there is no option {}; did you mean {}?", name, meant);
}

}  // namespace

std::optional<std::string> Arguments::value(std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? std::nullopt : std::optional(found->second.back());
}

std::vector<std::string> Arguments::values(std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? std::vector<std::string>{} : found->second;
}

std::expected<Arguments, std::string> parse_arguments(std::span<const std::string> arguments,
                                                      std::span<const Option> options) {
  Arguments result;
  bool words_only = false;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    if (words_only || !argument.starts_with('-') || argument == "-") {
      result.words_.emplace_back(argument);
      continue;
    }
    if (argument == "--") {
      words_only = true;
      continue;
    }
    const auto equals = argument.starts_with("--") ? argument.find('=') : std::string_view::npos;
    const std::string_view name = argument.substr(0, equals);
    const auto option = std::ranges::find_if(options, [&](const Option& candidate) {
      return candidate.name == name || (!candidate.short_name.empty() && candidate.short_name == name);
    });
    if (option == options.end()) {
      return std::unexpected(unknown_option(name, options));
    }
    auto& values = result.values_[std::string(option->name)];
    if (option->value.empty()) {
      if (equals != std::string_view::npos) {
        return std::unexpected(fmt::format("{} takes no value", option->name));
      }
      values.emplace_back();
    } else if (equals != std::string_view::npos) {
      values.emplace_back(argument.substr(equals + 1));
    } else if (++i < arguments.size()) {
      values.emplace_back(arguments[i]);
    } else {
      return std::unexpected(fmt::format("{} needs a {} after it", option->name, option->value));
    }
  }
  return result;
}

}  // namespace lares::ctl
