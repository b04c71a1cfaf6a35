// SPDX-License-Identifier: Apache-2.0
#include "log_sink.hpp"

#include "log_layout.hpp"

#include <spdlog/details/null_mutex.h>
#include <spdlog/formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/basic_file_sink.h>

#include <fmt/format.h>

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>
#include <thread>
#include <utility>

namespace lares::log {

namespace {

/// How long lines are gathered before they are written, when none is urgent.
constexpr std::chrono::milliseconds kGather{5};
/// So much is written at once even if it is not urgent, so that memory does not grow with the haste of who
/// logs.
constexpr std::size_t kEnoughBytes = std::size_t{256} * 1024;
constexpr std::size_t kStartBytes = std::size_t{64} * 1024;
/// A buffer that a burst has made larger is given back.
constexpr std::size_t kKeptBytes = std::size_t{1024} * 1024;

/// Finished lines, as they are.
class AsTheyAre final : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& lines, spdlog::memory_buf_t& out) override {
    out.append(lines.payload.begin(), lines.payload.end());
  }
  [[nodiscard]] std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<AsTheyAre>();
  }
};

/// Standard error. It may be a pipe that its reader has made non-blocking, on which spdlog's own sink loses
/// what does not fit.
class StandardError final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 protected:
  void sink_it_(const spdlog::details::log_msg& lines) override {
    std::string_view bytes{lines.payload.data(), lines.payload.size()};
    while (!bytes.empty()) {
      const ssize_t written = ::write(STDERR_FILENO, bytes.data(), bytes.size());
      if (written >= 0) {
        bytes.remove_prefix(static_cast<std::size_t>(written));
      } else if (errno == EAGAIN) {
        pollfd ready{.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};
        ::poll(&ready, 1, 1000);
      } else if (errno != EINTR) {
        spdlog::throw_spdlog_ex("Standard error takes nothing", errno);
      }
    }
  }
  void flush_() override {}
};

/// spdlog would make the file as the umask says, and missing folders, too.
void prepare_file(const std::string& file, unsigned mode) {
  const int made = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (made >= 0) {
    ::close(made);
  } else if (errno != EEXIST || ::access(file.c_str(), W_OK) != 0) {
    throw spdlog::spdlog_ex{std::strerror(errno)};
  }
}

/// Lines are gathered before they come here, and a child process has nothing to write here.
void adjust_stream(std::FILE* stream) {
  std::setvbuf(stream, nullptr, _IONBF, 0);
  ::fcntl(::fileno(stream), F_SETFD, FD_CLOEXEC);
}

/// **Errors** spdlog_ex when the file cannot be opened.
std::unique_ptr<spdlog::sinks::sink> open_output(const SinkOptions& options) {
  if (options.file.empty()) {
    return std::make_unique<StandardError>();
  }
  spdlog::file_event_handlers handlers;
  handlers.before_open = [mode = options.file_mode](const std::string& file) { prepare_file(file, mode); };
  handlers.after_open = [](const std::string&, std::FILE* stream) { adjust_stream(stream); };
  auto sink = std::make_unique<spdlog::sinks::basic_file_sink_st>(options.file, false, handlers);
  sink->set_formatter(std::make_unique<AsTheyAre>());
  return sink;
}

}  // namespace

std::expected<std::shared_ptr<Sink>, std::string> Sink::open(const SinkOptions& options,
                                                             std::size_t max_waiting_bytes) {
  std::unique_ptr<spdlog::sinks::sink> output;
  try {
    output = open_output(options);
  } catch (const spdlog::spdlog_ex& error) {
    return std::unexpected{fmt::format("The log file {} cannot be opened: {}", options.file, error.what())};
  }
  std::shared_ptr<Sink> sink{new Sink{options, max_waiting_bytes, std::move(output)}};
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

Sink::Sink(SinkOptions options, std::size_t max_waiting_bytes, std::unique_ptr<spdlog::sinks::sink> output)
    : options_{std::move(options)}, max_waiting_bytes_{max_waiting_bytes}, output_{std::move(output)} {
  waiting_.reserve(kStartBytes);
}

Sink::~Sink() = default;

void Sink::close(std::chrono::milliseconds limit) noexcept {
  std::unique_lock lock{mutex_};
  stop_ = true;
  wake_.notify_one();
  written_.wait_for(lock, limit, [this] { return ended_; });
}

bool Sink::push(std::string_view line, bool urgent) noexcept {
  bool wake = false;
  {
    const std::lock_guard lock{mutex_};
    if (stop_) {
      return false;
    }
    if (waiting_.size() + line.size() > max_waiting_bytes_) {
      ++dropped_unreported_;
      dropped_.fetch_add(1, std::memory_order_relaxed);
      return true;
    }
    waiting_.append(line);
    pushed_bytes_ += line.size();
    const bool hurry = urgent || (!hurry_ && waiting_.size() >= kEnoughBytes);
    hurry_ = hurry_ || hurry;
    wake = asleep_ || hurry;
    asleep_ = false;
  }
  if (wake) {
    wake_.notify_one();
  }
  return true;
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
  written_.wait_for(lock, limit, [&] { return ended_ || (written_bytes_ >= until && !reopen_); });
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

    write(batch);
    if (dropped != 0) {
      report(dropped);
    }
    if (reopen) {
      open_again();
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
      waiting_ = std::string{};
      output_.reset();
      ended_ = true;
      return;
    }
  }
}

void Sink::write(std::string_view lines) noexcept {
  if (lines.empty()) {
    return;
  }
  try {
    output_->log({{}, spdlog::level::off, {lines.data(), lines.size()}});
  } catch (...) {
    // A full disk; what follows may find room again.
    dropped_.fetch_add(1, std::memory_order_relaxed);
  }
}

void Sink::report(std::uint64_t dropped) noexcept {
  try {
    const std::string message = fmt::format(
        "{} log records were dropped, since they came faster than they could be written", dropped);
    spdlog::memory_buf_t line;
    make_formatter(options_.layout)->format({"lares.logging", spdlog::level::warn, message}, line);
    write({line.data(), line.size()});
  } catch (...) {
    // Out of memory; the metric has them.
  }
}

void Sink::open_again() noexcept {
  try {
    output_ = open_output(options_);
  } catch (...) {
    // Better in the former file than nowhere.
  }
}

}  // namespace lares::log
