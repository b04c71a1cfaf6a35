// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task.hpp>
#include <lares/base/export.hpp>
#include <lares/http/requester.hpp>

#include <memory>
#include <optional>
#include <string_view>

namespace lares::service {

/// Turns application-service tokens into accounts. Provided by the application-service plugin, asked by the
/// gate alone, before the Authenticator; without a provider no token is one of an application service.
///
/// **Threads**: any.
class LARES_EXPORT AppServiceAuthenticator {
 public:
  static constexpr std::string_view kServiceId = "lares.appservice-authenticator/1";
  virtual ~AppServiceAuthenticator();

  /// Whether a token is one of an application service. Asked for each request with a token that is in no
  /// cache, so it must not wait.
  [[nodiscard]] virtual bool owns(std::string_view token) const noexcept = 0;

  /// The account for which the service acts: `user_id` and `device_id` are the query parameters of those
  /// names.
  /// **Errors**: MatrixError 403 M_FORBIDDEN for a user outside the service's namespaces, 400 for a device
  /// that is not the user's.
  virtual Task<std::shared_ptr<const http::Account>> authenticate(
      std::string_view token, std::optional<std::string_view> user_id,
      std::optional<std::string_view> device_id) = 0;
};

}  // namespace lares::service
