// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <http/deadline_wheel.hpp>
#include <http/request_impl.hpp>
#include <http/request_parser.hpp>
#include <http/settings.hpp>
#include <http/stream.hpp>

#include <lares/async/log_context.hpp>
#include <lares/async/task.hpp>
#include <lares/base/ref_counted.hpp>
#include <lares/base/time.hpp>
#include <lares/http/response.hpp>

#include <boost/asio/cancellation_signal.hpp>

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace lares {
class Waiter;
}

namespace lares::http {

class HttpLoop;
class RouteMetrics;

/// One client connection: reads requests one after the other, has each served by a coroutine of its own, and
/// writes the responses. Between these it is a state machine over readiness, so that a connection that waits,
/// for its client or in a long poll, holds no read buffer and no frame but the handler's.
///
/// **Threads**: its loop. **Lifetime**: counted; its loop knows it until it is closed and its handler has
/// ended.
class Connection final : public RefCounted<Connection>, private Timed {
 public:
  Connection(HttpLoop& loop, std::unique_ptr<Stream> stream, std::shared_ptr<const ListenerSettings> settings,
             std::string peer);

  void start();
  /// The stream is ready for what was waited for.
  void on_ready(Want want);
  /// The server drains: close if no request is under way.
  void drain();
  /// Close now, and cancel the request under way if it may be.
  void abort();
  void report_usage();

 private:
  friend class RefCounted<Connection>;
  friend class HttpLoop;

  enum class State : std::uint8_t {
    Reading,    ///< waiting for a request, or in the middle of one
    Handling,   ///< the handler runs; the client is watched
    Writing,    ///< the rest of the response waits for the client
    Streaming,  ///< a BodySource produces the response
    Finishing,  ///< the response is written, its coroutine has not ended
    Lingering,  ///< answered and about to close; what the client still sends is thrown away
    Closed,
  };

  ~Connection();
  void on_deadline() noexcept override;

  // Reading.
  void run();
  std::size_t feed_all(std::string_view bytes);
  [[nodiscard]] bool feed(std::string_view bytes, std::size_t& consumed);
  [[nodiscard]] bool on_header();
  void on_request();
  void on_end_of_input();
  void refuse(int status, std::string_view errcode, std::string_view message);
  void set_read_deadline();
  [[nodiscard]] bool hold_body();
  void release_body() noexcept;

  // Handling.
  void start_context();
  void serve();
  static Task<void> serve_request(RefPtr<Connection> self);
  void on_handler_done(const std::exception_ptr& error);
  void watch_client();
  void on_half_closed();
  void on_client_gone();
  [[nodiscard]] bool may_cancel() const noexcept;
  void next_request();

  // Writing.
  [[nodiscard]] bool should_compress(const Response& response) const;
  Task<void> compress(Response& response);
  void send(Response response);
  void format_header(const Response& response, std::string_view body, std::string& out);
  void continue_writing();
  void on_written(bool complete);
  void set_write_deadline();
  Task<void> stream_body();
  Task<bool> write_block(std::string_view first, std::string_view second);
  void finish_request(bool complete);

  void wait(Want want);
  void linger();
  void close();
  void forget_if_over();

  HttpLoop& loop_;
  std::unique_ptr<Stream> stream_;
  std::shared_ptr<const ListenerSettings> settings_;
  std::string peer_;
  Connection* next_ = nullptr;
  Connection* previous_ = nullptr;

  State state_ = State::Reading;
  bool linked_ = false;
  bool read_wait_ = false;
  bool write_wait_ = false;
  bool in_run_ = false;   ///< run() is at work and will look for the next request itself
  bool running_ = false;  ///< the handler's coroutine has not ended
  bool keep_alive_ = true;
  bool client_eof_ = false;  ///< the client sends no more; it may still read
  bool vanished_ = false;    ///< the client is gone for certain
  bool reported_ = true;     ///< metrics and log line of the current request are written
  bool chunked_ = false;

  std::optional<RequestParser> parser_;
  RequestImpl request_;
  std::string ahead_;       ///< read, and not yet used
  std::uint64_t held_ = 0;  ///< of the body, in HttpCore::strangers_bytes
  bool known_ = false;      ///< the body is not a stranger's
  boost::asio::cancellation_signal cancel_;
  RefPtr<LogContext> context_;
  RouteMetrics* metrics_ = nullptr;

  Response response_;
  std::string header_rest_;  ///< what is still to be written before the body
  std::size_t body_written_ = 0;
  Waiter* writable_ = nullptr;
  std::uint64_t sent_ = 0;
  int status_ = 0;
  Usage reported_usage_;
  SteadyTime began_{};  ///< first byte of the request; then of its writing
  SteadyTime received_{};
  SteadyTime handled_{};
};

}  // namespace lares::http
