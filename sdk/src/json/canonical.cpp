// SPDX-License-Identifier: Apache-2.0
#include <lares/json/canonical.hpp>

#include "tape.hpp"

namespace lares::json {

std::expected<void, Error> canonicalise_to(std::string& out, std::string_view text,
                                           const ScanOptions& options) {
  detail::Tape tape;
  if (auto scanned = tape.scan(text, options); !scanned) {
    return scanned;
  }
  if (tape.canonical()) {
    out += tape.root_text();
    return {};
  }
  out.reserve(out.size() + text.size());
  tape.write(out);
  return {};
}

std::expected<std::string, Error> canonicalise(std::string_view text, const ScanOptions& options) {
  std::string out;
  if (auto done = canonicalise_to(out, text, options); !done) {
    return std::unexpected(done.error());
  }
  return out;
}

bool is_canonical(std::string_view text) {
  detail::Tape tape;
  return tape.scan(text, {}) && tape.canonical() && tape.root_text().size() == text.size();
}

}  // namespace lares::json
