// SPDX-License-Identifier: Apache-2.0
// A configuration file of any bytes: it is parsed, checked against the process's own keys, and explained.
// Nothing may crash, hang or grow beyond the limits, whatever stands in it.

#include <config/explain.hpp>
#include <config/host_keys.hpp>
#include <config/loader.hpp>

#include <cstdint>
#include <cstdlib>
#include <string_view>

using namespace lares::config;

namespace {

const KeySet& declared() {
  static const KeySet keys = [] {
    KeySet made;
    declare_host_keys(made);
    return made;
  }();
  return keys;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  auto document =
      parse_document(text, 0, "fuzz.yaml", {.bytes = 1U << 16, .nodes = 5000, .expanded_bytes = 1U << 18});
  if (!document || document->kind != Node::Kind::Mapping) {
    return 0;
  }
  Sources sources;
  sources.names = {"fuzz.yaml"};
  sources.world_readable = {true};
  sources.root = std::move(*document);
  const auto result = check(sources, declared());
  for (const auto& diagnostic : result.diagnostics) {
    if (to_string(diagnostic).empty() || diagnostic.line < 0) {
      std::abort();
    }
  }
  if (result.config && (!explain(declared(), "listeners", result.config.get()) ||
                        !diff(*result.config, *apply_live(*result.config, *result.config)).empty())) {
    std::abort();
  }
  return 0;
}
