// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <config/checker.hpp>
#include <config/sources.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace lares::config {

/// What rules between keys look at, and where they report. Values that their own declarations refused read as
/// absent, and so do keys that nobody declared: rules stay silent about them.
class RuleContext {
 public:
  RuleContext(Checked& checked, const Sources& sources) : checked_(checked), sources_(sources) {}

  /// The value of a path of names, or null when nobody declared it.
  [[nodiscard]] const nlohmann::json* at(std::string_view path) const;
  /// Whether a file or a variable gave it, declared or not.
  [[nodiscard]] bool given(std::string_view path) const;
  [[nodiscard]] std::string text(std::string_view path) const;  ///< "" when it is no text
  [[nodiscard]] std::vector<std::string> texts(
      std::string_view path) const;                      ///< empty when it is no list of them
  [[nodiscard]] bool flag(std::string_view path) const;  ///< false when it is no boolean
  [[nodiscard]] const Sources& sources() const noexcept { return sources_; }
  /// "/etc/lares/homeserver.yaml:12".
  [[nodiscard]] std::string place(Mark mark) const;

  /// Reports at the place of `path`, or of what it lies in.
  void error(std::string_view path, std::string message);
  void warning(std::string_view path, std::string message);

 private:
  [[nodiscard]] Mark mark_of(std::string_view path) const;
  void report(Severity severity, std::string_view path, std::string message);

  Checked& checked_;
  const Sources& sources_;
};

}  // namespace lares::config
