// SPDX-License-Identifier: Apache-2.0
// Sends its process a SIGHUP before there is a server.
#include <lares/plugin/descriptor.hpp>
#include <lares/plugin/plugin.hpp>
#include <lares/plugin/server.hpp>

#include <csignal>

LARES_PLUGIN(
        .name = "hung_up", .version = "1", .declare = [](lares::Declarations&) { std::raise(SIGHUP); },
        .create = [](lares::Server&) -> lares::Plugin* { return new lares::Plugin; },
        .destroy = [](lares::Plugin* plugin) noexcept { delete plugin; })
