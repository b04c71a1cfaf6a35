// SPDX-License-Identifier: Apache-2.0
#include <config/diagnostics.hpp>

#include <algorithm>

namespace lares::config {

std::string to_string(const Diagnostic& diagnostic) {
  std::string text;
  if (!diagnostic.file.empty()) {
    text += diagnostic.file;
    if (diagnostic.line > 0) {
      text += ':' + std::to_string(diagnostic.line);
    }
    text += ": ";
  }
  text += diagnostic.severity == Severity::Error ? "error: " : "warning: ";
  if (!diagnostic.key.empty()) {
    text += diagnostic.key + ": ";
  }
  return text + diagnostic.message;
}

bool any_error(const std::vector<Diagnostic>& diagnostics) {
  return std::ranges::any_of(diagnostics, [](const Diagnostic& d) { return d.severity == Severity::Error; });
}

}  // namespace lares::config
