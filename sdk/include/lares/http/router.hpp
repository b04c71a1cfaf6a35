// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task.hpp>
#include <lares/base/export.hpp>
#include <lares/http/method.hpp>
#include <lares/http/request.hpp>
#include <lares/http/requester.hpp>
#include <lares/http/response.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace lares::http {

/// Who may call a route. It is part of the route's type, and decides the proof that the handler receives.
enum class Access : std::uint8_t {
  Public,      ///< anyone: `const Anyone&`
  User,        ///< a registered user, no guest: `const Requester&`
  Guest,       ///< a user or a guest: `const Requester&`
  Admin,       ///< an administrator of this server: `const Requester&`
  AppService,  ///< an application service with its own token: `const Requester&`
  Server,      ///< another homeserver, by X-Matrix: `const Origin&`
  Worker,      ///< a process of this homeserver, by the replication secret: `const Peer&`
};

/// The proof that belongs to an access.
template <Access A>
using Proof =
    std::conditional_t<A == Access::Public, Anyone,
                       std::conditional_t<A == Access::Server, Origin,
                                          std::conditional_t<A == Access::Worker, Peer, Requester>>>;

/// What a route declares beyond its path and access. From these come the request's treatment, `laresctl
/// routes`, the lists of endpoints a worker serves and the reverse proxy's configuration.
struct RouteOptions {
  std::string_view name = {};  ///< the servlet label in metrics, as dashboards know it: "SyncRestServlet"
  std::string_view spec = {};  ///< section of the specification
  std::string_view rate_limit = {};  ///< key of the limiter the gate asks: "rc_message"; empty for none
  std::string_view shard = {};       ///< path parameter by which a proxy should hash ("roomId"), or "user"
  bool allow_suspended = true;       ///< what a suspended account may still do; reads mostly
  bool allow_locked = false;         ///< logout only
  bool cancellable = true;           ///< a client that goes away ends the work (until it writes)
  bool body_optional = false;        ///< an absent body is read as {}
  bool body_json = true;             ///< a body that is no JSON object is refused before the handler runs
  std::uint64_t body_limit = 0;      ///< bytes; 0 for the listener's default
  std::vector<std::string_view> tags = {};  ///< closed set for Request::set_tag
  /// Which listener resource offers it: "client", "federation", "media", "replication", "metrics", "health".
  std::string_view resource = "client";
};

/// A route as the registry keeps it.
struct Route {
  Method method;
  std::vector<std::string>
      patterns;  ///< "/_matrix/client/v3/rooms/{roomId}/send/{eventType}/{txnId}", one per prefix
  Access access;
  RouteOptions options;
  std::string plugin;  ///< filled in by the host
  /// The proof is passed behind `const void*` and is of the type that `access` names; only the gate calls
  /// this.
  std::function<Task<Response>(const void* proof, Request& request)> handler;
};

/// The routes of one server. Filled while plugins are constructed; does not change afterwards.
class LARES_EXPORT Router {
 public:
  virtual ~Router();

  /// Adds a route. `patterns` are full paths; `{name}` takes one segment, and `{name*}` at the end takes the
  /// rest.
  ///
  ///     router.add<Access::User>(Method::Put, client_paths("/rooms/{roomId}/typing/{userId}"), {.name =
  ///     "..."},
  ///         [this](const Requester& requester, Request& request) { return put_typing(requester, request);
  ///         });
  ///
  /// **Errors**: std::logic_error if method and pattern are taken.
  template <Access A, class Handler>
    requires std::is_invocable_r_v<Task<Response>, Handler&, const Proof<A>&, Request&>
  void add(Method method, std::vector<std::string> patterns, RouteOptions options, Handler handler) {
    add_route(
        Route{method,
              std::move(patterns),
              A,
              std::move(options),
              {},
              [handler = std::move(handler)](const void* proof, Request& request) mutable -> Task<Response> {
                return handler(*static_cast<const Proof<A>*>(proof), request);
              }});
  }

  [[nodiscard]] virtual const std::vector<Route>& routes() const noexcept = 0;

 protected:
  virtual void add_route(Route route) = 0;
};

/// The paths that clients use for one operation of the client API: v3, and r0, which old clients still send.
/// `client_paths("/sync")` is {"/_matrix/client/v3/sync", "/_matrix/client/r0/sync"}.
LARES_EXPORT std::vector<std::string> client_paths(std::string_view path);
/// As above, with further versions: `client_paths("/profile/{userId}", {"v3", "r0", "unstable"})`.
LARES_EXPORT std::vector<std::string> client_paths(std::string_view path,
                                                   std::vector<std::string_view> versions);

}  // namespace lares::http
