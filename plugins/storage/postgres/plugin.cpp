// SPDX-License-Identifier: Apache-2.0
#include "engine.hpp"

#include <lares/plugin/declarations.hpp>
#include <lares/plugin/descriptor.hpp>
#include <lares/plugin/plugin.hpp>
#include <lares/plugin/server.hpp>
#include <lares/storage/config_keys.hpp>
#include <lares/storage/intern.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lares::storage::postgres {

namespace {

PostgresOptions options_of(Server& server) {
  const ConfigPtr config = server.config();
  PostgresOptions options;
  options.parameters = libpq_parameters(*config);
  const auto set_default = [&](std::string_view name, std::string value) {
    if (std::ranges::find(options.parameters, name, [](const auto& one) -> std::string_view {
          return one.first;
        }) == options.parameters.end()) {
      options.parameters.emplace_back(name, std::move(value));
    }
  };
  set_default("connect_timeout", "10");
  set_default("application_name", "lares " + server.instance());
  set_default("target_session_attrs", "read-write");
  options.min_connections = static_cast<std::size_t>(config->integer("database.args.cp_min"));
  options.max_connections = static_cast<std::size_t>(config->integer("database.args.cp_max"));
  options.transaction_limit = config->integer("database.txn_limit");
  options.allow_unsafe_locale = config->boolean("database.allow_unsafe_locale");
  options.database = {.rehearse_writes = config->boolean("database.run_writes_twice"),
                      .server_name = server.name()};
  return options;
}

class PostgresPlugin final : public Plugin {
 public:
  explicit PostgresPlugin(Server& server)
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
  PostgresDatabase database_;
  Interner interner_;
};

void declare(Declarations& declarations) {
  declare_database_keys(declarations);
}

constexpr const char* kProvides[] = {"lares.storage.database/1", "lares.storage.interner/1", nullptr};

}  // namespace

}  // namespace lares::storage::postgres

LARES_PLUGIN(
        .name = "postgres", .version = LARES_VERSION, .provides = lares::storage::postgres::kProvides,
        .declare = &lares::storage::postgres::declare,
        .active =
            [](const lares::Server& server) {
              return server.config()->string("database.name") == "psycopg2";
            },
        .create = [](lares::Server& server) -> lares::Plugin* {
          return new lares::storage::postgres::PostgresPlugin(server);
        },
        .destroy = [](lares::Plugin* plugin) noexcept { delete plugin; })
