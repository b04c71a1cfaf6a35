// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/log.hpp>

#include <spdlog/sinks/sink.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace lares::log {

/// Lines on their way to standard error or a file. Whoever logs only copies into memory; a thread hands what
/// was gathered to a sink of spdlog. (The queue is not spdlog's, which counts messages where this one counts
/// bytes, drops the oldest where this one says what is missing, and wakes its thread for each message.) When
/// the disk cannot keep up, lines are dropped, counted, and their number is written once there is room again.
///
/// **Threads** any. **Lifetime** shared with the thread that writes, since nothing can interrupt that while a
/// pipe or a disk does not take what it writes.
class Sink {
 public:
  /// **Errors** a sentence when the file cannot be opened.
  [[nodiscard]] static std::expected<std::shared_ptr<Sink>, std::string> open(const SinkOptions& options,
                                                                              std::size_t max_waiting_bytes);
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;
  ~Sink();

  [[nodiscard]] const SinkOptions& options() const noexcept { return options_; }
  /// Urgent lines are written at once, others within some milliseconds. False when it has been closed; then
  /// the line is not taken.
  [[nodiscard]] bool push(std::string_view line, bool urgent) noexcept;
  void reopen() noexcept;
  /// Waits until everything pushed before has been written, for `limit` at most.
  void flush(std::chrono::milliseconds limit) noexcept;
  /// Lets the thread write what waits, give back its memory and its file, and end; does not wait longer than
  /// `limit` for it.
  void close(std::chrono::milliseconds limit) noexcept;
  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }

 private:
  Sink(SinkOptions options, std::size_t max_waiting_bytes, std::unique_ptr<spdlog::sinks::sink> output);
  void run() noexcept;
  void write(std::string_view lines) noexcept;
  void report(std::uint64_t dropped) noexcept;
  void open_again() noexcept;

  /// Of a cache line, which goes from processor to processor with what threads write in turn.
  static constexpr std::size_t kCacheLine = 64;

  const SinkOptions options_;
  const std::size_t max_waiting_bytes_;
  // What each line touches, close together and apart from what is only read.
  alignas(kCacheLine) std::mutex mutex_;
  std::uint64_t pushed_bytes_ = 0;
  bool asleep_ = false;
  bool hurry_ = false;
  bool reopen_ = false;
  bool stop_ = false;
  bool ended_ = false;
  std::string waiting_;
  std::uint64_t written_bytes_ = 0;
  std::uint64_t dropped_unreported_ = 0;
  std::condition_variable wake_;
  std::condition_variable written_;
  std::atomic<std::uint64_t> dropped_{0};
  // Of the thread alone.
  std::unique_ptr<spdlog::sinks::sink> output_;
};

}  // namespace lares::log
