// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace lares::config {

enum class Severity { Warning, Error };

/// One thing that an administrator should know or must change.
struct Diagnostic {
  Severity severity = Severity::Error;
  std::string file;     ///< empty when the matter is in no file; "environment NAME" for a variable
  int line = 0;         ///< from 1; 0 when the matter is in no line
  std::string key;      ///< dotted, with list places: "listeners[1].port"; may be empty
  std::string message;  ///< what is wrong and what was expected, without the place
};

/// "/etc/lares/homeserver.yaml:12: error: listeners[1].port: expected an integer from 0 to 65535, found
/// \"http\"".
[[nodiscard]] std::string to_string(const Diagnostic& diagnostic);

/// Whether one of them is an error.
[[nodiscard]] bool any_error(const std::vector<Diagnostic>& diagnostics);

}  // namespace lares::config
