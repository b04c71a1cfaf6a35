// SPDX-License-Identifier: Apache-2.0
#include <lares/async/real_runtime.hpp>
#include <lares/plugin/plugin.hpp>

#include <gtest/gtest.h>

namespace lares {
namespace {

TEST(Plugin, DoesNothingByDefault) {
  RealRuntime runtime;
  Plugin plugin;
  run_blocking(runtime, "start", plugin.start());
  plugin.begin_drain();
  run_blocking(runtime, "drain", plugin.drain());
  run_blocking(runtime, "stop", plugin.stop());
}

}  // namespace
}  // namespace lares
