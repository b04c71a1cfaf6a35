// SPDX-License-Identifier: Apache-2.0
#include "engine.hpp"

#include <lares/plugin/declarations.hpp>
#include <lares/plugin/descriptor.hpp>
#include <lares/plugin/plugin.hpp>
#include <lares/plugin/server.hpp>
#include <lares/storage/config_keys.hpp>
#include <lares/storage/intern.hpp>

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
  options.database = {.rehearse_writes = config->boolean("database.run_writes_twice"),
                      .server_name = server.name()};
  return options;
}

class SqlitePlugin final : public Plugin {
 public:
  explicit SqlitePlugin(Server& server)
      : database_{options_of(server), server.runtime()},
        interner_{database_, server.runtime(), InternerOptions{.server_name = server.name()}} {
    server.services().provide<Database>(database_);
    server.services().provide(interner_);
  }

  Task<void> start() override {
    database_.open();
    co_return;
  }

  Task<void> stop() noexcept override {
    database_.close();
    co_return;
  }

 private:
  SqliteDatabase database_;
  Interner interner_;
};

void declare(Declarations& declarations) {
  declare_database_keys(declarations);
}

constexpr const char* kProvides[] = {"lares.storage.database/1", "lares.storage.interner/1", nullptr};

}  // namespace

}  // namespace lares::storage::sqlite

LARES_PLUGIN(
        .name = "sqlite", .version = LARES_VERSION, .provides = lares::storage::sqlite::kProvides,
        .declare = &lares::storage::sqlite::declare,
        .active =
            [](const lares::Server& server) { return server.config()->string("database.name") == "sqlite3"; },
        .create = [](lares::Server& server) -> lares::Plugin* {
          return new lares::storage::sqlite::SqlitePlugin(server);
        },
        .destroy = [](lares::Plugin* plugin) noexcept { delete plugin; })
