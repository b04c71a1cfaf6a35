// SPDX-License-Identifier: Apache-2.0
#include <host/host.hpp>

#include <config/host_keys.hpp>

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
  declarations_.set_plugin("host");
  declare_host_keys(declarations_);
  config::declare_host_keys(declarations_.keys());
  catalogue_.declare(declarations_);
  if (const auto problems = storage::check_schemas(declarations_.schemas()); !problems.empty()) {
    throw StartError(fmt::format("{}", fmt::join(problems, "\n")));
  }
}

Host::~Host() = default;

}  // namespace lares::host
