// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task.hpp>
#include <lares/base/export.hpp>
#include <lares/http/method.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lares {
class Runtime;
}

namespace lares::http {

/// Where a request goes: a host and a port, or a unix socket.
struct Endpoint {
  std::string host = {};  ///< a name or an address; brackets of IPv6 are not part of it
  std::uint16_t port = 0;
  std::string unix_path = {};  ///< used instead of host and port where set
  bool tls = false;  ///< with TLS the certificate must match `tls_name`, or `host` where that is empty
  std::string tls_name = {};     ///< name for SNI and verification, where it is not the host
  std::string host_header = {};  ///< value of `Host`; made of host and port where empty

  auto operator<=>(const Endpoint&) const = default;
};

using Headers = std::vector<std::pair<std::string, std::string>>;

struct ClientRequest {
  Method method = Method::Get;
  std::string target = "/";  ///< path and query, percent-encoded
  Headers headers = {};  ///< besides Host, Content-Length, Connection and User-Agent, which the client writes
  std::string body = {};
  std::string_view content_type = "application/json";  ///< sent with a body only; static storage
  /// For the whole request: waiting for a connection, connecting, sending, receiving.
  std::chrono::milliseconds deadline{30'000};
  std::uint64_t body_limit = 16U << 20U;  ///< bytes of response
  /// The request may be sent again when a kept connection turns out to have been closed before any byte of
  /// the response.
  bool retry_on_stale_connection = true;
};

struct ClientResponse {
  int status = 0;
  Headers headers = {};
  std::string body = {};

  /// The first header of this name, in any case; empty if there is none.
  [[nodiscard]] LARES_EXPORT std::string_view header(std::string_view name) const noexcept;
};

/// Why no response came.
class LARES_EXPORT ClientError : public std::runtime_error {
 public:
  enum class Kind : std::uint8_t {
    Resolve,   ///< the name is unknown or has no address
    Connect,   ///< nobody listens there, or it cannot be reached
    Tls,       ///< handshake or certificate
    Timeout,   ///< the deadline passed
    Closed,    ///< the peer closed the connection before the response was complete
    Protocol,  ///< what came is no HTTP response
    TooLarge,  ///< the response is larger than `body_limit`
    Busy,      ///< too many requests wait for a connection to this endpoint
    Stopped,   ///< the client was stopped
  };

  ClientError(Kind kind, const std::string& message);
  ClientError(const ClientError&);
  ~ClientError() override;
  [[nodiscard]] Kind kind() const noexcept { return kind_; }
  /// Nothing of the request can have had an effect at the peer.
  [[nodiscard]] bool never_sent() const noexcept {
    return kind_ == Kind::Resolve || kind_ == Kind::Connect || kind_ == Kind::Busy || kind_ == Kind::Stopped;
  }

 private:
  Kind kind_;
};

struct ClientOptions {
  std::string user_agent = "Lares";
  std::string server_name = {};               ///< label of the metrics
  std::size_t connections_per_endpoint = 64;  ///< open at a time, per loop; further requests wait
  std::size_t waiting_per_endpoint = 10'000;  ///< requests that wait, per loop; further ones fail with Busy
  std::size_t kept_connections = 256;         ///< idle ones kept over all endpoints, per loop
  std::chrono::milliseconds keep_idle{60'000};
  std::chrono::milliseconds connect_timeout{10'000};
  bool verify_certificates = true;
  std::vector<std::string> extra_ca_files = {};  ///< in addition to the system's
  std::string minimum_tls_version = "1.2";       ///< "1.2" or "1.3"
};

/// An HTTP/1.1 client with kept connections, one pool per loop: a request runs on the loop it was made on.
///
///     http::Client client(server.runtime(), {.user_agent = "Lares"});
///     http::ClientRequest request{.method = http::Method::Post, .target = path, .body = std::move(body)};
///     http::ClientResponse response = co_await client.send(endpoint, std::move(request));
///
/// A status of 400 or 500 is a response like any other; redirects are not followed.
///
/// **Threads**: any loop of the Runtime. **Lifetime**: longer than its requests; call stop() before
/// destroying it.
/// **Errors**: ClientError. **Cancellation**: closes the connection that was used.
class LARES_EXPORT Client {
 public:
  Client(Runtime& runtime, ClientOptions options);
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client();

  Task<ClientResponse> send(Endpoint endpoint, ClientRequest request);

  /// Closes all kept connections, ends requests under way with Stopped, and returns when none is left.
  Task<void> stop() noexcept;

  class Impl;

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace lares::http
