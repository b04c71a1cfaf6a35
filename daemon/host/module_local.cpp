// SPDX-License-Identifier: Apache-2.0
#include <host/module_local.hpp>
#include <host/module_slots.hpp>

#include <lares/async/blocking_pool.hpp>
#include <lares/async/log_context.hpp>
#include <lares/async/runtime.hpp>
#include <lares/base/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <functional>
#include <new>
#include <string>
#include <utility>

namespace lares::host {
namespace {

std::atomic<std::uint64_t> last_instance{0};

}  // namespace

// The table that the module gets. It holds what its functions need and lives as long as the instance.
struct LocalModule::HostTable : lares_host {
  HostTable(Runtime& runtime_, ModuleCalls& calls_, const log::Logger& log_)
      : lares_host{}, runtime(runtime_), calls(calls_), logger(log_) {
    struct_size = sizeof(lares_host);
    abi_minor = LARES_MODULE_ABI_MINOR;
    host = this;
    instance = {0, ++last_instance};
    log = &write_log;
    complete = &take_answer;
    now_ms = &wall_clock;
    extension = &find_extension;
  }

  static void write_log(void* self, std::int32_t level, lares_text_view message) noexcept {
    static_cast<HostTable*>(self)->logger.message(log_level(level), text_of(message));
  }

  static lares_status take_answer(void* self, lares_completion completion, lares_status status,
                                  const void* value, lares_text_view message) noexcept {
    try {
      auto& table = *static_cast<HostTable*>(self);
      ModuleAnswer answer;
      if (status != LARES_OK) {
        answer.status = status;
        answer.message = text_of(message).substr(0, 1024);
      } else if (ModuleCalls::value_of(completion) == ModuleCalls::Value::State) {
        answer = take_state(static_cast<const lares_saved_state_view*>(value));
      } else {
        answer = take_verdict(static_cast<const lares_spam_verdict_view*>(value));
      }
      return table.calls.complete(completion, std::move(answer));
    } catch (const std::bad_alloc&) {
      return LARES_FAILED;
    }
  }

  static ModuleAnswer take_state(const lares_saved_state_view* saved) {
    if (saved == nullptr) {
      return {};
    }
    if (!valid_state(*saved)) {
      return {.status = LARES_INVALID, .message = kInvalidState};
    }
    return {.state = std::string(reinterpret_cast<const char*>(saved->state.data), saved->state.size),
            .state_version = saved->version};
  }

  static std::int64_t wall_clock(void* self) noexcept {
    return static_cast<HostTable*>(self)->runtime.now_ms();
  }

  static const void* find_extension(void*, const char*) noexcept { return nullptr; }

  Runtime& runtime;
  ModuleCalls& calls;
  const log::Logger& logger;
};

LocalModule::LocalModule(Runtime& runtime_, std::shared_ptr<ModuleLibrary> library, ModuleSettings settings_)
    : Module(runtime_, std::move(settings_)),
      library_(std::move(library)),
      host_(std::make_unique<HostTable>(runtime(), calls(), log())),
      ending_(runtime(), "end of module " + name()) {
  const auto& descriptor = library_->descriptor();
  if ((descriptor.flags & LARES_MODULE_SERIAL) != 0) {
    serial_.emplace(runtime().next_loop(), "module " + name());
  }
  lares_create_view create{};
  create.struct_size = sizeof(create);
  create.host = host_.get();
  create.server_name = view_of(settings().server_name);
  create.instance_name = view_of(settings().instance_name);
  create.config = view_of(settings().config);
  if (!settings().saved_state.empty()) {
    create.saved_state = {reinterpret_cast<const std::uint8_t*>(settings().saved_state.data()),
                          settings().saved_state.size()};
    create.saved_state_version = settings().saved_state_version;
  }
  lares_error error{};
  error.struct_size = sizeof(error);
  if (descriptor.create(&create, &instance_, &error) != LARES_OK) {
    const auto size = std::min<std::size_t>(error.message_size, sizeof(error.message));
    throw StartError(fmt::format("{}: the module \"{}\" cannot start: {}", settings().origin, name(),
                                 size == 0 ? "it does not say why" : std::string_view(error.message, size)));
  }
  checker_ = static_cast<const lares_spam_checker*>(descriptor.extension(instance_, LARES_SPAM_CHECKER));
}

LocalModule::~LocalModule() {
  // Without stop() nothing was asked of the instance yet.
  if (instance_ != nullptr) {
    try {
      library_->descriptor().destroy(instance_);
    } catch (...) {
      log().error("`destroy` of the module {} threw.", name());
    }
  }
}

bool LocalModule::offers(std::size_t hook) const noexcept {
  return has_slot(checker_, hook);
}

Task<void> LocalModule::start() {
  co_return;
}

lares_call_view LocalModule::call_view(lares_completion completion, SteadyTime deadline,
                                       std::string_view request_id) const noexcept {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - runtime().steady_now());
  lares_call_view call{};
  call.struct_size = sizeof(call);
  call.completion = completion;
  call.timeout_ms = left.count() > 0 ? static_cast<std::uint64_t>(left.count()) : 0;
  call.request_id = view_of(request_id);
  return call;
}

template <class Function>
void LocalModule::enter(Function function) {
  if (may_enter()) {
    function();
  } else {
    serial_->loop().post([use = Use(*this), function = std::move(function)]() mutable { function(); });
  }
}

void LocalModule::send(lares_completion completion, const ModuleQuestion& question) {
  const auto deadline = deadline_from_now();
  if (may_enter()) {
    call_slot(*checker_, instance_, call_view(completion, deadline, current_context().name()), question);
    return;
  }
  // Whoever asks may have gone on before the turn comes, so the question is copied: as for a pipe.
  wire::Writer copy(wire::Kind::Ask);
  wire::write_question(copy, question);
  enter([this, completion, deadline, request_id = std::string(current_context().name()),
         frame = std::move(copy).finish()] {
    wire::Reader reader(std::string_view(frame).substr(wire::kLengthBytes));
    const auto question = wire::read_question(reader);
    if (question && calls().open(completion)) {
      call_slot(*checker_, instance_, call_view(completion, deadline, request_id), *question);
    }
  });
}

void LocalModule::send_save(lares_completion completion) {
  if (library_->descriptor().save == nullptr) {
    calls().complete(completion, {.status = LARES_UNSUPPORTED, .message = "it keeps no state"});
    return;
  }
  enter([this, completion, deadline = deadline_from_now()] {
    const auto call = call_view(completion, deadline, {});
    library_->descriptor().save(instance_, &call);
  });
}

void LocalModule::send_cancel(lares_completion completion) noexcept {
  // One call at a time means none while `stop` takes its time elsewhere.
  if (library_->descriptor().cancel != nullptr && !(serial_ && stopping_)) {
    enter([this, completion] { library_->descriptor().cancel(instance_, completion); });
  }
}

// A module's end may take long or hang, and may not do so on a loop: it runs on a thread that nothing else
// uses. Nobody else is in the module by then but for `cancel`.
Task<void> LocalModule::end_with(std::string_view function, std::move_only_function<void()> call) {
  try {
    co_await run_on(*ending_pool_, std::move(call));
  } catch (const std::exception& error) {
    log().error("`{}` of the module {} threw: {}.", function, name(), error.what());
  } catch (...) {
    log().error("`{}` of the module {} threw.", function, name());
  }
}

void LocalModule::leave(std::string_view reason) {
  left_ = true;
  log().error("The module {} {}; it is left as it is.", name(), reason);
}

Task<void> LocalModule::stop() {
  if (instance_ == nullptr || left_) {
    co_return;
  }
  co_await end_questions();
  // Its own, since others end while this one may hang.
  ending_pool_ = &runtime().create_pool(
      {.name = fmt::format("end of module {} {}", name(), host_->instance.generation), .threads = 1});
  const auto late = fmt::format("did not stop within {} ms", settings().timeout.count());
  if (library_->descriptor().stop != nullptr) {
    auto call = calls().begin(ModuleCalls::Value::State);
    if (call) {
      const auto completion = call->completion;
      const auto deadline = deadline_from_now();
      stopping_ = true;
      spawn(ending_, Background(RefPtr<LogContext>(&current_context())),
            end_with("stop", [this, completion, deadline] {
              const auto view = call_view(completion, deadline, {});
              library_->descriptor().stop(instance_, &view);
              stopping_ = false;
            }));
      const auto answer = co_await await_answer(*std::move(call), deadline);
      if (answer.status == LARES_LATE || !co_await ending_.join(deadline)) {
        leave(late);
        co_return;
      }
      if (answer.status == LARES_FAILED) {
        leave("failed to stop: " + answer.message);
        co_return;
      }
    }
  }
  spawn(ending_, Background(RefPtr<LogContext>(&current_context())),
        end_with("destroy", [this] { library_->descriptor().destroy(instance_); }));
  if (!co_await ending_.join(deadline_from_now())) {
    leave(late);
    co_return;
  }
  instance_ = nullptr;
  if (library_.use_count() == 1) {
    library_->close();
  }
  library_.reset();
}

}  // namespace lares::host
