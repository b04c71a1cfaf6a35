// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/plugin/build_fingerprint.h>
#include <lares/base/export.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace lares {
class Declarations;
class Plugin;
class Server;
}  // namespace lares

namespace lares::plugin {

/// First eight bytes of every descriptor ("LARESPLG" read as little-endian). A file without them is not a
/// plugin of ours.
inline constexpr std::uint64_t kMagic = 0x474C50534552414CULL;

/// Major version of the descriptor's own layout. It changes when the fields below do, which a module never
/// sees: modules speak the C ABI of `lares/module/`.
inline constexpr std::uint32_t kAbiMajor = 1;

enum class Tier : std::uint32_t {
  InTree = 1,  ///< C++ interfaces of liblares; must come from the very same build
  Module = 2,  ///< the stable C ABI
};

/// The one symbol that an in-tree plugin exports, as data. The host reads it, compares and decides before any
/// code of the file runs.
///
/// **Lifetime**: every pointer refers to static storage of the library, which is never unloaded while the
/// process lives.
struct Descriptor {
  std::uint64_t magic = kMagic;
  std::uint32_t struct_size = sizeof(Descriptor);
  std::uint32_t abi_major = kAbiMajor;
  Tier tier = Tier::InTree;
  const char* fingerprint =
      nullptr;                 ///< build_fingerprint() of the build that compiled the plugin, legible text
  const char* name = nullptr;  ///< the file's name without `.so`, and the plugin's name in every message
  const char* version = nullptr;
  const char* const* provides = nullptr;  ///< service ids this plugin may provide, ended by a null pointer
  const char* const* needs = nullptr;     ///< service ids that must have started before it; has no cycle
  const char* const* uses = nullptr;  ///< service ids that it looks up at the call, and that may be absent
  /// Declares what can be known without a server: configuration keys, tables, metrics. Does no I/O.
  void (*declare)(Declarations&) = nullptr;
  /// Whether this process's configuration activates the plugin; null means always.
  bool (*active)(const Server&) = nullptr;
  /// Makes the plugin for one server. Its constructor registers services and routes and does no I/O. May
  /// throw.
  Plugin* (*create)(Server&) = nullptr;
  /// Returns a further capability by its versioned id, or null.
  const void* (*extension)(const char* id) = nullptr;
  void (*destroy)(Plugin*) noexcept = nullptr;
};

/// Name of the exported data symbol.
inline constexpr char kDescriptorSymbol[] = "lares_plugin_descriptor";

/// Name of the section that holds the note: the descriptor's texts as lines `key=value`, which the host reads
/// from the file, so that a wrong one is refused before the dynamic linker runs anything of it. `readelf -p
/// .lares.plugin FILE` prints it.
inline constexpr char kNoteSection[] = ".lares.plugin";
/// First line of a note.
inline constexpr std::string_view kNoteMagic = "LARES-PLUGIN 1";

namespace detail {

template <class Append>
consteval void write_note(const Descriptor& descriptor, Append append) {
  const auto line = [&append](std::string_view key, const char* value) {
    append(key);
    append("=");
    append(value);
    append("\n");
  };
  const auto lines = [&line](std::string_view key, const char* const* values) {
    for (; values != nullptr && *values != nullptr; ++values) {
      line(key, *values);
    }
  };
  append(kNoteMagic);
  append("\ntier=in-tree\nabi=");
  const char digit[] = {static_cast<char>('0' + descriptor.abi_major), '\0'};
  append(digit);
  append("\n");
  line("fingerprint", descriptor.fingerprint);
  line("name", descriptor.name);
  line("version", descriptor.version);
  lines("provides", descriptor.provides);
  lines("needs", descriptor.needs);
  lines("uses", descriptor.uses);
}

template <const Descriptor& D>
consteval auto note() {
  constexpr std::size_t size = [] {
    std::size_t total = 0;
    write_note(D, [&total](std::string_view text) { total += text.size(); });
    return total;
  }();
  std::array<char, size + 1> text{};
  std::size_t at = 0;
  write_note(D, [&text, &at](std::string_view part) {
    for (const char c : part) {
      text[at++] = c;
    }
  });
  return text;
}

}  // namespace detail
}  // namespace lares::plugin

/// Exports the descriptor and its note; the last lines of a `plugin.cpp`:
///
///     constexpr const char* kProvides[] = {"lares.typing/1", nullptr};
///     constexpr const char* kNeeds[] = {"lares.storage.database/1", nullptr};
///     LARES_PLUGIN(.name = "typing", .version = LARES_VERSION, .provides = kProvides, .needs = kNeeds,
///                  .declare = &declare,
///                  .create = [](lares::Server& server) -> lares::Plugin* { return new TypingPlugin(server);
///                  }, .destroy = [](lares::Plugin* plugin) noexcept { delete plugin; })
#define LARES_PLUGIN(...)                                                                          \
  extern "C" LARES_EXPORT constexpr ::lares::plugin::Descriptor lares_plugin_descriptor = {        \
      .fingerprint = LARES_FINGERPRINT, __VA_ARGS__};                                              \
  __attribute__((section(".lares.plugin"), used, retain)) constinit const auto lares_plugin_note = \
      ::lares::plugin::detail::note<lares_plugin_descriptor>();
