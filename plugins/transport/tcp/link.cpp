// SPDX-License-Identifier: Apache-2.0
#include "link.hpp"

#include <lares/async/timeout.hpp>
#include <lares/async/when_all.hpp>
#include <lares/base/error.hpp>
#include <lares/stream/command.hpp>

#include <boost/asio/use_awaitable.hpp>

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <utility>
#include <vector>

namespace lares::tcp {

namespace {

using namespace std::chrono_literals;

constexpr auto kPing = 5s;
constexpr auto kSilence = 25s;
constexpr auto kGoodbye = 2s;
constexpr std::size_t kChunk = 64U << 10U;
constexpr std::size_t kShownText = 200;

// The other end ended it with an ERROR of its own.
class Refused final : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace

LinkError::LinkError(const std::string& sentence) : std::runtime_error(sentence) {}
LinkError::~LinkError() = default;

Line make_line(std::string_view command) {
  auto line = std::make_shared<std::string>();
  line->reserve(command.size() + 1);
  line->append(command).push_back('\n');
  return line;
}

Link::Link(Loop& loop, Socket socket, QueuedBytes bytes)
    : loop_(loop), socket_(std::move(socket)), bytes_(std::move(bytes)), heard_(loop.now()) {}

Link::~Link() {
  std::size_t left = sending_.size();
  for (const Line& line : queue_) {
    left += line->size();
  }
  bytes_->fetch_sub(left);
}

Task<std::string> Link::run(Take take) {
  std::string reason;
  bool say_it = false;
  try {
    co_await work(take);
  } catch (const LinkError& error) {
    reason = error.what();
    say_it = true;
  } catch (const boost::system::system_error& error) {
    if (error.code() == boost::asio::error::operation_aborted) {
      throw;
    }
    reason = error.code() == boost::asio::error::eof ? std::string{kClosed} : error.code().message();
  } catch (const Refused& error) {
    reason = error.what();
  }
  if (say_it) {
    try {
      co_await with_timeout(kGoodbye, say(reason));
    } catch (const TimeoutError&) {
      // It does not listen either.
    } catch (const boost::system::system_error& error) {
      if (error.code() == boost::asio::error::operation_aborted) {
        throw;
      }
    }
  }
  boost::system::error_code ignored;
  socket_.close(ignored);
  co_return reason;
}

Task<void> Link::work(Take& take) {
  std::vector<Task<void>> parts;
  parts.push_back(read(take));
  parts.push_back(write());
  parts.push_back(keep_alive());
  co_await when_all(std::move(parts));
}

void Link::send(const Line& line) {
  if (failed_.is_set()) {
    return;
  }
  if (queue_.size() >= kMostQueued) {
    fail("Failed to keep up");
    return;
  }
  queue_.push_back(line);
  bytes_->fetch_add(line->size());
  changed_.notify();
}

void Link::fail(std::string_view sentence) {
  if (!failed_.is_set()) {
    failure_ = sentence;
    failed_.set();
  }
}

Task<void> Link::read(Take& take) {
  std::string buffer;
  std::size_t searched = 0;
  std::vector<char> chunk(kChunk);
  for (;;) {
    const std::size_t count = co_await socket_.async_read_some(
        boost::asio::mutable_buffer{chunk.data(), chunk.size()}, boost::asio::use_awaitable);
    heard_ = loop_.now();
    buffer.append(chunk.data(), count);
    std::size_t begin = 0;
    for (std::size_t end = buffer.find('\n', searched); end != std::string::npos;
         end = buffer.find('\n', begin)) {
      take_line(std::string_view{buffer}.substr(begin, end - begin), take);
      begin = end + 1;
    }
    buffer.erase(0, begin);
    searched = buffer.size();
    if (buffer.size() > stream::kLongestCommand) {
      throw LinkError("Line length exceeded");
    }
  }
}

void Link::take_line(std::string_view line, Take& take) {
  if (failed_.is_set()) {
    throw LinkError(failure_);
  }
  if (line.size() > stream::kLongestCommand) {
    throw LinkError("Line length exceeded");
  }
  if (line.ends_with('\r')) {
    line.remove_suffix(1);
  }
  if (line.find_first_not_of(' ') == std::string_view::npos) {
    return;
  }
  const std::string_view name = line.substr(0, line.find(' '));
  if (name == "PING" || name == "ERROR") {
    // The log repeats it.
    if (const auto command = stream::parse_command(line); !command) {
      throw LinkError(command.error());
    }
  }
  if (name == "PING") {
    pinged_ = true;
    signed_ = signed_ || line.substr(line.rfind(' ') + 1) == kSign;
  } else if (name == "ERROR") {
    throw Refused("the other end says: " + std::string{line.substr(5, kShownText)});
  } else {
    take(std::string{line});
  }
}

Task<void> Link::write() {
  for (;;) {
    const std::uint64_t seen = changed_.version();
    if (queue_.empty()) {
      co_await changed_.wait_beyond(seen, SteadyTime::max());
      continue;
    }
    sending_.clear();
    sent_ = 0;
    while (!queue_.empty() && sending_.size() < kChunk) {
      sending_ += *queue_.front();
      queue_.pop_front();
    }
    while (sent_ < sending_.size()) {
      const boost::asio::const_buffer rest{sending_.data() + sent_, sending_.size() - sent_};
      sent_ += co_await socket_.async_write_some(rest, boost::asio::use_awaitable);
    }
    bytes_->fetch_sub(sending_.size());
    sending_.clear();
    sent_ = 0;
    written_.notify();
  }
}

Task<void> Link::keep_alive() {
  for (;;) {
    if (co_await failed_.wait(loop_.now() + kPing) == Wake::kNotified) {
      throw LinkError(failure_);
    }
    // Who never sent a PING is a person with a terminal.
    if (pinged_ && loop_.now() - heard_ > kSilence) {
      throw LinkError("ping timeout");
    }
    send(make_line(fmt::format("PING {}", loop_.runtime().now_ms())));
  }
}

// Behind the line that is half sent.
Task<void> Link::say(std::string sentence) {
  std::string last;
  if (sent_ < sending_.size() && sent_ > 0 && sending_[sent_ - 1] != '\n') {
    last = sending_.substr(sent_, sending_.find('\n', sent_) + 1 - sent_);
  }
  last += "ERROR " + sentence + "\n";
  for (std::size_t sent = 0; sent < last.size();) {
    const boost::asio::const_buffer rest{last.data() + sent, last.size() - sent};
    sent += co_await socket_.async_write_some(rest, boost::asio::use_awaitable);
  }
  socket_.shutdown(Socket::shutdown_send);
  // Closed with something unread, the socket would take back what was just said.
  std::array<char, 4096> ignored{};
  for (;;) {
    co_await socket_.async_read_some(boost::asio::buffer(ignored), boost::asio::use_awaitable);
  }
}

}  // namespace lares::tcp
