// SPDX-License-Identifier: Apache-2.0
// Cannot start, for a reason that may pass.
#include <lares/base/error.hpp>
#include <lares/plugin/descriptor.hpp>
#include <lares/plugin/plugin.hpp>
#include <lares/plugin/server.hpp>

namespace {
class Failing final : public lares::Plugin {
  lares::Task<void> start() override { throw lares::StartError("the database does not answer", 1); }
};
}  // namespace

LARES_PLUGIN(
        .name = "fails_to_start", .version = "1",
        .create = [](lares::Server&) -> lares::Plugin* { return new Failing; },
        .destroy = [](lares::Plugin* plugin) noexcept { delete plugin; })
