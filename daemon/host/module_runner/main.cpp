// SPDX-License-Identifier: Apache-2.0
// laresd-module-runner FILE: loads one module and lets the host speak to it over standard input and output.
// It links no part of Lares but the module headers, as a module does.
#include <host/module_check.hpp>
#include <host/module_slots.hpp>
#include <host/module_wire.hpp>

#include <lares/module/draft/spam_checker.h>
#include <lares/module/host.h>
#include <lares/module/module.h>

#include <dlfcn.h>
#include <unistd.h>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace {

namespace wire = lares::host::wire;

// What is left until a deadline of the host, rounded up.
std::uint64_t milliseconds_until(std::uint64_t deadline) {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  const auto reached = static_cast<std::uint64_t>(std::chrono::nanoseconds(now).count());
  return deadline > reached ? (deadline - reached + 999'999) / 1'000'000 : 0;
}

// What was asked of the module and is not answered, so that the second of two answers is refused here as the
// host would.
class Runner {
 public:
  // `refusal`: why nothing is created, empty where it is.
  Runner(const lares_module_descriptor& descriptor, std::string refusal, int in, int out)
      : descriptor_(descriptor), refusal_(std::move(refusal)), in_(in), out_(out) {
    host_.struct_size = sizeof(host_);
    host_.abi_minor = LARES_MODULE_ABI_MINOR;
    host_.host = this;
    host_.log = [](void* self, std::int32_t level, lares_text_view message) {
      wire::Writer writer(wire::Kind::Log);
      writer.number(static_cast<std::uint64_t>(level)).text(message);
      static_cast<Runner*>(self)->write(std::move(writer).finish());
    };
    host_.complete = [](void* self, lares_completion completion, lares_status status, const void* value,
                        lares_text_view message) {
      return static_cast<Runner*>(self)->complete(completion, status, value, message);
    };
    host_.now_ms = [](void*) -> std::int64_t {
      const auto now = std::chrono::system_clock::now().time_since_epoch();
      return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
    };
    host_.extension = [](void*, const char*) -> const void* { return nullptr; };
  }

  // Until the host closes the pipe.
  void run() {
    std::string payload;
    while (read_frame(payload)) {
      wire::Reader reader(payload);
      take(reader);
    }
    if (instance_ != nullptr && stopped_) {
      descriptor_.destroy(instance_);
    }
  }

 private:
  enum class Expected { Verdict, State, Nothing };

  bool read_exactly(char* data, std::size_t size) {
    while (size > 0) {
      const auto got = ::read(in_, data, size);
      if (got < 0 && errno == EINTR) {
        continue;
      }
      if (got <= 0) {
        return false;
      }
      data += got;
      size -= static_cast<std::size_t>(got);
    }
    return true;
  }

  bool read_frame(std::string& payload) {
    unsigned char length[wire::kLengthBytes];
    if (!read_exactly(reinterpret_cast<char*>(length), sizeof(length))) {
      return false;
    }
    std::size_t size = 0;
    for (std::size_t i = wire::kLengthBytes; i-- > 0;) {
      size = size << 8 | length[i];
    }
    if (size > wire::kMaxFrame) {
      return false;
    }
    payload.resize(size);
    return read_exactly(payload.data(), size);
  }

  void write(const std::string& frame) {
    const std::lock_guard lock(write_mutex_);
    std::string_view rest = frame;
    while (!rest.empty()) {
      const auto sent = ::write(out_, rest.data(), rest.size());
      if (sent < 0 && errno == EINTR) {
        continue;
      }
      if (sent <= 0) {
        // Without the host there is nothing left to do, and the module's threads need not be waited for.
        ::_exit(0);
      }
      rest.remove_prefix(static_cast<std::size_t>(sent));
    }
  }

  void expect(lares_completion completion, Expected expected) {
    const std::lock_guard lock(open_mutex_);
    open_[{completion.handle.index, completion.handle.generation}] = expected;
  }

  lares_status complete(lares_completion completion, lares_status status, const void* value,
                        lares_text_view message) {
    Expected expected{};
    {
      const std::lock_guard lock(open_mutex_);
      const auto found = open_.find({completion.handle.index, completion.handle.generation});
      if (found == open_.end()) {
        return LARES_STALE;
      }
      expected = found->second;
      open_.erase(found);
    }
    if (expected == Expected::Verdict) {
      wire::Writer writer(wire::Kind::Answer);
      const auto* verdict = static_cast<const lares_spam_verdict_view*>(value);
      const bool invalid = status == LARES_OK && verdict == nullptr;
      writer.completion(completion)
          .number(static_cast<std::uint64_t>(invalid ? LARES_INVALID : status))
          .text(message);
      wire::write_verdict(writer, verdict == nullptr ? lares_spam_verdict_view{} : *verdict);
      write(std::move(writer).finish());
    } else if (expected == Expected::State) {
      wire::Writer writer(wire::Kind::Saved);
      const auto* saved = static_cast<const lares_saved_state_view*>(value);
      if (status == LARES_OK && saved != nullptr && !lares::host::valid_state(*saved)) {
        saved = nullptr;
        status = LARES_INVALID;
        message = {lares::host::kInvalidState, std::strlen(lares::host::kInvalidState)};
      }
      writer.completion(completion).number(static_cast<std::uint64_t>(status)).text(message);
      writer.text(saved == nullptr
                      ? lares_text_view{}
                      : lares_text_view{reinterpret_cast<const char*>(saved->state.data), saved->state.size});
      writer.number(saved == nullptr ? 0 : saved->version);
      write(std::move(writer).finish());
    } else {
      stopped_ = status != LARES_FAILED;
      wire::Writer writer(wire::Kind::Done);
      writer.completion(completion).number(static_cast<std::uint64_t>(status)).text(message);
      write(std::move(writer).finish());
    }
    return LARES_OK;
  }

  void answer_without_module(lares_completion completion, lares_status status) {
    host_.complete(this, completion, status, nullptr, {});
  }

  void create(wire::Reader& reader) {
    if (!refusal_.empty()) {
      wire::Writer writer(wire::Kind::Created);
      writer.number(LARES_INVALID).text(refusal_).number(0);
      write(std::move(writer).finish());
      return;
    }
    host_.instance = {0, reader.number()};
    lares_create_view create{};
    create.struct_size = sizeof(create);
    create.host = &host_;
    create.server_name = reader.text();
    create.instance_name = reader.text();
    create.config = reader.text();
    const auto state = reader.text();
    if (state.size > 0) {
      create.saved_state = {reinterpret_cast<const std::uint8_t*>(state.data), state.size};
    }
    create.saved_state_version = reader.number();
    lares_error error{};
    error.struct_size = sizeof(error);
    const auto status = reader.ok() ? descriptor_.create(&create, &instance_, &error) : LARES_INVALID;
    std::uint64_t hooks = 0;
    if (status == LARES_OK) {
      checker_ = static_cast<const lares_spam_checker*>(descriptor_.extension(instance_, LARES_SPAM_CHECKER));
      hooks = offered();
    }
    wire::Writer writer(wire::Kind::Created);
    const std::size_t size =
        error.message_size < sizeof(error.message) ? error.message_size : sizeof(error.message);
    writer.number(static_cast<std::uint64_t>(status))
        .text(std::string_view(error.message, size))
        .number(hooks);
    write(std::move(writer).finish());
  }

  std::uint64_t offered() const {
    std::uint64_t hooks = 0;
    for (std::size_t hook = 0; hook < std::variant_size_v<wire::Question>; ++hook) {
      hooks |= lares::host::has_slot(checker_, hook) ? std::uint64_t{1} << hook : 0;
    }
    return hooks;
  }

  void ask(wire::Reader& reader) {
    lares_call_view call{};
    call.struct_size = sizeof(call);
    call.completion = reader.completion();
    call.timeout_ms = milliseconds_until(reader.number());
    call.request_id = reader.text();
    const auto question = wire::read_question(reader);
    // Nobody waits any more for what has waited here too long: behind a slow question come those that can
    // still be answered.
    if (!question || !reader.ok() || call.timeout_ms == 0) {
      return;
    }
    expect(call.completion, Expected::Verdict);
    if (lares::host::has_slot(checker_, question->index())) {
      lares::host::call_slot(*checker_, instance_, call, *question);
    } else {
      answer_without_module(call.completion, LARES_UNSUPPORTED);
    }
  }

  void save_or_stop(wire::Reader& reader, Expected expected, void (*slot)(void*, const lares_call_view*)) {
    lares_call_view call{};
    call.struct_size = sizeof(call);
    call.completion = reader.completion();
    call.timeout_ms = milliseconds_until(reader.number());
    expect(call.completion, expected);
    if (slot == nullptr || instance_ == nullptr) {
      answer_without_module(call.completion, expected == Expected::State ? LARES_UNSUPPORTED : LARES_OK);
    } else {
      slot(instance_, &call);
    }
  }

  void take(wire::Reader& reader) {
    switch (reader.kind()) {
      case wire::Kind::Create:
        create(reader);
        break;
      case wire::Kind::Ask:
        ask(reader);
        break;
      case wire::Kind::Cancel: {
        const auto completion = reader.completion();
        {
          const std::lock_guard lock(open_mutex_);
          open_.erase({completion.handle.index, completion.handle.generation});
        }
        if (descriptor_.cancel != nullptr && instance_ != nullptr) {
          descriptor_.cancel(instance_, completion);
        }
        break;
      }
      case wire::Kind::Save:
        save_or_stop(reader, Expected::State, descriptor_.save);
        break;
      case wire::Kind::Stop:
        save_or_stop(reader, Expected::Nothing, descriptor_.stop);
        break;
      default:
        break;
    }
  }

  const lares_module_descriptor& descriptor_;
  std::string refusal_;
  int in_;
  int out_;
  lares_host host_{};
  void* instance_ = nullptr;
  const lares_spam_checker* checker_ = nullptr;
  std::atomic<bool> stopped_{false};
  std::mutex write_mutex_;
  std::mutex open_mutex_;
  std::map<std::pair<std::uint64_t, std::uint64_t>, Expected> open_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "laresd-module-runner: started by laresd with the path of a module.\n");
    return 2;
  }
  // Whoever ends the server often signals all its processes at once. This one ends when the server has no
  // more to ask, which closes the pipe.
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) {
    std::signal(number, SIG_IGN);
  }
  // What the module prints goes to the log, not into the pipe.
  const int out = ::dup(STDOUT_FILENO);
  ::dup2(STDERR_FILENO, STDOUT_FILENO);
  static const lares_module_descriptor kNone{};
  const lares_module_descriptor* descriptor = nullptr;
  std::string refusal;
  if (void* library = ::dlopen(argv[1], RTLD_NOW | RTLD_LOCAL); library != nullptr) {
    descriptor =
        static_cast<const lares_module_descriptor*>(::dlsym(library, LARES_MODULE_DESCRIPTOR_SYMBOL));
    if (const auto fault =
            lares::host::fault_of(descriptor, std::filesystem::path(argv[1]).stem().string())) {
      refusal = fault->reason + ". " + fault->remedy;
    }
  } else {
    refusal = "the dynamic linker refused it: " + std::string(::dlerror());
  }
  const bool refused = !refusal.empty();
  if (refused) {
    std::fprintf(stderr, "laresd-module-runner: %s: %s\n", argv[1], refusal.c_str());
  }
  // The host is told, too, once it asks for an instance.
  Runner runner(descriptor != nullptr ? *descriptor : kNone, std::move(refusal), STDIN_FILENO, out);
  runner.run();
  // Threads of a module that did not stop in time are not waited for.
  ::_exit(refused ? 1 : 0);
}
