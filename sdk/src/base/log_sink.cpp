// SPDX-License-Identifier: Apache-2.0
#include "log_sink.hpp"

#include "log_layout.hpp"

#include <lares/async/log_context.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <thread>
#include <utility>

namespace lares::log {

namespace {

/// How long lines are gathered before they are written, when none is urgent.
constexpr std::chrono::milliseconds kGather{5};
constexpr std::size_t kStartBytes = std::size_t{64} * 1024;
/// A buffer that a burst has made larger is given back.
constexpr std::size_t kKeptBytes = std::size_t{1024} * 1024;

std::int64_t wall_clock_ms() noexcept {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

int Sink::open_file(const SinkOptions& options) noexcept {
  return options.file.empty()
             ? STDERR_FILENO
             : ::open(options.file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, options.file_mode);
}

std::expected<std::shared_ptr<Sink>, std::string> Sink::open(const SinkOptions& options,
                                                             std::size_t max_waiting_bytes) {
  const int descriptor = open_file(options);
  if (descriptor < 0) {
    return std::unexpected{
        fmt::format("The log file {} cannot be opened: {}", options.file, std::strerror(errno))};
  }
  std::shared_ptr<Sink> sink{new Sink{options, max_waiting_bytes, descriptor}};
  // Signals are for the threads that expect them.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread thread{[sink] { sink->run(); }};
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_setname_np(thread.native_handle(), "log");
  thread.detach();
  return sink;
}

Sink::Sink(SinkOptions options, std::size_t max_waiting_bytes, int descriptor)
    : options_{std::move(options)}, max_waiting_bytes_{max_waiting_bytes}, descriptor_{descriptor} {
  waiting_.reserve(kStartBytes);
}

Sink::~Sink() {
  if (descriptor_ != STDERR_FILENO) {
    ::close(descriptor_);
  }
}

void Sink::close(std::chrono::milliseconds limit) noexcept {
  std::unique_lock lock{mutex_};
  stop_ = true;
  wake_.notify_one();
  written_.wait_for(lock, limit, [this] { return ended_; });
}

void Sink::push(std::string_view line, bool urgent) noexcept {
  bool wake = false;
  {
    const std::lock_guard lock{mutex_};
    if (waiting_.size() + line.size() > max_waiting_bytes_) {
      ++dropped_unreported_;
      dropped_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    waiting_.append(line);
    pushed_bytes_ += line.size();
    hurry_ = hurry_ || urgent;
    wake = asleep_ || urgent;
    asleep_ = false;
  }
  if (wake) {
    wake_.notify_one();
  }
}

void Sink::reopen() noexcept {
  if (options_.file.empty()) {
    return;
  }
  {
    const std::lock_guard lock{mutex_};
    reopen_ = true;
    hurry_ = true;
  }
  wake_.notify_one();
}

void Sink::flush(std::chrono::milliseconds limit) noexcept {
  std::unique_lock lock{mutex_};
  const std::uint64_t until = pushed_bytes_;
  hurry_ = true;
  wake_.notify_one();
  written_.wait_for(lock, limit, [&] { return written_bytes_ >= until && !reopen_; });
}

void Sink::run() noexcept {
  std::string batch;
  batch.reserve(kStartBytes);
  std::unique_lock lock{mutex_};
  for (;;) {
    if (waiting_.empty() && !hurry_ && !stop_) {
      asleep_ = true;
      wake_.wait(lock, [this] { return !waiting_.empty() || hurry_ || stop_; });
      asleep_ = false;
    }
    if (!hurry_ && !stop_) {
      wake_.wait_for(lock, kGather, [this] { return hurry_ || stop_; });
    }
    const bool ending = stop_;
    const bool reopen = std::exchange(reopen_, false);
    hurry_ = false;
    std::swap(batch, waiting_);
    const std::uint64_t size = batch.size();
    const std::uint64_t dropped = std::exchange(dropped_unreported_, 0);
    lock.unlock();

    write_all(batch);
    if (dropped != 0) {
      std::string line;
      const std::string message = fmt::format(
          "{} log records were dropped, since they came faster than they could be written", dropped);
      append_line(line,
                  {.logger = "lares.logging",
                   .level = Level::kWarning,
                   .time_ms = wall_clock_ms(),
                   .message = message,
                   .context = &LogContext::sentinel()},
                  options_.layout);
      write_all(line);
    }
    if (reopen) {
      const int fresh = open_file(options_);
      if (fresh >= 0) {
        ::close(std::exchange(descriptor_, fresh));
      }
    }
    batch.clear();
    if (batch.capacity() > kKeptBytes) {
      batch = std::string{};
    }

    lock.lock();
    written_bytes_ += size;
    written_.notify_all();
    // Still under the mutex, so whoever waits sees it.
    if (ending && waiting_.empty()) {
      ended_ = true;
      return;
    }
  }
}

void Sink::write_all(std::string_view bytes) noexcept {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN) {
      // Standard error may be a pipe that its reader has made non-blocking.
      pollfd ready{.fd = descriptor_, .events = POLLOUT, .revents = 0};
      ::poll(&ready, 1, 1000);
    } else if (errno != EINTR) {
      // A full disk; what follows may find room again.
      dropped_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
  }
}

}  // namespace lares::log
