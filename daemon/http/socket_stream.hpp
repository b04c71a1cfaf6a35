// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <http/stream.hpp>

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>

namespace lares::http {

/// A connected TCP or unix socket on a loop. The concrete executor keeps the type-erased one out of the hot
/// path.
using Socket = boost::asio::basic_stream_socket<boost::asio::generic::stream_protocol,
                                                boost::asio::io_context::executor_type>;

/// Plain HTTP over a socket.
class SocketStream : public Stream {
 public:
  explicit SocketStream(Socket socket);

  IoResult read(std::span<char> into) noexcept override;
  IoResult write(std::string_view first, std::string_view second) noexcept override;
  void wait(Want want, RefPtr<Connection> connection) override;
  void shutdown() noexcept override;
  void close() noexcept override;

 protected:
  [[nodiscard]] int descriptor() noexcept { return socket_.native_handle(); }

 private:
  Socket socket_;
};

}  // namespace lares::http
