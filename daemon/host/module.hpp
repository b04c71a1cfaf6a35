// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <host/module_calls.hpp>
#include <host/module_question.hpp>

#include <lares/async/event.hpp>
#include <lares/async/task.hpp>
#include <lares/base/log.hpp>
#include <lares/base/time.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace lares {
class Runtime;
}

namespace lares::host {

/// The log's level for one of lares/module/host.h.
[[nodiscard]] log::Level log_level(std::int32_t level) noexcept;

/// What an instance of a module is made from.
struct ModuleSettings {
  std::string name;  ///< of the file, without `.so`
  std::string server_name;
  std::string instance_name;
  std::string config;  ///< a JSON object
  std::string origin;  ///< where the configuration stands: "homeserver.yaml:12: modules[0]"
  std::chrono::milliseconds timeout{2000};
  std::chrono::milliseconds create_timeout{10'000};  ///< of a process of its own, each time it is started
  std::string saved_state = {};                      ///< of the instance before
  std::uint64_t saved_state_version = 0;
};

/// One instance of a module, in this process or in one of its own; who asks cannot tell which.
///
/// **Threads**: ask() and offers() from any loop, the rest from one.
class Module {
 public:
  Module(Runtime& runtime, ModuleSettings settings);
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;
  virtual ~Module();

  [[nodiscard]] const std::string& name() const noexcept { return settings_.name; }
  /// Whether the module has this slot.
  [[nodiscard]] virtual bool offers(std::size_t hook) const noexcept = 0;

  /// **Errors**: StartError if the module refuses its configuration.
  virtual Task<void> start() = 0;
  /// Lets the module finish, for at most the module's timeout, and destroys the instance.
  virtual Task<void> stop() = 0;

  /// True if the instance did not stop: it must not be destroyed, since its threads may still call the host.
  [[nodiscard]] virtual bool left() const noexcept { return false; }

  /// Asks one question. Whatever the module does, there is one answer, at the latest when the timeout has
  /// passed.
  /// **Cancellation**: throws operation_aborted, after telling the module.
  Task<ModuleAnswer> ask(const ModuleQuestion& question);

  /// What the next generation of this module should begin with. status is LARES_UNSUPPORTED if the module
  /// keeps nothing.
  Task<ModuleAnswer> save();

 protected:
  struct Uses {
    std::atomic<std::size_t> count{0};
    std::atomic<bool> ended{false};
    Event idle;
  };

  /// Hands a question over without waiting for anything; the answer comes through calls(). Views in it are
  /// valid until the function returns.
  virtual void send(lares_completion completion, const ModuleQuestion& question) = 0;
  virtual void send_save(lares_completion completion) = 0;
  virtual void send_cancel(lares_completion completion) noexcept = 0;

  /// Counts who still has to do with the instance, so that it is not taken from under them. The module may be
  /// gone as soon as the last one no longer counts.
  class Use {
   public:
    explicit Use(const Module& module) noexcept : uses_(module.uses_) { ++uses_->count; }
    Use(Use&& other) noexcept = default;
    Use& operator=(Use&&) = delete;
    ~Use();

   private:
    std::shared_ptr<Uses> uses_;
  };

  [[nodiscard]] ModuleCalls& calls() noexcept { return calls_; }
  [[nodiscard]] const ModuleSettings& settings() const noexcept { return settings_; }
  [[nodiscard]] Runtime& runtime() const noexcept { return runtime_; }
  [[nodiscard]] const log::Logger& log() const noexcept { return log_; }

  /// Ends the questions that are open, refuses further ones, and returns when no Use is left.
  Task<void> end_questions();

  /// Waits for the answer of a call that was sent.
  Task<ModuleAnswer> await_answer(ModuleCalls::Call call, SteadyTime deadline);
  [[nodiscard]] SteadyTime deadline_from_now() const;

 private:
  Runtime& runtime_;
  ModuleSettings settings_;
  ModuleCalls calls_;
  log::Logger log_;
  const std::shared_ptr<Uses> uses_ = std::make_shared<Uses>();
};

}  // namespace lares::host
