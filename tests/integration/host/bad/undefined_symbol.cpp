// SPDX-License-Identifier: Apache-2.0
// Calls what no library has.
#include <lares/plugin/descriptor.hpp>
#include <lares/plugin/plugin.hpp>
#include <lares/plugin/server.hpp>

namespace lares {
void not_in_this_release(int);
}
LARES_PLUGIN(
        .name = "undefined_symbol", .version = "1",
        .create = [](lares::Server&) -> lares::Plugin* {
          lares::not_in_this_release(1);
          return nullptr;
        },
        .destroy = [](lares::Plugin*) noexcept {})
