// SPDX-License-Identifier: Apache-2.0
#include "engine.hpp"

#include <lares/plugin/declarations.hpp>
#include <lares/plugin/descriptor.hpp>
#include <lares/plugin/server.hpp>
#include <lares/storage/config_keys.hpp>
#include <lares/storage/engine_plugin.hpp>

#include <string>

namespace lares::storage::sqlite {

namespace {

SqliteOptions options_of(Server& server) {
  const ConfigPtr config = server.config();
  SqliteOptions options;
  options.path = config->string("database.args.database");
  if (options.path.empty()) {
    options.path = config->string("data_dir") + "/homeserver.db";
  }
  options.database = database_options(server);
  return options;
}

void declare(Declarations& declarations) {
  declare_database_keys(declarations);
}

}  // namespace

}  // namespace lares::storage::sqlite

LARES_PLUGIN(
        .name = "sqlite", .version = LARES_VERSION, .provides = lares::storage::kEngineProvides,
        .declare = &lares::storage::sqlite::declare,
        .active =
            [](const lares::Server& server) { return server.config()->string("database.name") == "sqlite3"; },
        .create = [](lares::Server& server) -> lares::Plugin* {
          return new lares::storage::EnginePlugin<lares::storage::sqlite::SqliteDatabase>(
              server, lares::storage::sqlite::options_of(server));
        },
        .destroy = [](lares::Plugin* plugin) noexcept { delete plugin; })
