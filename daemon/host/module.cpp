// SPDX-License-Identifier: Apache-2.0
#include <host/module.hpp>

#include <lares/async/runtime.hpp>
#include <lares/base/error.hpp>

#include <utility>

namespace lares::host {
namespace {

// Questions that one module may be behind with. At the usual timeout that is thousands a second, unanswered.
constexpr std::size_t kMaxCalls = 10'000;

}  // namespace

log::Level log_level(std::int32_t level) noexcept {
  if (level >= LARES_LOG_ERROR) {
    return log::Level::kError;
  }
  if (level >= LARES_LOG_WARNING) {
    return log::Level::kWarning;
  }
  return level >= LARES_LOG_INFO ? log::Level::kInfo : log::Level::kDebug;
}

Module::Module(Runtime& runtime, ModuleSettings settings)
    : runtime_(runtime),
      settings_(std::move(settings)),
      calls_(kMaxCalls),
      log_("lares.module." + settings_.name) {}

Module::~Module() = default;

SteadyTime Module::deadline_from_now() const {
  return runtime_.steady_now() + settings_.timeout;
}

Task<ModuleAnswer> Module::await_answer(ModuleCalls::Call call, SteadyTime deadline) {
  try {
    co_return co_await call.answer.get(deadline);
  } catch (const TimeoutError&) {
  } catch (...) {
    calls_.retire(call.completion);
    send_cancel(call.completion);
    throw;
  }
  if (calls_.retire(call.completion)) {
    send_cancel(call.completion);
    co_return ModuleAnswer{.status = LARES_LATE, .message = "it did not answer in time"};
  }
  // The answer came between the deadline and now, and was the first: it counts.
  co_return co_await call.answer.get();
}

Module::Use::~Use() {
  if (uses_ && --uses_->count == 0 && uses_->ended) {
    uses_->idle.set();
  }
}

Task<void> Module::end_questions() {
  uses_->ended = true;
  calls_.fail_all(LARES_GONE, "it is stopping");
  if (uses_->count != 0) {
    co_await uses_->idle.wait();
  }
}

Task<ModuleAnswer> Module::ask(const ModuleQuestion& question) {
  const Use use(*this);
  if (uses_->ended) {
    co_return ModuleAnswer{.status = LARES_GONE, .message = "it is stopping"};
  }
  auto call = calls_.begin();
  if (!call) {
    co_return ModuleAnswer{.status = LARES_FAILED, .message = "too many of its answers are outstanding"};
  }
  const auto deadline = deadline_from_now();
  send(call->completion, question);
  co_return co_await await_answer(*std::move(call), deadline);
}

Task<ModuleAnswer> Module::save() {
  const Use use(*this);
  if (uses_->ended) {
    co_return ModuleAnswer{.status = LARES_GONE, .message = "it is stopping"};
  }
  auto call = calls_.begin(ModuleCalls::Value::State);
  if (!call) {
    co_return ModuleAnswer{.status = LARES_FAILED, .message = "too many of its answers are outstanding"};
  }
  const auto deadline = deadline_from_now();
  send_save(call->completion);
  co_return co_await await_answer(*std::move(call), deadline);
}

}  // namespace lares::host
