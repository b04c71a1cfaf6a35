// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task.hpp>
#include <lares/base/export.hpp>
#include <lares/http/request.hpp>
#include <lares/http/requester.hpp>
#include <lares/http/response.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace lares::service {

/// Asks a user to prove who they are before something grave, whatever ways the account has for it. Provided
/// by identity.
///
/// spec: Client-Server API, "User-Interactive Authentication API"
/// **Threads**: any.
class LARES_EXPORT InteractiveAuth {
 public:
  static constexpr std::string_view kServiceId = "lares.interactive-auth/1";
  virtual ~InteractiveAuth();

  /// Takes the step that the request's `auth` is for. Nothing when the user has passed; else the 401 to
  /// answer. `operation` binds the dialogue to what it was begun for ("add cross-signing keys").
  virtual Task<std::optional<http::Response>> step(const http::Requester& requester, http::Request& request,
                                                   std::string operation) = 0;
};

}  // namespace lares::service
