// SPDX-License-Identifier: Apache-2.0
#include "client_connection.hpp"

#include <lares/async/runtime.hpp>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>

#include <fmt/format.h>

#include <array>
#include <utility>

#include <netinet/tcp.h>
#include <sys/socket.h>

namespace lares::http {

namespace {

constexpr std::uint32_t kHeaderLimit = 64U * 1024U;

std::string describe(const Endpoint& endpoint) {
  return endpoint.unix_path.empty() ? fmt::format("{} port {}", endpoint.host, endpoint.port)
                                    : endpoint.unix_path;
}

bool is_cancellation(const boost::system::error_code& code) {
  return code == boost::asio::error::operation_aborted;
}

}  // namespace

ClientConnection::ClientConnection(Loop& loop) : socket_(loop.io_context()) {}

Task<void> ClientConnection::connect(Runtime& runtime, const Endpoint& endpoint,
                                     boost::asio::ssl::context* tls, bool verify) {
  using boost::asio::generic::stream_protocol;
  std::vector<stream_protocol::endpoint> candidates;
  if (!endpoint.unix_path.empty()) {
    try {
      candidates.emplace_back(boost::asio::local::stream_protocol::endpoint(endpoint.unix_path));
    } catch (const boost::system::system_error& error) {
      throw ClientError(ClientError::Kind::Connect,
                        fmt::format("{}: {}", endpoint.unix_path, error.code().message()));
    }
  } else {
    try {
      for (const auto& address : co_await runtime.resolve(endpoint.host)) {
        candidates.emplace_back(boost::asio::ip::tcp::endpoint(address, endpoint.port));
      }
    } catch (const boost::system::system_error& error) {
      if (is_cancellation(error.code())) {
        throw;
      }
      throw ClientError(ClientError::Kind::Resolve, fmt::format("The address of {} is unknown: {}",
                                                                endpoint.host, error.code().message()));
    }
  }
  boost::system::error_code last = boost::asio::error::host_not_found;
  for (const auto& candidate : candidates) {
    boost::system::error_code ignored;
    socket_.close(ignored);
    try {
      co_await socket_.async_connect(candidate, boost::asio::use_awaitable);
      last = {};
      break;
    } catch (const boost::system::system_error& error) {
      if (is_cancellation(error.code())) {
        throw;
      }
      last = error.code();
    }
  }
  if (last) {
    throw ClientError(ClientError::Kind::Connect,
                      fmt::format("Cannot connect to {}: {}", describe(endpoint), last.message()));
  }
  if (endpoint.unix_path.empty()) {
    const int on = 1;
    ::setsockopt(socket_.native_handle(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  if (tls == nullptr) {
    co_return;
  }
  const std::string& name = endpoint.tls_name.empty() ? endpoint.host : endpoint.tls_name;
  tls_.emplace(socket_, *tls);
  boost::system::error_code numeric;
  boost::asio::ip::make_address(name, numeric);
  if (numeric) {
    // An address has no place in SNI.
    SSL_set_tlsext_host_name(tls_->native_handle(), name.c_str());
  }
  if (verify) {
    tls_->set_verify_callback(boost::asio::ssl::host_name_verification(name));
  }
  try {
    co_await tls_->async_handshake(boost::asio::ssl::stream_base::client, boost::asio::use_awaitable);
  } catch (const boost::system::system_error& error) {
    if (is_cancellation(error.code())) {
      throw;
    }
    throw ClientError(ClientError::Kind::Tls,
                      fmt::format("No TLS with {}: {}", describe(endpoint), error.code().message()));
  }
}

template <class Stream>
Task<ClientResponse> ClientConnection::exchange_over(Stream& stream, const std::string& header,
                                                     const ClientRequest& request) {
  namespace beast_http = boost::beast::http;
  reusable_ = false;
  answered_ = false;
  try {
    const std::array<boost::asio::const_buffer, 2> parts{boost::asio::buffer(header),
                                                         boost::asio::buffer(request.body)};
    co_await boost::asio::async_write(stream, parts, boost::asio::use_awaitable);
    for (;;) {
      beast_http::response_parser<beast_http::string_body> parser;
      parser.header_limit(kHeaderLimit);
      parser.body_limit(request.body_limit);
      co_await beast_http::async_read_header(stream, buffer_, parser, boost::asio::use_awaitable);
      answered_ = true;
      if (parser.get().result_int() / 100 == 1) {
        continue;
      }
      co_await beast_http::async_read(stream, buffer_, parser, boost::asio::use_awaitable);
      reusable_ = parser.keep_alive() && buffer_.size() == 0;
      ClientResponse response;
      response.status = static_cast<int>(parser.get().result_int());
      for (const auto& field : parser.get()) {
        response.headers.emplace_back(
            std::string_view(field.name_string().data(), field.name_string().size()),
            std::string_view(field.value().data(), field.value().size()));
      }
      response.body = std::move(parser.get().body());
      if (buffer_.capacity() > kHeaderLimit) {
        buffer_.shrink_to_fit();
      }
      co_return response;
    }
  } catch (const boost::system::system_error& error) {
    const boost::system::error_code code = error.code();
    if (is_cancellation(code)) {
      throw;
    }
    if (code == beast_http::error::body_limit) {
      throw ClientError(ClientError::Kind::TooLarge, fmt::format("The response to {} is larger than {} bytes",
                                                                 request.target, request.body_limit));
    }
    const bool closed = code == beast_http::error::end_of_stream ||
                        code == beast_http::error::partial_message ||
                        code.category() != make_error_code(beast_http::error::end_of_stream).category();
    throw ClientError(closed ? ClientError::Kind::Closed : ClientError::Kind::Protocol,
                      fmt::format("No response to {}: {}", request.target, code.message()));
  }
}

Task<ClientResponse> ClientConnection::exchange(const std::string& header, const ClientRequest& request) {
  if (tls_) {
    co_return co_await exchange_over(*tls_, header, request);
  }
  co_return co_await exchange_over(socket_, header, request);
}

bool ClientConnection::stale() noexcept {
  char byte = 0;
  const ssize_t count = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  // Over TLS a peer may send session tickets at any time; what they announce shows when the connection is
  // used.
  return count == 0 || (count > 0 && !tls_) || (count < 0 && errno != EAGAIN && errno != EWOULDBLOCK);
}

void ClientConnection::close() noexcept {
  boost::system::error_code ignored;
  socket_.close(ignored);
}

}  // namespace lares::http
