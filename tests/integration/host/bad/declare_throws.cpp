// SPDX-License-Identifier: Apache-2.0
// Cannot declare.
#include <lares/plugin/descriptor.hpp>
#include <lares/plugin/plugin.hpp>
#include <lares/plugin/server.hpp>

#include <stdexcept>

LARES_PLUGIN(
        .name = "declare_throws", .version = "1",
        .declare = [](lares::Declarations&) { throw std::runtime_error("the sun is down"); },
        .create = [](lares::Server&) -> lares::Plugin* { return new lares::Plugin; },
        .destroy = [](lares::Plugin* plugin) noexcept { delete plugin; })
