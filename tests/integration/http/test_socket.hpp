// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

struct ssl_st;
struct ssl_ctx_st;

namespace lares::http::test {

/// A blocking client socket of a test. Reads give up after ten seconds.
class TestSocket {
 public:
  static TestSocket tcp(std::uint16_t port);
  static TestSocket unix_path(const std::string& path);
  TestSocket(TestSocket&& other) noexcept;
  TestSocket& operator=(TestSocket&&) = delete;
  ~TestSocket();

  void start_tls();
  /// The common name in the server's certificate.
  [[nodiscard]] std::string certificate_name();

  void send(std::string_view bytes);
  /// One response with a Content-Length, or what came until the end of the stream.
  std::string response();
  /// Everything until the end of the stream.
  std::string rest();
  /// Sends nothing more.
  void half_close();
  /// Ends with a reset, as a client that crashed.
  void reset();
  [[nodiscard]] bool connected() const noexcept { return descriptor_ >= 0; }

 private:
  explicit TestSocket(int descriptor) : descriptor_(descriptor) {}
  bool read_more();

  int descriptor_;
  ssl_ctx_st* context_ = nullptr;
  ssl_st* ssl_ = nullptr;
  std::string buffer_;
};

/// Writes a self-signed certificate for `name` (also as DNS name and for 127.0.0.1) and its key, in PEM.
void write_certificate(const std::string& name, const std::string& certificate_path,
                       const std::string& key_path);

}  // namespace lares::http::test
