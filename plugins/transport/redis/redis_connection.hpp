// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/runtime.hpp>
#include <lares/async/task.hpp>
#include <lares/base/time.hpp>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>

#include <hiredis/hiredis.h>

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace lares::redis {

/// Where Redis is, and as whom to speak to it.
struct Address {
  std::string host;
  std::uint16_t port = 0;
  std::string path;  ///< unix socket, instead of host and port
  std::string username;
  std::string password;
  std::int64_t database = 0;
};

/// Redis said something that ends the connection. The text is for the log.
class RedisError : public std::runtime_error {
 public:
  explicit RedisError(const std::string& sentence);
  RedisError(const RedisError&) = default;
  RedisError& operator=(const RedisError&) = default;
  ~RedisError() override;
};

/// A command as it travels.
[[nodiscard]] std::string encode(std::initializer_list<std::string_view> words);

struct FreeReply {
  void operator()(redisReply* reply) const noexcept { freeReplyObject(reply); }
};
using ReplyPtr = std::unique_ptr<redisReply, FreeReply>;

/// One connection to Redis.
///
/// **Threads**: its loop; one `send` and one `read` may be under way at a time. **Errors**: system_error and
/// RedisError, after which it is of no further use. **Cancellation**: likewise.
class Connection {
 public:
  /// Bytes of one reply, beyond which the peer is no Redis that the processes of a server talk through.
  static constexpr std::size_t kLongestReply = 4U << 20U;

  /// `tls` is null for a plain connection.
  Connection(Loop& loop, const Address& address, boost::asio::ssl::context* tls);

  /// Connects, logs in and chooses the database.
  Task<void> open();
  Task<void> send(std::string_view bytes);
  /// The next reply, errors included.
  Task<ReplyPtr> read();
  /// Sends a command and throws if the answer is an error.
  Task<ReplyPtr> call(std::initializer_list<std::string_view> words);
  /// When something was last read.
  [[nodiscard]] SteadyTime heard() const noexcept { return heard_; }

 private:
  using Socket = boost::asio::basic_stream_socket<boost::asio::generic::stream_protocol,
                                                  boost::asio::io_context::executor_type>;
  struct FreeReader {
    void operator()(redisReader* reader) const noexcept { redisReaderFree(reader); }
  };

  Task<void> connect();
  Task<void> shake_hands();
  Task<ReplyPtr> ask(std::string command, std::string name);

  Loop& loop_;
  const Address& address_;
  boost::asio::ssl::context* tls_context_;
  Socket socket_;
  std::optional<boost::asio::ssl::stream<Socket&>> tls_;
  std::unique_ptr<redisReader, FreeReader> reader_;
  std::vector<char> chunk_;
  SteadyTime heard_{};
};

}  // namespace lares::redis
