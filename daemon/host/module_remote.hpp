// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <host/module.hpp>
#include <host/module_wire.hpp>

#include <lares/async/event.hpp>
#include <lares/async/runtime.hpp>
#include <lares/async/task_group.hpp>

#include <boost/asio/local/stream_protocol.hpp>

#include <sys/types.h>
#include <atomic>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <optional>
#include <string>

namespace lares::host {

/// A module in a process of its own: laresd-module-runner, spoken to over its standard input and output. When
/// that process ends, or cannot be created anew, open questions get their default, and it is started again,
/// after a pause that doubles up to half a minute.
class RemoteModule final : public Module {
 public:
  /// Starts nothing yet. `runner` is the program.
  RemoteModule(Runtime& runtime, std::filesystem::path runner, std::filesystem::path library,
               ModuleSettings settings);
  ~RemoteModule() override;

  [[nodiscard]] bool offers(std::size_t hook) const noexcept override;
  Task<void> start() override;
  Task<void> stop() override;

  /// How often the process has been started, and its number while it runs.
  [[nodiscard]] std::uint64_t starts() const noexcept { return starts_; }
  [[nodiscard]] pid_t process() const noexcept { return process_; }

 protected:
  void send(lares_completion completion, const ModuleQuestion& question) override;
  void send_save(lares_completion completion) override;
  void send_cancel(lares_completion completion) noexcept override;

 private:
  using Socket = boost::asio::local::stream_protocol::socket;

  Task<void> supervise();
  Task<void> run_once();
  Task<void> read_frames();
  Task<void> read_until_created();
  // False if what comes is no frame.
  Task<bool> read_frame();
  Task<void> write_frames();
  void take_frame(std::string_view payload);
  // Hands a frame to the writer; from any thread. False if the process is gone or behind.
  bool push(std::string frame) noexcept;
  [[nodiscard]] bool spawn_process();
  void reap() noexcept;

  Loop& loop_;
  std::filesystem::path runner_;
  std::filesystem::path library_;
  TaskGroup group_;
  std::optional<Socket> socket_;
  std::deque<std::string> queue_;  // on the loop
  Notification queued_;
  std::atomic<std::size_t> queued_bytes_{0};
  std::atomic<bool> up_{false};
  std::atomic<std::uint32_t> hooks_{0};
  std::atomic<std::uint64_t> starts_{0};
  std::atomic<pid_t> process_{-1};
  bool stopping_ = false;
  bool answered_ = false;  // whether this process has said how its creation went
  bool was_up_ = false;
  // The first creation is over, for start().
  Event created_;
  // The outcome of the last one.
  lares_status created_status_ = LARES_GONE;
  std::string created_message_ = "its process ended at once";
};

}  // namespace lares::host
