// SPDX-License-Identifier: Apache-2.0
// What the async layer costs: a resume, a call into an actor, a completion, a line of log.
#include <lares/async/actor.hpp>
#include <lares/async/blocking_pool.hpp>
#include <lares/async/cache.hpp>
#include <lares/async/completion.hpp>
#include <lares/async/event.hpp>
#include <lares/async/promise.hpp>
#include <lares/async/real_runtime.hpp>
#include <lares/async/timeout.hpp>
#include <lares/base/log.hpp>
#include <lares/base/metrics.hpp>

#include <observe/request_log.hpp>

#include <benchmark/benchmark.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace lares {
namespace {

using namespace std::chrono_literals;

/// Runs a coroutine that loops over the state on the runtime's first loop.
template <class Body>
void on_loop(benchmark::State& state, Body body, std::size_t loops = 1) {
  RealRuntime runtime{{.threads = loops}};
  run_blocking(runtime, "bench", body(state, runtime));
  state.SetItemsProcessed(state.iterations());
}

void plain_asio_post(benchmark::State& state) {
  boost::asio::io_context context{1};
  boost::asio::co_spawn(
      context,
      [](benchmark::State& s) -> Task<void> {
        const auto executor = co_await boost::asio::this_coro::executor;
        for (auto _ : s) {
          co_await boost::asio::post(executor, boost::asio::use_awaitable);
        }
      }(state),
      [](const std::exception_ptr&) {});
  context.run();
}
BENCHMARK(plain_asio_post);

void resume_through_asio_post(benchmark::State& state) {
  on_loop(state, [](benchmark::State& s, Runtime&) -> Task<void> {
    const auto executor = co_await boost::asio::this_coro::executor;
    for (auto _ : s) {
      co_await boost::asio::post(executor, boost::asio::use_awaitable);
    }
  });
}
BENCHMARK(resume_through_asio_post);

void resume_through_waiter(benchmark::State& state) {
  on_loop(state, [](benchmark::State& s, Runtime& runtime) -> Task<void> {
    for (auto _ : s) {
      co_await runtime.sleep_for(0ns);
    }
  });
}
BENCHMARK(resume_through_waiter);

void completion_on_the_same_loop(benchmark::State& state) {
  on_loop(state, [](benchmark::State& s, Runtime&) -> Task<void> {
    for (auto _ : s) {
      Completion<int> done;
      benchmark::DoNotOptimize(co_await done.after([&done] { done.set(1); }));
    }
  });
}
BENCHMARK(completion_on_the_same_loop);

/// Writes that another thread completes as groups, as a storage engine does.
void group_commit(benchmark::State& state) {
  struct Engine {
    std::mutex mutex;
    std::condition_variable ready;
    std::vector<Completion<int>*> queue;
    bool stop = false;
    void run() {
      std::vector<Completion<int>*> commit;
      for (;;) {
        {
          std::unique_lock lock{mutex};
          ready.wait(lock, [this] { return stop || !queue.empty(); });
          if (queue.empty()) {
            return;
          }
          commit.swap(queue);
        }
        WakeBatch batch;
        for (Completion<int>* done : commit) {
          done->set(1, batch);
        }
        commit.clear();
      }
    }
  } engine;
  std::thread writer{[&engine] { engine.run(); }};
  const int writers = static_cast<int>(state.range(0));
  {
    RealRuntime runtime;
    TaskGroup group{runtime, "writers"};
    for (auto _ : state) {
      constexpr int kEach = 1000;
      for (int i = 0; i < writers; ++i) {
        spawn(group, LogContext::create("writer", "hs"), [](Engine& to) -> Task<void> {
          for (int n = 0; n < kEach; ++n) {
            Completion<int> done;
            co_await done.after([&] {
              bool first = false;
              {
                const std::lock_guard lock{to.mutex};
                first = to.queue.empty();
                to.queue.push_back(&done);
              }
              if (first) {
                to.ready.notify_one();
              }
            });
          }
        }(engine));
      }
      run_blocking(runtime, "join", [](TaskGroup& all) -> Task<void> { co_await all.join(); }(group));
      state.SetItemsProcessed(state.items_processed() + writers * kEach);
    }
  }
  {
    const std::lock_guard lock{engine.mutex};
    engine.stop = true;
  }
  engine.ready.notify_one();
  writer.join();
}
BENCHMARK(group_commit)->Arg(1)->Arg(16)->UseRealTime();

void promise(benchmark::State& state) {
  on_loop(state, [](benchmark::State& s, Runtime& runtime) -> Task<void> {
    TaskGroup group{runtime, "bench"};
    for (auto _ : s) {
      Promise<int> made;
      made.set(1);
      benchmark::DoNotOptimize(co_await made.future().get());
    }
  });
}
BENCHMARK(promise);

template <bool kRemote>
void actor_call(benchmark::State& state) {
  on_loop(
      state,
      [](benchmark::State& s, Runtime& runtime) -> Task<void> {
        Actor actor{runtime.loop(kRemote ? 1 : 0)};
        int count = 0;
        for (auto _ : s) {
          co_await actor.call([&count] { ++count; });
        }
      },
      2);
}
BENCHMARK(actor_call<false>)->Name("actor_call/same_loop");
BENCHMARK(actor_call<true>)->Name("actor_call/other_loop")->UseRealTime();

void actor_call_of_a_coroutine_on_another_loop(benchmark::State& state) {
  on_loop(
      state,
      [](benchmark::State& s, Runtime& runtime) -> Task<void> {
        Actor actor{runtime.loop(1)};
        for (auto _ : s) {
          co_await actor.call([]() -> Task<void> { co_return; });
        }
      },
      2);
}
BENCHMARK(actor_call_of_a_coroutine_on_another_loop)->UseRealTime();

void pool_job(benchmark::State& state) {
  on_loop(state, [](benchmark::State& s, Runtime& runtime) -> Task<void> {
    BlockingPool& pool = runtime.create_pool({.name = "bench", .threads = 1});
    for (auto _ : s) {
      co_await run_on(pool, [] {});
    }
  });
}
BENCHMARK(pool_job)->UseRealTime();

void spawn_and_join(benchmark::State& state) {
  on_loop(state, [](benchmark::State& s, Runtime& runtime) -> Task<void> {
    TaskGroup group{runtime, "bench"};
    for (auto _ : s) {
      spawn(group, LogContext::create("request", "hs"), []() -> Task<void> { co_return; }());
      co_await group.join();
    }
  });
}
BENCHMARK(spawn_and_join);

void with_timeout_that_is_not_needed(benchmark::State& state) {
  on_loop(state, [](benchmark::State& s, Runtime&) -> Task<void> {
    for (auto _ : s) {
      co_await with_timeout(1h, []() -> Task<void> { co_return; }());
    }
  });
}
BENCHMARK(with_timeout_that_is_not_needed);

/// A long poll that is woken: wait with a deadline, notify, resume.
void notification(benchmark::State& state) {
  on_loop(state, [](benchmark::State& s, Runtime& runtime) -> Task<void> {
    TaskGroup group{runtime, "bench"};
    Notification changed;
    bool stop = false;
    spawn(group, "poll", [](Runtime& at, Notification& on, bool& end) -> Task<void> {
      while (!end) {
        co_await on.wait_beyond(on.version(), at.steady_now() + 30s);
      }
    }(runtime, changed, stop));
    for (auto _ : s) {
      changed.notify();
      co_await runtime.sleep_for(0ns);
    }
    stop = true;
    changed.notify();
    co_await group.join();
  });
}
BENCHMARK(notification);

void cache_hit(benchmark::State& state) {
  on_loop(state, [](benchmark::State& s, Runtime& runtime) -> Task<void> {
    TaskGroup group{runtime, "bench"};
    Cache<int, int> cache{group, {.name = "bench", .max_size = 10'000}};
    for (int i = 0; i < 5'000; ++i) {
      cache.put(i, i);
    }
    int key = 0;
    for (auto _ : s) {
      benchmark::DoNotOptimize(cache.peek(key = (key + 7) % 5'000));
    }
    co_return;
  });
}
BENCHMARK(cache_hit);

void log_context(benchmark::State& state) {
  for (auto _ : state) {
    const auto context = LogContext::create("GET-12345", "example.org");
    const ContextScope scope{context};
    benchmark::DoNotOptimize(&current_context());
  }
}
BENCHMARK(log_context);

void log_line_below_the_level(benchmark::State& state) {
  const log::Logger logger{"bench"};
  for (auto _ : state) {
    logger.debug("{} {}", 1, "x");
  }
}
BENCHMARK(log_line_below_the_level);

template <log::Layout kLayout>
void log_request_line(benchmark::State& state) {
  if (state.thread_index() == 0) {
    const auto configured = log::configure(
        {.root_level = log::Level::kInfo, .sinks = {{.layout = kLayout, .file = "/dev/null"}}});
    if (!configured) {
      state.SkipWithError(configured.error().c_str());
    }
  }
  const log::Logger access = access_logger("http", "8008");
  const RequestRecord request{.ip_address = "192.0.2.1",
                              .site_tag = "8008",
                              .requester = "@alice:example.org",
                              .processing = std::chrono::microseconds{1'234},
                              .sending = std::chrono::microseconds{35},
                              .usage = {.utime = std::chrono::microseconds{600}, .db_txn_count = 1},
                              .response_bytes = 357,
                              .code = 200,
                              .method = "GET",
                              .uri = "/_matrix/client/v3/sync?since=s12_34_56",
                              .protocol = "HTTP/1.1",
                              .user_agent = "Mozilla/5.0 (X11; Linux x86_64)"};
  const auto context = LogContext::create("GET-12345", "example.org");
  context->set_request({.request_id = "GET-12345",
                        .ip_address = "192.0.2.1",
                        .method = "GET",
                        .url = "/_matrix/client/v3/sync"});
  const ContextScope scope{context};
  for (auto _ : state) {
    log_request(access, request);
  }
  if (state.thread_index() == 0) {
    log::flush();
    static_cast<void>(log::configure({.root_level = log::Level::kWarning, .sinks = {{}}}));
  }
}
BENCHMARK(log_request_line<log::Layout::kHuman>)->Name("log_request_line/human")->Threads(1)->Threads(2);
BENCHMARK(log_request_line<log::Layout::kTerseJson>)->Name("log_request_line/json")->Threads(1);

void counter(benchmark::State& state) {
  static metrics::Registry registry;
  metrics::Counter& counter = registry.counter("bench", "Bench");
  for (auto _ : state) {
    counter.add();
  }
}
BENCHMARK(counter)->Threads(1)->Threads(2);

void labelled_counter(benchmark::State& state) {
  metrics::Registry registry;
  const auto family = registry.counters(
      {.name = "bench",
       .labels = {metrics::Label::bounded("method", 10), metrics::Label::bounded("servlet", 300)}});
  for (auto _ : state) {
    family.at({"GET", "SyncRestServlet"}).add();
  }
}
BENCHMARK(labelled_counter);

}  // namespace
}  // namespace lares

BENCHMARK_MAIN();
