// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task.hpp>
#include <lares/base/export.hpp>
#include <lares/http/request.hpp>
#include <lares/http/requester.hpp>

#include <memory>
#include <string_view>

namespace lares::service {

/// Turns access tokens into accounts. Provided by identity, asked by the gate alone.
///
/// **Threads**: any.
class LARES_EXPORT Authenticator {
 public:
  static constexpr std::string_view kServiceId = "lares.authenticator/1";
  virtual ~Authenticator();

  /// The account of a token that is known here and certainly still valid, without waiting; null when it must
  /// be looked up. The gate asks this first, so that a request with a warm token is not suspended.
  [[nodiscard]] virtual std::shared_ptr<const http::Account> cached(std::string_view token) noexcept = 0;

  /// The account of a token. Locked, suspended and guest accounts are returned as such: what they may do is
  /// the route's business.
  /// **Errors**: MatrixError 401 M_UNKNOWN_TOKEN for forged, logged-out and expired tokens (`soft_logout` as
  /// the specification says) and for deactivated accounts.
  virtual Task<std::shared_ptr<const http::Account>> authenticate(std::string_view token) = 0;

  /// A request was admitted with an account that this authenticator gave: takes note of when, from where and
  /// with what program the device was used. On the path of every request, so it costs next to nothing.
  virtual void seen(const http::Account& account, const http::Request& request) noexcept = 0;
};

}  // namespace lares::service
