// SPDX-License-Identifier: Apache-2.0
// purge_tool CONFIG PLUGIN_FOLDER tables                         what all plugins declare about their tables
// purge_tool CONFIG PLUGIN_FOLDER purge KIND ID [DEVICE]         purges as the server itself does
// purge_tool CONFIG PLUGIN_FOLDER prune NOW                      deletes what time has ended, at that time
// (ms)
#include <host/assembly.hpp>
#include <host/settings.hpp>

#include <lares/async/real_runtime.hpp>
#include <lares/async/task_group.hpp>
#include <lares/base/error.hpp>
#include <lares/storage/purge.hpp>
#include <lares/storage/table.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <array>
#include <chrono>
#include <cstdio>
#include <exception>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace lares::host {
namespace {

using storage::OwnerKind;

constexpr std::array kKinds{
    std::pair{OwnerKind::Room, "room"},     std::pair{OwnerKind::User, "user"},
    std::pair{OwnerKind::Device, "device"}, std::pair{OwnerKind::Destination, "destination"},
    std::pair{OwnerKind::Server, "server"}, std::pair{OwnerKind::None, "none"},
};

std::string name_of(OwnerKind kind) {
  for (const auto& [known, name] : kKinds) {
    if (known == kind) {
      return name;
    }
  }
  return "?";
}

OwnerKind kind_of(std::string_view wanted) {
  for (const auto& [kind, name] : kKinds) {
    if (name == wanted) {
      return kind;
    }
  }
  throw std::invalid_argument(fmt::format("'{}' is no kind of owner", wanted));
}

nlohmann::json tables(const Host& host) {
  auto list = nlohmann::json::array();
  for (const auto& schema : host.declarations().schemas()) {
    for (const auto& table : schema.tables) {
      auto owners = nlohmann::json::array();
      for (const auto& owner : table.owners) {
        owners.push_back({{"kind", name_of(owner.kind)},
                          {"by_number", owner.reference == storage::OwnerReference::Number},
                          {"column", owner.column},
                          {"device_column", owner.device_column},
                          {"through", owner.through}});
      }
      list.push_back(
          {{"plugin", schema.plugin}, {"name", table.name}, {"key", table.key}, {"owners", owners}});
    }
  }
  return list;
}

constexpr std::chrono::seconds kPatience{60};

Task<void> purge(Assembly& assembly, storage::OwnerId owner) {
  co_await assembly.server().start(
      kPatience, [&assembly](storage::Database& database) { return assembly.data_care().migrate(database); });
  const storage::PurgeReport report = co_await assembly.data_care().purge(std::move(owner));
  fmt::print("{} rows in {} steps\n", report.rows, report.steps);
  co_await assembly.data_care().stop();
  co_await assembly.server().stop(kPatience);
}

Task<void> prune(Assembly& assembly, std::span<const storage::Schema> schemas, std::int64_t now_ts) {
  storage::Database* opened = nullptr;
  co_await assembly.server().start(kPatience, [&assembly, &opened](storage::Database& database) {
    opened = &database;
    return assembly.data_care().migrate(database);
  });
  const std::uint64_t rows = co_await storage::prune_tables(*opened, schemas, now_ts);
  fmt::print("{} rows\n", rows);
  co_await assembly.data_care().stop();
  co_await assembly.server().stop(kPatience);
}

int run(std::span<char*> arguments) {
  if (arguments.size() < 4) {
    throw std::invalid_argument(
        "purge_tool CONFIG PLUGIN_FOLDER (tables | purge KIND ID [DEVICE] | prune NOW)");
  }
  const CommandLine line{.config_paths = {arguments[1]}, .plugin_folders = {arguments[2]}, .plugin = {}};
  const std::string_view action = arguments[3];
  const Settings settings = load_settings(line);
  if (action == "tables") {
    fmt::print("{}\n", tables(*settings.host).dump(1));
    return 0;
  }
  if (action == "prune" && arguments.size() == 5) {
    RealRuntime runtime;
    Assembly assembly(*settings.host, settings.config, runtime, KeyUse::ReadOrMake);
    const auto& schemas = settings.host->declarations().schemas();
    run_blocking(runtime, "prune", prune(assembly, schemas, std::stoll(arguments[4])));
    return 0;
  }
  if (action != "purge" || arguments.size() < 6) {
    throw std::invalid_argument("nothing to do");
  }
  storage::OwnerId owner{.kind = kind_of(arguments[4]), .id = arguments[5], .device_id = {}};
  if (arguments.size() > 6) {
    owner.device_id = arguments[6];
  }
  RealRuntime runtime;
  Assembly assembly(*settings.host, settings.config, runtime, KeyUse::ReadOrMake);
  run_blocking(runtime, "purge", purge(assembly, std::move(owner)));
  return 0;
}

}  // namespace
}  // namespace lares::host

int main(int count, char** arguments) {
  try {
    return lares::host::run({arguments, static_cast<std::size_t>(count)});
  } catch (const std::exception& error) {
    fmt::print(stderr, "purge_tool: {}\n", error.what());
    return 1;
  }
}
