// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task.hpp>
#include <lares/base/export.hpp>
#include <lares/matrix/identifiers.hpp>

#include <string>
#include <string_view>

namespace lares::service {

/// An `Authorization: X-Matrix` header, taken apart. Nothing in it has been verified.
///
/// spec: Server-Server API, "Request Authentication"
struct XMatrix {
  std::string origin;
  std::string destination;  ///< empty where an old server left it out
  std::string key_id;
  std::string signature;
};

/// Verifies requests of other homeservers. Provided by federation, asked by the gate alone; without a
/// provider every route of access `Server` answers 403 M_FORBIDDEN.
///
/// **Threads**: any.
class LARES_EXPORT ServerAuthenticator {
 public:
  static constexpr std::string_view kServiceId = "lares.server-authenticator/1";
  virtual ~ServerAuthenticator();

  /// The server that signed this request. `method`, `target` (as received) and `body` are what the signature
  /// covers; they outlive the call.
  /// **Errors**: MatrixError 401 M_UNAUTHORIZED for a signature that does not hold or another destination,
  /// 403 M_FORBIDDEN for a server that is not admitted.
  virtual Task<matrix::ServerName> verify(XMatrix header, std::string_view method, std::string_view target,
                                          std::string_view body) = 0;
};

}  // namespace lares::service
