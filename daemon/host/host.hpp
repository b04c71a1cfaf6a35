// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <host/catalogue.hpp>
#include <host/declarations_impl.hpp>

#include <filesystem>
#include <vector>

namespace lares::host {

/// What the host is told on the command line.
struct HostOptions {
  std::vector<std::filesystem::path> plugin_folders = {};  ///< absolute; empty for default_plugin_folder()
  std::vector<std::filesystem::path> module_folders = {};  ///< absolute; empty for default_module_folder()
};

/// The plugins of a process and what they declare: what laresd and laresctl both begin with. A server is made
/// of it by Assembly.
///
/// **Threads**: one.
/// **Lifetime**: longer than the servers made from it.
class Host {
 public:
  /// Loads every plugin and collects its declarations, the daemon's own first.
  /// **Errors**: StartError.
  explicit Host(const HostOptions& options);
  ~Host();

  [[nodiscard]] const Catalogue& catalogue() const noexcept { return catalogue_; }
  [[nodiscard]] const DeclarationsImpl& declarations() const noexcept { return declarations_; }

 private:
  Catalogue catalogue_;
  DeclarationsImpl declarations_;
};

/// Declares everything that the daemon reads, of all its folders.
void declare_daemon_keys(DeclarationsImpl& declarations);

/// Declares the keys that this folder reads: drain_timeout, pid_file, modules.
void declare_host_keys(Declarations& declarations);

}  // namespace lares::host
