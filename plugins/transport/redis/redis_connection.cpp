// SPDX-License-Identifier: Apache-2.0
#include "redis_connection.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <fmt/format.h>

#include <iterator>
#include <new>
#include <utility>

#include <netinet/tcp.h>
#include <sys/socket.h>

namespace lares::redis {

namespace {

constexpr std::size_t kChunk = 64U << 10U;

}  // namespace

RedisError::RedisError(const std::string& sentence) : std::runtime_error(sentence) {}
RedisError::~RedisError() = default;

std::string encode(std::initializer_list<std::string_view> words) {
  std::size_t size = 16;
  for (const std::string_view word : words) {
    size += word.size() + 16;
  }
  std::string out;
  out.reserve(size);
  fmt::format_to(std::back_inserter(out), "*{}\r\n", words.size());
  for (const std::string_view word : words) {
    fmt::format_to(std::back_inserter(out), "${}\r\n", word.size());
    out.append(word).append("\r\n");
  }
  return out;
}

Connection::Connection(Loop& loop, const Address& address, boost::asio::ssl::context* tls)
    : loop_(loop),
      address_(address),
      tls_context_(tls),
      socket_(loop.io_context()),
      reader_(redisReaderCreate()),
      chunk_(kChunk) {
  if (!reader_) {
    throw std::bad_alloc{};
  }
}

Task<void> Connection::open() {
  co_await connect();
  if (tls_context_ != nullptr) {
    co_await shake_hands();
  }
  if (!address_.username.empty()) {
    co_await call({"AUTH", address_.username, address_.password});
  } else if (!address_.password.empty()) {
    co_await call({"AUTH", address_.password});
  }
  if (address_.database != 0) {
    const std::string number = std::to_string(address_.database);
    co_await call({"SELECT", number});
  }
}

Task<void> Connection::connect() {
  using boost::asio::generic::stream_protocol;
  std::vector<stream_protocol::endpoint> candidates;
  if (!address_.path.empty()) {
    candidates.emplace_back(boost::asio::local::stream_protocol::endpoint(address_.path));
  } else {
    for (const auto& address : co_await loop_.runtime().resolve(address_.host)) {
      candidates.emplace_back(boost::asio::ip::tcp::endpoint(address, address_.port));
    }
  }
  boost::system::error_code last = boost::asio::error::host_not_found;
  for (const stream_protocol::endpoint& candidate : candidates) {
    boost::system::error_code ignored;
    socket_.close(ignored);
    try {
      co_await socket_.async_connect(candidate, boost::asio::use_awaitable);
      last = {};
      break;
    } catch (const boost::system::system_error& error) {
      if (error.code() == boost::asio::error::operation_aborted) {
        throw;
      }
      last = error.code();
    }
  }
  if (last) {
    throw RedisError(last.message());
  }
  heard_ = loop_.now();
  if (address_.path.empty()) {
    const int on = 1;
    ::setsockopt(socket_.native_handle(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
}

Task<void> Connection::shake_hands() {
  tls_.emplace(socket_, *tls_context_);
  boost::system::error_code numeric;
  boost::asio::ip::make_address(address_.host, numeric);
  if (numeric) {
    // An address has no place in SNI.
    SSL_set_tlsext_host_name(tls_->native_handle(), address_.host.c_str());
  }
  tls_->set_verify_callback(boost::asio::ssl::host_name_verification(address_.host));
  co_await tls_->async_handshake(boost::asio::ssl::stream_base::client, boost::asio::use_awaitable);
}

Task<void> Connection::send(std::string_view bytes) {
  const boost::asio::const_buffer buffer{bytes.data(), bytes.size()};
  if (tls_) {
    co_await boost::asio::async_write(*tls_, buffer, boost::asio::use_awaitable);
  } else {
    co_await boost::asio::async_write(socket_, buffer, boost::asio::use_awaitable);
  }
}

Task<ReplyPtr> Connection::read() {
  for (;;) {
    void* found = nullptr;
    if (redisReaderGetReply(reader_.get(), &found) != REDIS_OK) {
      throw RedisError(fmt::format("what it sent is not Redis' protocol: {}", reader_->errstr));
    }
    if (found != nullptr) {
      co_return ReplyPtr{static_cast<redisReply*>(found)};
    }
    if (reader_->len - reader_->pos > kLongestReply) {
      throw RedisError(fmt::format("it sent a message of more than {} bytes", kLongestReply));
    }
    const boost::asio::mutable_buffer room{chunk_.data(), chunk_.size()};
    const std::size_t count = tls_ ? co_await tls_->async_read_some(room, boost::asio::use_awaitable)
                                   : co_await socket_.async_read_some(room, boost::asio::use_awaitable);
    heard_ = loop_.now();
    if (redisReaderFeed(reader_.get(), chunk_.data(), count) != REDIS_OK) {
      throw std::bad_alloc{};
    }
  }
}

// Not a coroutine itself: the words need not outlive the call.
Task<ReplyPtr> Connection::call(std::initializer_list<std::string_view> words) {
  return ask(encode(words), std::string{*words.begin()});
}

Task<ReplyPtr> Connection::ask(std::string command, std::string name) {
  co_await send(command);
  ReplyPtr reply = co_await read();
  if (reply->type == REDIS_REPLY_ERROR) {
    throw RedisError(fmt::format("it refused {}: {}", name,
                                 std::string_view{reply->str, static_cast<std::size_t>(reply->len)}));
  }
  co_return reply;
}

}  // namespace lares::redis
