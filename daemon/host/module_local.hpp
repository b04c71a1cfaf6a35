// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <host/module.hpp>
#include <host/module_library.hpp>

#include <lares/module/draft/spam_checker.h>
#include <lares/module/host.h>
#include <lares/async/actor.hpp>
#include <lares/async/task_group.hpp>

#include <memory>
#include <optional>

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
  Task<void> send(lares_completion completion, const ModuleQuestion& question) override;
  Task<void> send_save(lares_completion completion) override;
  void send_cancel(lares_completion completion) noexcept override;

 private:
  struct HostTable;

  [[nodiscard]] lares_call_view call_view(lares_completion completion) const noexcept;
  // Calls into the module: at once, or one at a time where the module asked for that.
  template <class Function>
  Task<void> enter(Function function);
  void call_slot(lares_completion completion, const ModuleQuestion& question) noexcept;

  std::shared_ptr<ModuleLibrary> library_;
  std::unique_ptr<HostTable> host_;
  void* instance_ = nullptr;
  const lares_spam_checker* checker_ = nullptr;
  std::optional<Actor> serial_;
  TaskGroup cancels_;
  bool left_ = false;
};

}  // namespace lares::host
