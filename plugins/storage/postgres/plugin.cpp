// SPDX-License-Identifier: Apache-2.0
#include "engine.hpp"

#include <lares/plugin/declarations.hpp>
#include <lares/plugin/descriptor.hpp>
#include <lares/plugin/server.hpp>
#include <lares/storage/config_keys.hpp>
#include <lares/storage/engine_plugin.hpp>

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
  options.database = database_options(server);
  return options;
}

void declare(Declarations& declarations) {
  declare_database_keys(declarations);
}

}  // namespace

}  // namespace lares::storage::postgres

LARES_PLUGIN(
        .name = "postgres", .version = LARES_VERSION, .provides = lares::storage::kEngineProvides,
        .declare = &lares::storage::postgres::declare,
        .active =
            [](const lares::Server& server) {
              return server.config()->string("database.name") == "psycopg2";
            },
        .create = [](lares::Server& server) -> lares::Plugin* {
          return new lares::storage::EnginePlugin<lares::storage::postgres::PostgresDatabase>(
              server, lares::storage::postgres::options_of(server));
        },
        .destroy = [](lares::Plugin* plugin) noexcept { delete plugin; })
