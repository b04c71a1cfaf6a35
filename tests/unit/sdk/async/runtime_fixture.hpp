// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/blocking_pool.hpp>
#include <lares/async/real_runtime.hpp>
#include <lares/async/task_group.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

namespace lares::testing {

/// A real runtime with some loops. A context that is misused fails the test, and so does one left behind.
class RuntimeTest : public ::testing::Test {
 protected:
  explicit RuntimeTest(std::size_t loops = 1) : runtime_{{.threads = loops}} {
    set_context_misuse_handler([](std::string_view sentence) { ADD_FAILURE() << sentence; });
  }
  ~RuntimeTest() override {
    EXPECT_TRUE(current_context().is_sentinel());
    set_context_misuse_handler(nullptr);
  }

  template <class T>
  T run(Task<T> task) {
    return run_blocking(runtime_, "test", std::move(task));
  }

  RealRuntime runtime_;
};

class FourLoops : public RuntimeTest {
 protected:
  FourLoops() : RuntimeTest{4} {}
};

/// Uses the processor, not only time.
inline void spin(std::chrono::nanoseconds cpu) {
  const auto now = [] {
    timespec at{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
    return std::chrono::seconds{at.tv_sec} + std::chrono::nanoseconds{at.tv_nsec};
  };
  const auto end = now() + cpu;
  while (now() < end) {
  }
}

inline std::chrono::nanoseconds cpu_of(const Usage& usage) {
  return usage.utime + usage.stime;
}

/// Comes back on the same loop after everything that was ready.
inline Task<void> yield(Runtime& runtime) {
  co_await runtime.sleep_for(std::chrono::nanoseconds{0});
}

}  // namespace lares::testing
