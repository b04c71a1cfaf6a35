// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task.hpp>
#include <lares/base/time.hpp>
#include <lares/http/client.hpp>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>

#include <memory>
#include <optional>
#include <string>

namespace lares {
class Loop;
class Runtime;
}  // namespace lares

namespace lares::http {

/// One connection of the client, open to one endpoint.
///
/// **Threads**: its loop.
class ClientConnection {
 public:
  explicit ClientConnection(Loop& loop);

  /// Resolves, connects and, with `tls`, shakes hands. **Errors**: ClientError Resolve, Connect, Tls.
  Task<void> connect(Runtime& runtime, const Endpoint& endpoint, boost::asio::ssl::context* tls, bool verify);

  /// Sends one request and reads its response. **Errors**: ClientError Closed, Protocol, TooLarge. Afterwards
  /// the connection is of no further use, as it is when `reusable` is false.
  Task<ClientResponse> exchange(const std::string& header, const ClientRequest& request);

  /// Whether the last response leaves the connection open.
  [[nodiscard]] bool reusable() const noexcept { return reusable_; }
  /// Whether a byte of the response of the last exchange had come.
  [[nodiscard]] bool answered() const noexcept { return answered_; }
  /// Whether the peer has closed a kept connection, or sent what nobody asked for.
  [[nodiscard]] bool stale() noexcept;
  void close() noexcept;

  SteadyTime idle_since{};

 private:
  using Socket = boost::asio::basic_stream_socket<boost::asio::generic::stream_protocol,
                                                  boost::asio::io_context::executor_type>;

  template <class Stream>
  Task<ClientResponse> exchange_over(Stream& stream, const std::string& header, const ClientRequest& request);

  Socket socket_;
  std::optional<boost::asio::ssl::stream<Socket&>> tls_;
  boost::beast::flat_buffer buffer_;
  bool reusable_ = false;
  bool answered_ = false;
};

}  // namespace lares::http
