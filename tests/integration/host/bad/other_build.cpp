// SPDX-License-Identifier: Apache-2.0
// A plugin of another build, whose code says so when it runs, which it must not.
#include <cstdio>
#include <lares/plugin/descriptor.hpp>
#include <lares/plugin/plugin.hpp>
#include <lares/plugin/server.hpp>

namespace {
[[gnu::constructor]] void run() {
  std::puts("code of another build ran");
}
}  // namespace

#undef LARES_FINGERPRINT
#define LARES_FINGERPRINT "lares 0.0.1, another compiler"
LARES_PLUGIN(
        .name = "other_build", .version = "0.0.1",
        .create = [](lares::Server&) -> lares::Plugin* { return new lares::Plugin; },
        .destroy = [](lares::Plugin* plugin) noexcept { delete plugin; })
