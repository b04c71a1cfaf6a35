// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <host/module.hpp>
#include <host/module_library.hpp>

#include <lares/module/draft/spam_checker.h>
#include <lares/module/host.h>
#include <lares/async/actor.hpp>
#include <lares/async/task_group.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

namespace lares {
class BlockingPool;
}

namespace lares::host {

/// A module in this process.
class LocalModule final : public Module {
 public:
  /// Creates the instance: the module checks its configuration, and does no I/O.
  /// **Errors**: StartError with what the module says.
  LocalModule(Runtime& runtime, std::shared_ptr<ModuleLibrary> library, ModuleSettings settings);
  ~LocalModule() override;

  [[nodiscard]] bool offers(std::size_t hook) const noexcept override;
  Task<void> start() override;
  Task<void> stop() override;
  [[nodiscard]] bool left() const noexcept override { return left_; }

 protected:
  void send(lares_completion completion, const ModuleQuestion& question) override;
  void send_save(lares_completion completion) override;
  void send_cancel(lares_completion completion) noexcept override;

 private:
  struct HostTable;

  [[nodiscard]] lares_call_view call_view(lares_completion completion, SteadyTime deadline,
                                          std::string_view request_id) const noexcept;
  // Whether this thread may call into the module, which may have asked for one call at a time.
  [[nodiscard]] bool may_enter() const noexcept { return !serial_ || serial_->is_current(); }
  // Calls into the module now, or in its turn. Who asks does not wait for the turn, so that its deadline
  // holds.
  template <class Function>
  void enter(Function function);
  Task<void> end_with(std::string_view function, std::move_only_function<void()> call);
  void leave(std::string_view reason);

  std::shared_ptr<ModuleLibrary> library_;
  std::unique_ptr<HostTable> host_;
  void* instance_ = nullptr;
  const lares_spam_checker* checker_ = nullptr;
  std::optional<Actor> serial_;
  TaskGroup ending_;
  BlockingPool* ending_pool_ = nullptr;
  std::atomic<bool> stopping_{false};  // `stop` has not returned
  bool left_ = false;
};

}  // namespace lares::host
