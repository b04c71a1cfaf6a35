// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <http/deadline_wheel.hpp>
#include <http/settings.hpp>
#include <http/stream.hpp>

#include <lares/async/event.hpp>
#include <lares/async/task.hpp>
#include <lares/base/log.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lares {
class BlockingPool;
class Loop;
class Runtime;
}  // namespace lares

namespace lares::http {

class Connection;
class Gate;
class HttpMetrics;
class RouterImpl;

/// What the connections of one server share, on whatever loop. **Lifetime**: longer than every connection.
struct HttpCore {
  Runtime& runtime;
  RouterImpl& router;
  Gate& gate;
  HttpMetrics& metrics;
  std::string server_name;
  BlockingPool* compression = nullptr;  ///< where large bodies are compressed; null: nothing is
  std::atomic<std::uint64_t> sequence{0};
  std::atomic<std::size_t> connections{
      0};  ///< counted when accepted, so that the limit holds while they change loops
  /// Of the bodies that those send who cannot be told from a stranger before all is read: what is held, and
  /// may be held.
  std::atomic<std::uint64_t> strangers_bytes{0};
  std::uint64_t most_of_strangers = std::uint64_t{128} << 20U;
  std::atomic<bool> draining{false};
  log::Logger log{"lares.http"};
};

/// The connections of one loop and what they use in turn: buffers, deadlines, the current Date header.
///
/// **Threads**: its loop. **Lifetime**: until it is empty.
class HttpLoop {
 public:
  HttpLoop(HttpCore& core, Loop& loop);
  HttpLoop(const HttpLoop&) = delete;
  HttpLoop& operator=(const HttpLoop&) = delete;
  ~HttpLoop();

  [[nodiscard]] HttpCore& core() noexcept { return core_; }
  [[nodiscard]] Loop& loop() noexcept { return loop_; }
  [[nodiscard]] DeadlineWheel& wheel() noexcept { return wheel_; }

  /// Takes a connected stream, which core().connections counts already, and serves it. `peer` is the client's
  /// address as text.
  void adopt(std::unique_ptr<Stream> stream, std::shared_ptr<const ListenerSettings> settings,
             std::string peer);

  /// Where a read puts what it finds; its contents hold until the loop's next read.
  [[nodiscard]] std::span<char> scratch() noexcept { return *scratch_; }
  /// Where a response's header is put together; as above.
  [[nodiscard]] std::string& header_text() noexcept { return header_text_; }
  /// The first lines of a 200 response with a JSON body, up to and with `Content-Length: `.
  [[nodiscard]] std::string_view json_header(std::int64_t now_ms);
  /// `Date: ...` with its line end.
  [[nodiscard]] std::string_view date_header(std::int64_t now_ms);

  /// Closes the connections that serve no request; the others follow with their responses.
  void drain();
  /// Closes all connections and cancels what may be cancelled.
  void abort();
  /// Lets each request in flight report what it has used so far.
  void report_usage();
  /// Set while there is no connection object, and so no handler. **Threads**: any.
  [[nodiscard]] Event& empty() noexcept { return empty_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  /// Serves the deadlines until it is cancelled.
  Task<void> tick();

 private:
  friend class Connection;
  void link(Connection& connection) noexcept;
  void unlink(Connection& connection) noexcept;
  /// The last count of a connection has gone, and with it what Asio still held of it.
  void on_destroyed() noexcept;
  /// A copy, for what closes connections on the way.
  [[nodiscard]] std::vector<RefPtr<Connection>> all() const;

  HttpCore& core_;
  Loop& loop_;
  DeadlineWheel wheel_;
  std::unique_ptr<std::array<char, std::size_t{64} * 1024>> scratch_;
  std::string header_text_;
  std::int64_t date_second_ = -1;
  std::string date_;
  std::string json_header_;
  Connection* first_ = nullptr;
  std::size_t size_ = 0;
  Event empty_;
};

}  // namespace lares::http
