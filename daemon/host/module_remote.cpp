// SPDX-License-Identifier: Apache-2.0
#include <host/module_remote.hpp>

#include <lares/async/log_context.hpp>
#include <lares/async/timeout.hpp>
#include <lares/base/error.hpp>

#include <fmt/format.h>
#include <boost/asio/buffer.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

extern char** environ;

namespace lares::host {
namespace {

namespace asio = boost::asio;

// Questions that wait in the pipe; beyond, the process counts as gone for the question.
constexpr std::size_t kMaxQueuedBytes = 8u << 20;
constexpr std::chrono::milliseconds kFirstPause{100};
constexpr std::chrono::milliseconds kLongestPause{30'000};
// In the queue: after this nothing is written any more.
constexpr std::string_view kEnd;
// A process that has lived this long is no longer part of a series of failures.
constexpr std::chrono::seconds kHealthy{60};

// The runner has the same clock.
std::uint64_t nanoseconds(SteadyTime time) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count());
}

// The variables of this process but for what is meant for it alone: secrets of the configuration, and the
// service manager's sockets.
std::vector<char*> environment_for_modules() {
  constexpr std::string_view kOurs[] = {"LARES_", "NOTIFY_SOCKET=", "WATCHDOG_", "LISTEN_",
                                        "CREDENTIALS_DIRECTORY="};
  std::vector<char*> result;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    if (std::ranges::none_of(kOurs, [text](std::string_view name) { return text.starts_with(name); })) {
      result.push_back(*variable);
    }
  }
  result.push_back(nullptr);
  return result;
}

std::string copy(lares_text_view text) {
  return std::string(text_of(text));
}

}  // namespace

RemoteModule::RemoteModule(Runtime& runtime_, std::filesystem::path runner, std::filesystem::path library,
                           ModuleSettings settings_)
    : Module(runtime_, std::move(settings_)),
      loop_(runtime_.loop(0)),
      runner_(std::move(runner)),
      library_(std::move(library)),
      group_(runtime_, "module " + name()) {}

RemoteModule::~RemoteModule() {
  reap();
}

bool RemoteModule::offers(std::size_t hook) const noexcept {
  return (hooks_.load(std::memory_order_relaxed) & (1u << hook)) != 0;
}

Task<void> RemoteModule::start() {
  spawn(group_, "module_process", supervise(), &loop_);
  co_await created_.wait();
  if (created_status_ != LARES_OK) {
    const auto message = created_message_;
    co_await stop();
    throw StartError(
        fmt::format("{}: the module \"{}\" cannot start: {}", settings().origin, name(), message));
  }
}

Task<void> RemoteModule::stop() {
  stopping_ = true;
  co_await end_questions();
  if (up_) {
    auto call = calls().begin();
    if (call) {
      wire::Writer writer(wire::Kind::Stop);
      const auto deadline = deadline_from_now();
      writer.completion(call->completion).number(nanoseconds(deadline));
      if (push(std::move(writer).finish())) {
        const auto answer = co_await await_answer(*std::move(call), deadline);
        // The end of the pipe is what its process destroys the instance upon.
        if (answer.status == LARES_OK && push(std::string(kEnd)) && !co_await group_.join(deadline)) {
          log().error("The process of the module {} did not end within {} ms; it is killed.", name(),
                      settings().timeout.count());
        }
      }
    }
  }
  co_await group_.stop();
  reap();
}

Task<void> RemoteModule::supervise() {
  auto pause = kFirstPause;
  for (;;) {
    const auto began = runtime().steady_now();
    co_await run_once();
    // What never was up is not tried again: start() says why.
    if (stopping_ || !was_up_) {
      co_return;
    }
    if (runtime().steady_now() - began > kHealthy) {
      pause = kFirstPause;
    }
    const bool came_up = created_status_ == LARES_OK;
    const auto reason = came_up ? "its process has ended" : "it could not start again: " + created_message_;
    log().message(
        came_up ? log::Level::kWarning : log::Level::kError,
        fmt::format("The module {} is gone: {}. It is started again in {} ms; until then its defaults count.",
                    name(), reason, pause.count()));
    co_await runtime().sleep_for(pause);
    pause = std::min(pause * 2, kLongestPause);
  }
}

Task<void> RemoteModule::run_once() {
  created_status_ = LARES_GONE;
  created_message_ = "its process ended at once";
  if (!spawn_process()) {
    created_.set();
    co_return;
  }
  ++starts_;
  wire::Writer create(wire::Kind::Create);
  create.number(starts_).text(settings().server_name).text(settings().instance_name).text(settings().config);
  create.text(settings().saved_state).number(settings().saved_state_version);
  queue_.clear();
  queued_bytes_ = 0;
  queue_.push_back(std::move(create).finish());
  {
    TaskGroup writing(runtime(), "pipe of module " + name());
    spawn(writing, Background(RefPtr<LogContext>(&current_context())), write_frames());
    try {
      co_await read_frames();
    } catch (const TimeoutError&) {
      created_status_ = LARES_LATE;
      created_message_ = "its process did not answer";
    } catch (const boost::system::system_error&) {
      // The pipe ended, or we are stopping: either way the process is done with.
    }
    up_ = false;
    boost::system::error_code ignored;
    socket_->close(ignored);
    writing.cancel();
    reap();
    calls().fail_all(LARES_GONE, "its process has ended");
    created_.set();
    // Cancelled or not, the writer must have left the socket before a next one is made.
    co_await asio::this_coro::throw_if_cancelled(false);
    co_await writing.join();
    co_await asio::this_coro::throw_if_cancelled(true);
  }
}

bool RemoteModule::spawn_process() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    created_message_ = fmt::format("no pipe to its process: {}", std::strerror(errno));
    return false;
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  // Asio opens its sockets without CLOEXEC: the server's connections are not the module's to keep or to use.
  posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
  auto program = runner_.string();
  auto library = library_.string();
  char* arguments[] = {program.data(), library.data(), nullptr};
  pid_t process = -1;
  auto environment = environment_for_modules();
  const int error =
      ::posix_spawn(&process, program.c_str(), &actions, nullptr, arguments, environment.data());
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  if (error != 0) {
    ::close(ends[0]);
    created_message_ = fmt::format("{} cannot be run: {}", program, std::strerror(error));
    return false;
  }
  process_ = process;
  socket_.emplace(loop_.io_context(), asio::local::stream_protocol(), ends[0]);
  return true;
}

void RemoteModule::reap() noexcept {
  if (const auto process = process_.exchange(-1); process > 0) {
    ::kill(process, SIGKILL);
    ::waitpid(process, nullptr, 0);
  }
}

Task<void> RemoteModule::read_frames() {
  co_await with_timeout(settings().create_timeout, read_until_created());
  // One that refuses to be created has nothing to live for.
  while (up_ && co_await read_frame()) {
  }
}

Task<void> RemoteModule::read_until_created() {
  answered_ = false;
  while (!answered_ && co_await read_frame()) {
  }
}

Task<bool> RemoteModule::read_frame() {
  unsigned char length[wire::kLengthBytes];
  co_await asio::async_read(*socket_, asio::buffer(length), asio::use_awaitable);
  std::size_t size = 0;
  for (std::size_t i = wire::kLengthBytes; i-- > 0;) {
    size = size << 8 | length[i];
  }
  if (size > wire::kMaxFrame) {
    log().error("The process of the module {} sent {} bytes at once; it is ended.", name(), size);
    co_return false;
  }
  std::string payload(size, '\0');
  co_await asio::async_read(*socket_, asio::buffer(payload), asio::use_awaitable);
  take_frame(payload);
  co_return true;
}

Task<void> RemoteModule::write_frames() {
  for (;;) {
    const auto seen = queued_.version();
    while (!queue_.empty()) {
      const auto frame = std::move(queue_.front());
      queue_.pop_front();
      if (frame == kEnd) {
        boost::system::error_code ignored;
        socket_->shutdown(Socket::shutdown_send, ignored);
        co_return;
      }
      boost::system::error_code gone;
      co_await asio::async_write(*socket_, asio::buffer(frame),
                                 asio::redirect_error(asio::use_awaitable, gone));
      if (gone) {
        // Nobody reads it any more. The reader comes to the end, after what was said before, and what follows
        // is its task.
        boost::system::error_code ignored;
        socket_->shutdown(Socket::shutdown_both, ignored);
        co_return;
      }
      queued_bytes_ -= std::min(queued_bytes_.load(), frame.size());
    }
    co_await queued_.wait_beyond(seen, SteadyTime::max());
  }
}

bool RemoteModule::push(std::string frame) noexcept {
  if (!up_ || queued_bytes_ + frame.size() > kMaxQueuedBytes) {
    return false;
  }
  queued_bytes_ += frame.size();
  auto add = [this, frame = std::move(frame)]() mutable {
    queue_.push_back(std::move(frame));
    queued_.notify();
  };
  if (loop_.is_current()) {
    add();
  } else {
    loop_.post(std::move(add));
  }
  return true;
}

void RemoteModule::send(lares_completion completion, const ModuleQuestion& question) {
  wire::Writer writer(wire::Kind::Ask);
  writer.completion(completion).number(nanoseconds(deadline_from_now())).text(current_context().name());
  wire::write_question(writer, question);
  if (!push(std::move(writer).finish())) {
    calls().complete(completion,
                     {.status = LARES_GONE, .message = "its process is not running or is behind"});
  }
}

void RemoteModule::send_save(lares_completion completion) {
  wire::Writer writer(wire::Kind::Save);
  writer.completion(completion).number(nanoseconds(deadline_from_now()));
  if (!push(std::move(writer).finish())) {
    calls().complete(completion,
                     {.status = LARES_GONE, .message = "its process is not running or is behind"});
  }
}

void RemoteModule::send_cancel(lares_completion completion) noexcept {
  wire::Writer writer(wire::Kind::Cancel);
  writer.completion(completion);
  push(std::move(writer).finish());
}

void RemoteModule::take_frame(std::string_view payload) {
  wire::Reader reader(payload);
  switch (reader.kind()) {
    case wire::Kind::Created: {
      answered_ = true;
      const auto status = static_cast<lares_status>(reader.number());
      auto message = copy(reader.text());
      const auto hooks = static_cast<std::uint32_t>(reader.number());
      if (!reader.ok()) {
        return;
      }
      created_status_ = status;
      created_message_ = std::move(message);
      if (status == LARES_OK) {
        hooks_ = hooks;
        up_ = true;
        was_up_ = true;
        created_.set();
      }
      return;
    }
    case wire::Kind::Answer: {
      const auto completion = reader.completion();
      const auto status = static_cast<lares_status>(reader.number());
      auto message = copy(reader.text());
      const auto verdict = wire::read_verdict(reader);
      if (reader.ok()) {
        calls().complete(completion, status == LARES_OK
                                         ? take_verdict(&verdict)
                                         : ModuleAnswer{.status = status, .message = std::move(message)});
      }
      return;
    }
    case wire::Kind::Saved: {
      const auto completion = reader.completion();
      const auto status = static_cast<lares_status>(reader.number());
      auto message = copy(reader.text());
      auto state = copy(reader.text());
      const auto state_version = reader.number();
      if (reader.ok()) {
        calls().complete(completion, {.status = status,
                                      .message = std::move(message),
                                      .state = std::move(state),
                                      .state_version = state_version});
      }
      return;
    }
    case wire::Kind::Done: {
      const auto completion = reader.completion();
      const auto status = static_cast<lares_status>(reader.number());
      calls().complete(completion, {.status = status, .message = copy(reader.text())});
      return;
    }
    case wire::Kind::Log: {
      const auto level = static_cast<std::int64_t>(reader.number());
      log().message(log_level(static_cast<std::int32_t>(level)), text_of(reader.text()));
      return;
    }
    default:
      log().warning("The process of the module {} said something that is not understood.", name());
  }
}

}  // namespace lares::host
