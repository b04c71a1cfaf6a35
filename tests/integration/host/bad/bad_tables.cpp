// SPDX-License-Identifier: Apache-2.0
// Declares a table that no migration makes and that has no end.
#include <lares/plugin/declarations.hpp>
#include <lares/plugin/descriptor.hpp>
#include <lares/plugin/plugin.hpp>
#include <lares/plugin/server.hpp>
#include <lares/storage/migration.hpp>

LARES_PLUGIN(
        .name = "bad_tables", .version = "1",
        .declare =
            [](lares::Declarations& declarations) {
              declarations.schema(
                  {.plugin = "bad_tables",
                   .migrations = {},
                   .tables = {{.name = "forever", .key = {}, .owners = {}, .bound = "", .ends = ""}}});
            },
        .create = [](lares::Server&) -> lares::Plugin* { return new lares::Plugin; },
        .destroy = [](lares::Plugin* plugin) noexcept { delete plugin; })
