// SPDX-License-Identifier: Apache-2.0
// Its constructor throws.
#include <lares/plugin/descriptor.hpp>
#include <lares/plugin/plugin.hpp>
#include <lares/plugin/server.hpp>
#include <stdexcept>

LARES_PLUGIN(
        .name = "throws_in_constructor", .version = "1",
        .create = [](lares::Server&) -> lares::Plugin* { throw std::runtime_error("the moon is full"); },
        .destroy = [](lares::Plugin*) noexcept {})
