// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task.hpp>
#include <lares/base/export.hpp>

#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

namespace lares {
class Server;
}

namespace lares::stream {

/// Whether a call to another process may be made again when its answer is lost.
enum class Repeat : bool { kNever, kFreely };

/// Calls between the processes of one server: HTTP to where `instance_map` says, with the replication secret.
/// A process that is being restarted is waited for, as long as a client would wait.
///
/// **Threads**: any.
class LARES_EXPORT Peers {
 public:
  static constexpr std::string_view kServiceId = "lares.peers/1";
  virtual ~Peers();

  /// Posts `body` to a path below "/_lares/replication/" at an instance and gives the answer's object.
  /// **Errors**: MatrixError: what the other end threw, as it was; 503 if it cannot be reached, or may or may
  /// not have done it.
  virtual Task<nlohmann::json> call(std::string instance, std::string path, nlohmann::json body,
                                    Repeat repeat) = 0;
};

/// The other end of a call. Its `body` is shielded from cancellation.
using PeerHandler = std::function<Task<nlohmann::json>(nlohmann::json body)>;

/// Adds the route by which this process takes a call; in a plugin's constructor. What `handler` throws
/// reaches the caller; an exception of nlohmann's is answered with 400 M_BAD_JSON. `name` and `path` are
/// literals.
LARES_EXPORT void add_peer_route(Server& server, std::string_view name, std::string path,
                                 PeerHandler handler);

}  // namespace lares::stream
