// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/event.hpp>
#include <lares/async/runtime.hpp>
#include <lares/async/task.hpp>
#include <lares/base/time.hpp>

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>

#include <atomic>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace lares::tcp {

/// The other end is told this in an ERROR, and the connection is closed.
class LinkError : public std::runtime_error {
 public:
  explicit LinkError(const std::string& sentence);
  LinkError(const LinkError&) = default;
  LinkError& operator=(const LinkError&) = default;
  ~LinkError() override;
};

/// Stands last in the PING with which a process of Lares begins: it takes Lares' own commands. A server of
/// another make passes over what stands in a PING.
inline constexpr std::string_view kSign = "lares";

/// A line as it travels, with its end; one for all who get it.
using Line = std::shared_ptr<const std::string>;
[[nodiscard]] Line make_line(std::string_view command);

/// Bytes that wait to be sent, of all connections of one end; shared with what may outlive it.
using QueuedBytes = std::shared_ptr<std::atomic<std::size_t>>;

/// One end of a connection: commands in, commands out. PING and ERROR are its own affair.
///
/// **Threads**: its loop.
class Link {
 public:
  using Socket = boost::asio::basic_stream_socket<boost::asio::generic::stream_protocol,
                                                  boost::asio::io_context::executor_type>;
  using Take = std::function<void(std::string line)>;

  /// Commands that may wait to be sent; whoever takes them more slowly is told so and fetches what it missed.
  static constexpr std::size_t kMostQueued = 10'000;
  /// The reason of an end that the other end has chosen.
  static constexpr std::string_view kClosed = "the other end closed it";

  Link(Loop& loop, Socket socket, QueuedBytes bytes);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  /// Gives each command to `take` until the connection ends, and the reason for that. A LinkError that `take`
  /// throws ends it. **Cancellation**: throws operation_aborted.
  Task<std::string> run(Take take);

  void send(const Line& line);
  /// Ends the connection with an ERROR.
  void fail(std::string_view sentence);
  /// Whether the other end has given the sign of Lares.
  [[nodiscard]] bool signed_lares() const noexcept { return signed_; }
  [[nodiscard]] bool idle() const noexcept { return queue_.empty() && sent_ == sending_.size(); }
  /// Says when something was sent.
  [[nodiscard]] Notification& written() noexcept { return written_; }

 private:
  Task<void> work(Take& take);
  Task<void> read(Take& take);
  Task<void> write();
  Task<void> keep_alive();
  Task<void> say(std::string sentence);
  void take_line(std::string_view line, Take& take);

  Loop& loop_;
  Socket socket_;
  QueuedBytes bytes_;
  std::deque<Line> queue_;
  std::string sending_;
  std::size_t sent_ = 0;
  Notification changed_;
  Notification written_;
  std::string failure_;
  Event failed_;
  bool pinged_ = false;
  bool signed_ = false;
  SteadyTime heard_;
};

}  // namespace lares::tcp
