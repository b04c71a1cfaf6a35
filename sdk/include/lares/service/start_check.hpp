// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task.hpp>
#include <lares/base/export.hpp>

#include <string_view>

namespace lares::service {

/// What may speak against the start of this process and only the database can tell. Plugins join theirs; the
/// host asks all of them once the tables are there and before anything else starts.
class LARES_EXPORT StartCheck {
 public:
  static constexpr std::string_view kServiceId = "lares.start-check/1";
  virtual ~StartCheck();

  /// Writes nothing. **Errors**: StartError. **Threads**: the first loop.
  virtual Task<void> check() = 0;
};

}  // namespace lares::service
