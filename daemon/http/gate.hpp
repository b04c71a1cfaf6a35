// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <http/request_impl.hpp>

#include <lares/async/task.hpp>
#include <lares/base/log.hpp>
#include <lares/http/matrix_error.hpp>
#include <lares/http/requester.hpp>
#include <lares/http/response.hpp>
#include <lares/http/router.hpp>
#include <lares/service/server_authenticator.hpp>

#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lares {
class Server;
}
namespace lares::service {
class AppServiceAuthenticator;
class Authenticator;
class CatchUp;
class Limiter;
class RateLimiter;
}  // namespace lares::service

namespace lares::http {

/// What every request passes before its handler and after it: who asks, whether this route admits them, how
/// often, with what kind of body; and the one place where what was thrown becomes a response. It alone makes
/// the proofs that handlers take.
///
/// **Threads**: any loop, once open.
class Gate {
 public:
  Gate(Server& server, service::RateLimiter& limits);

  /// Looks up what it asks, and the limit of each route. **Errors**: StartError where a route needs what
  /// nobody provides.
  void open(const Router& router);

  /// Runs a routed request. `request` outlives the task. Does not throw: a cancelled request gives status
  /// 499.
  Task<Response> pass(RequestImpl& request);

  /// Whether the header alone shows that the request comes from an account that was here lately, an
  /// application service or another process of this server. What a token really is takes a look-up.
  bool knows(const RequestImpl& request) const noexcept;

  /// The response for what a handler has thrown; logs what an administrator should know.
  Response to_response(const std::exception_ptr& error, const RequestImpl& request) const;

 private:
  /// Whether the token is an application service's, which the authenticator does not know.
  bool of_appservice(std::string_view token) const;
  Task<std::shared_ptr<const Account>> find_account(RequestImpl& request, std::string_view token,
                                                    bool of_appservice);
  /// Whether what was thrown denies something that another process may have acknowledged.
  bool may_be_behind(const Route& route, const RequestImpl& request, const std::exception_ptr& error) const;
  void admit(const Route& route, const Account& account) const;
  void limit(const Route& route, std::string_view key, std::uint32_t route_index) const;
  /// After who asks is known: a stranger's body is neither unpacked nor parsed.
  void check_body(const Route& route, RequestImpl& request) const;
  Task<Response> pass_server(const Route& route, RequestImpl& request);
  Peer admit_worker(const RequestImpl& request) const;

  Server& server_;
  service::RateLimiter& limits_;
  service::Authenticator* authenticator_ = nullptr;
  service::AppServiceAuthenticator* appservices_ = nullptr;
  service::ServerAuthenticator* servers_ = nullptr;
  service::CatchUp* catch_up_ = nullptr;         // null where there is one process
  std::vector<service::Limiter*> route_limits_;  ///< by the route's index; null for none
  std::string worker_secret_;
  log::Logger log_{"lares.http.gate"};
};

/// What a client gets to see of an error.
[[nodiscard]] Response error_response(const MatrixError& error);

/// The access token of a request: `Authorization: Bearer`, or the query parameter that old clients send.
/// **Errors**: MatrixError 401 M_MISSING_TOKEN. spec: Client-Server API, "Using access tokens"
[[nodiscard]] std::string access_token(const RequestImpl& request);

/// Takes an X-Matrix header apart: parameters with or without quotes, with or without white space. Nothing
/// where it is none. spec: Server-Server API, "Request Authentication"
[[nodiscard]] std::optional<service::XMatrix> parse_x_matrix(std::string_view header);

}  // namespace lares::http
