// SPDX-License-Identifier: Apache-2.0
// Its declarations throw what is no exception.
#include <lares/plugin/descriptor.hpp>
#include <lares/plugin/plugin.hpp>
#include <lares/plugin/server.hpp>

LARES_PLUGIN(
        .name = "declare_throws_a_number", .version = "1", .declare = [](lares::Declarations&) { throw 42; },
        .create = [](lares::Server&) -> lares::Plugin* { return new lares::Plugin; },
        .destroy = [](lares::Plugin* plugin) noexcept { delete plugin; })
