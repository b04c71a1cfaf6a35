// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task.hpp>
#include <lares/base/export.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace lares::service {

/// Push rules of local users.
///
/// spec: Client-Server API, "Push Rules"
/// **Threads**: any.
class LARES_EXPORT PushRules {
 public:
  static constexpr std::string_view kServiceId = "lares.push-rules/1";
  virtual ~PushRules();

  /// The content of `m.push_rules`, as /sync shows it.
  virtual Task<std::string> content(std::int64_t user, std::string user_id) = 0;
};

}  // namespace lares::service
