// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>

#include <cstdint>

namespace lares {
class Declarations;
class Plugin;
class Server;
}  // namespace lares

namespace lares::plugin {

/// First eight bytes of every descriptor ("LARESPLG" read as little-endian). A file without them is not a plugin of ours.
inline constexpr std::uint64_t kMagic = 0x474C50534552414CULL;

/// Major version of the descriptor's own layout. It changes when the fields below do, which a module never sees: modules
/// speak the C ABI of `lares/module/`.
inline constexpr std::uint32_t kAbiMajor = 1;

enum class Tier : std::uint32_t {
  InTree = 1,  ///< C++ interfaces of liblares; must come from the very same build
  Module = 2,  ///< the stable C ABI
};

/// The one symbol that an in-tree plugin exports, as data. The host reads it, compares and decides before any code of the
/// file runs.
///
/// **Lifetime**: every pointer refers to static storage of the library, which is never unloaded while the process lives.
struct Descriptor {
  std::uint64_t magic = kMagic;
  std::uint32_t struct_size = sizeof(Descriptor);
  std::uint32_t abi_major = kAbiMajor;
  Tier tier = Tier::InTree;
  const char* fingerprint = nullptr;  ///< build_fingerprint() of the build that compiled the plugin, legible text
  const char* name = nullptr;         ///< the file's name without `.so`, and the plugin's name in every message
  const char* version = nullptr;
  const char* const* provides = nullptr;  ///< service ids this plugin may provide, ended by a null pointer
  const char* const* needs = nullptr;     ///< service ids that must have started before it; has no cycle
  const char* const* uses = nullptr;      ///< service ids that it looks up at the call, and that may be absent
  /// Declares what can be known without a server: configuration keys, tables, metrics. Does no I/O.
  void (*declare)(Declarations&) = nullptr;
  /// Whether this process's configuration activates the plugin; null means always.
  bool (*active)(const Server&) = nullptr;
  /// Makes the plugin for one server. Its constructor registers services and routes and does no I/O. May throw.
  Plugin* (*create)(Server&) = nullptr;
  /// Returns a further capability by its versioned id, or null.
  const void* (*extension)(const char* id) = nullptr;
  void (*destroy)(Plugin*) noexcept = nullptr;
};

/// Name of the exported data symbol.
inline constexpr char kDescriptorSymbol[] = "lares_plugin_descriptor";

}  // namespace lares::plugin

/// Exports the descriptor; the last lines of a `plugin.cpp`:
///
///     constexpr const char* kProvides[] = {"lares.typing/1", nullptr};
///     constexpr const char* kNeeds[] = {"lares.storage.database/1", nullptr};
///     LARES_PLUGIN(.name = "typing", .version = LARES_VERSION, .provides = kProvides, .needs = kNeeds,
///                  .declare = &declare,
///                  .create = [](lares::Server& server) -> lares::Plugin* { return new TypingPlugin(server); },
///                  .destroy = [](lares::Plugin* plugin) noexcept { delete plugin; })
///
/// `LARES_FINGERPRINT` and `LARES_VERSION` are defined by the build for every target.
#define LARES_PLUGIN(...)                                                                           \
  extern "C" LARES_EXPORT constinit const ::lares::plugin::Descriptor lares_plugin_descriptor = {   \
      .fingerprint = LARES_FINGERPRINT, __VA_ARGS__};
