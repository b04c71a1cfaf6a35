// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <http/socket_stream.hpp>

#include <memory>

struct ssl_st;

namespace lares::http {

class TlsContext;

/// HTTPS over a socket. The handshake happens within the first reads. OpenSSL works on the socket itself: an
/// idle connection then costs its session alone, where buffers of a record each way would cost more than the
/// rest of the connection.
class TlsStream final : public SocketStream {
 public:
  TlsStream(Socket socket, std::shared_ptr<const TlsContext> context);
  ~TlsStream() override;

  IoResult read(std::span<char> into) noexcept override;
  IoResult write(std::string_view first, std::string_view second) noexcept override;
  [[nodiscard]] bool buffered() const noexcept override;
  void shutdown() noexcept override;

 private:
  IoResult failed(int result) noexcept;
  IoResult write_one(std::string_view bytes) noexcept;

  std::shared_ptr<const TlsContext> context_;
  ssl_st* ssl_;
};

}  // namespace lares::http
