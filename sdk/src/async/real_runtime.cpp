// SPDX-License-Identifier: Apache-2.0
#include <lares/async/real_runtime.hpp>

#include "loop_internals.hpp"
#include "random_bytes.hpp"
#include "resolver_pool.hpp"
#include "thread_pool.hpp"

#include <lares/async/loop_driver.hpp>
#include <lares/async/promise.hpp>
#include <lares/async/task_group.hpp>
#include <lares/base/log.hpp>
#include <lares/base/metrics.hpp>
#include <lares/base/strings.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <future>
#include <map>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <utility>

namespace lares {

namespace {

constexpr std::size_t kMaxLoops = 256;

/// A loop with its thread and the one timer that stands for all deadlines of the loop.
struct LoopThread {
  LoopThread(Runtime& runtime, std::size_t index)
      : loop{runtime, index}, timer{loop.io_context()}, work{loop.io_context().get_executor()} {}

  void run() noexcept {
    const LoopDriver::Turn turn{loop};
    loop.io_context().run();
  }

  /// Sets the timer to `deadline`. A timer that goes off too early only looks and is set again, so nothing is
  /// done when the earliest deadline went away.
  void expect(SteadyTime deadline) {
    if (deadline == SteadyTime::max() || deadline >= armed_for) {
      return;
    }
    armed_for = deadline;
    timer.expires_at(deadline);
    timer.async_wait([this](const boost::system::error_code& error) {
      if (!error) {
        armed_for = SteadyTime::max();
        expect(LoopDriver{loop}.fire_timers(loop.now()));
      }
    });
  }

  Loop loop;
  boost::asio::steady_timer timer;
  SteadyTime armed_for = SteadyTime::max();
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work;
  std::thread thread;
};

}  // namespace

struct RealRuntime::State {
  std::vector<std::unique_ptr<LoopThread>> loops;
  std::atomic<std::size_t> next{0};
  std::mutex pools_mutex;
  std::map<std::string, std::unique_ptr<ThreadPool>, std::less<>> pools;
  bool stopped = false;
  std::vector<metrics::CallbackHandle> callbacks;
};

RealRuntime::RealRuntime(RealRuntimeOptions options) : state_{std::make_unique<State>()} {
  const std::size_t count = std::clamp<std::size_t>(options.threads, 1, kMaxLoops);
  metrics::Histogram& slices = metrics().histogram(
      "python_twisted_reactor_tick_time",
      "How long coroutines hold a loop before they give way (seconds), under the name that dashboards "
      "read",
      {.001, .002, .005, .01, .025, .05, .1, .2, .5, 1, 2, 5});
  metrics::Counter& stalls = metrics().counter(
      "lares_loop_stalls", "Times that a loop was held for longer than the limit, 50 ms by default");
  for (std::size_t i = 0; i < count; ++i) {
    state_->loops.push_back(std::make_unique<LoopThread>(*this, i));
    Loop::Internals& internals = state_->loops.back()->loop.internals();
    internals.slices = &slices;
    internals.stalls = &stalls;
    internals.stall_limit_ns = std::chrono::nanoseconds{options.stall_limit}.count();
    internals.last_seen_ms = now_ms();
  }
  state_->callbacks.push_back(metrics().on_scrape(
      "python_twisted_reactor_last_seen",
      "When a loop last had something to do (seconds since the epoch), the longest ago", [this] {
        std::int64_t last = now_ms();
        for (const auto& thread : state_->loops) {
          last = std::min(last, thread->loop.internals().last_seen_ms.load(std::memory_order_relaxed));
        }
        return static_cast<double>(last) / 1e3;
      }));
  state_->callbacks.push_back(metrics().on_scrape("lares_loops", "Loops, each with a thread", [this] {
    return static_cast<double>(state_->loops.size());
  }));
  state_->callbacks.push_back(
      metrics().on_scrape({.name = "lares_log_dropped_records",
                           .help = "Log records dropped since they came faster than they could be written"},
                          metrics::Kind::kCounter, [] {
                            return std::vector<metrics::Sample>{
                                {.label_values = {}, .value = static_cast<double>(log::dropped_records())}};
                          }));
  create_pool({.name = kResolverPool, .threads = 2, .max_queue = 1024});
  for (std::size_t i = 0; i < count; ++i) {
    LoopThread& loop = *state_->loops[i];
    loop.thread = std::thread{[&loop] { loop.run(); }};
    pthread_setname_np(loop.thread.native_handle(), ("loop-" + std::to_string(i)).c_str());
  }
}

RealRuntime::~RealRuntime() {
  stop();
  state_->callbacks.clear();
  // First what loops hand each other, then what is suspended: a coroutine may be waiting for work that stands
  // in its frame and in another loop's inbox.
  for (const bool all : {false, true}) {
    bool again = true;
    while (again) {
      again = false;
      for (const auto& thread : state_->loops) {
        again = LoopDriver{thread->loop}.destroy_suspended(all) || again;
      }
    }
  }
}

void RealRuntime::stop() noexcept {
  if (std::exchange(state_->stopped, true)) {
    return;
  }
  {
    const std::lock_guard lock{state_->pools_mutex};
    for (const auto& [name, pool] : state_->pools) {
      pool->stop();
    }
  }
  for (const auto& thread : state_->loops) {
    thread->loop.io_context().stop();
  }
  for (const auto& thread : state_->loops) {
    thread->thread.join();
  }
}

std::int64_t RealRuntime::now_ms() const noexcept {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

SteadyTime RealRuntime::steady_now() const noexcept {
  return std::chrono::steady_clock::now();
}

void RealRuntime::fill(std::span<std::uint8_t> out) {
  system_random_bytes(out);
}

std::size_t RealRuntime::loop_count() const noexcept {
  return state_->loops.size();
}

Loop& RealRuntime::loop(std::size_t index) noexcept {
  return state_->loops[index]->loop;
}

Loop& RealRuntime::next_loop() noexcept {
  return loop(state_->next.fetch_add(1, std::memory_order_relaxed) % state_->loops.size());
}

void RealRuntime::timer_changed(Loop& loop, SteadyTime deadline) {
  state_->loops[loop.index()]->expect(deadline);
}

BlockingPool& RealRuntime::create_pool(PoolOptions options) {
  const std::lock_guard lock{state_->pools_mutex};
  const auto [at, fresh] = state_->pools.try_emplace(options.name);
  if (!fresh) {
    throw std::logic_error{"There is a pool named " + options.name + " already"};
  }
  at->second = std::make_unique<ThreadPool>(*this, std::move(options));
  return *at->second;
}

BlockingPool& RealRuntime::pool(std::string_view name) {
  const std::lock_guard lock{state_->pools_mutex};
  const auto found = state_->pools.find(name);
  if (found == state_->pools.end()) {
    throw std::logic_error{"There is no pool named " + std::string{name}};
  }
  return *found->second;
}

void run_blocking(Runtime& runtime, std::string_view name, Task<void> task) {
  std::promise<void> ended;
  boost::asio::co_spawn(runtime.loop(0).executor(LogContext::create(std::string{name}, {})), std::move(task),
                        [&ended](const std::exception_ptr& error) {
                          if (error) {
                            ended.set_exception(error);
                          } else {
                            ended.set_value();
                          }
                        });
  ended.get_future().get();
}

}  // namespace lares
