// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lares::ctl {

/// An option that a command takes.
struct Option {
  std::string_view name;        ///< "--config-path"
  std::string_view short_name;  ///< "-c", or ""
  std::string_view value;       ///< what stands behind it, for the help: "PATH"; "" for a switch
  std::string_view meaning;
};

/// What a command was given.
class Arguments {
 public:
  [[nodiscard]] bool has(std::string_view name) const { return values_.contains(name); }
  /// The last value of an option.
  [[nodiscard]] std::optional<std::string> value(std::string_view name) const;
  /// Every value of an option, in order.
  [[nodiscard]] std::vector<std::string> values(std::string_view name) const;
  /// What is no option.
  [[nodiscard]] const std::vector<std::string>& words() const noexcept { return words_; }

 private:
  friend std::expected<Arguments, std::string> parse_arguments(std::span<const std::string> arguments,
                                                               std::span<const Option> options);
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
  std::vector<std::string> words_;
};

/// Reads `--name VALUE`, `--name=VALUE`, `-n VALUE`, switches and words; behind `--` there are words only.
///
/// **Errors**: a sentence about the first argument that makes no sense.
[[nodiscard]] std::expected<Arguments, std::string> parse_arguments(std::span<const std::string> arguments,
                                                                    std::span<const Option> options);

}  // namespace lares::ctl
