// SPDX-License-Identifier: Apache-2.0
// Its constructor throws what is no exception.
#include <lares/plugin/descriptor.hpp>
#include <lares/plugin/plugin.hpp>
#include <lares/plugin/server.hpp>

LARES_PLUGIN(
        .name = "throws_a_number", .version = "1",
        .create = [](lares::Server&) -> lares::Plugin* { throw 42; },
        .destroy = [](lares::Plugin*) noexcept {})
