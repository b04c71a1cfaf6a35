// SPDX-License-Identifier: Apache-2.0
// Declares a key that the host has, as another type.
#include <lares/plugin/declarations.hpp>
#include <lares/plugin/descriptor.hpp>
#include <lares/plugin/plugin.hpp>
#include <lares/plugin/server.hpp>

LARES_PLUGIN(
        .name = "contradicts_key", .version = "1",
        .declare =
            [](lares::Declarations& declarations) {
              declarations.config({.path = "pid_file",
                                   .type = lares::ConfigType::Integer,
                                   .default_value = "1",
                                   .meaning = "A test."});
            },
        .create = [](lares::Server&) -> lares::Plugin* { return new lares::Plugin; },
        .destroy = [](lares::Plugin* plugin) noexcept { delete plugin; })
