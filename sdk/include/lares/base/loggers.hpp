// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>

#include <string>
#include <vector>

namespace lares::log {

/// The names of the loggers that this process has made so far, sorted. **Threads** any.
[[nodiscard]] LARES_EXPORT std::vector<std::string> logger_names();

}  // namespace lares::log
