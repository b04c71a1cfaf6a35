// SPDX-License-Identifier: Apache-2.0
#include <host/host.hpp>

#include <config/host_keys.hpp>
#include <http/http_server.hpp>

#include <lares/base/error.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace lares::host {
namespace {

std::vector<std::filesystem::path> folders_or(const std::vector<std::filesystem::path>& configured,
                                              const std::filesystem::path& fallback) {
  return configured.empty() ? std::vector{fallback} : configured;
}

}  // namespace

Host::Host(const HostOptions& options)
    : catalogue_(folders_or(options.plugin_folders, default_plugin_folder())) {
  declare_daemon_keys(declarations_);
  catalogue_.declare(declarations_);
  if (const auto problems = storage::check_schemas(declarations_.schemas()); !problems.empty()) {
    throw StartError(fmt::format("{}", fmt::join(problems, "\n")));
  }
}

Host::~Host() = default;

void declare_daemon_keys(DeclarationsImpl& declarations) {
  declarations.set_plugin("host");
  declare_host_keys(declarations);
  http::declare_config(declarations);
  // What a folder of the daemon declares itself is the truth about it; the rest is declared in one place.
  config::KeySet common;
  config::declare_host_keys(common);
  for (const auto& [path, declared] : common.all()) {
    if (declarations.keys().find(path) == nullptr) {
      declarations.keys().add("host", declared.key);
    }
  }
}

}  // namespace lares::host
