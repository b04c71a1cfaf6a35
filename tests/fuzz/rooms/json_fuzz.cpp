// SPDX-License-Identifier: Apache-2.0
#include "../require.hpp"

#include <lares/json/canonical.hpp>
#include <lares/json/scanner.hpp>
#include <lares/json/value.hpp>
#include <lares/json/writer.hpp>

#include <cstdint>
#include <string>
#include <string_view>

// Scanner, canonical form and reading must agree: what the scanner takes has a canonical form, which is its
// own, and whose values read and write to the same bytes. Reading stays within the bytes of texts that nobody
// scanned.

namespace {

using namespace lares::json;

/// Reads everything; the depth is that of the text, which the scanner bounds and which is bounded here for
/// other texts.
std::size_t read(const Value& value, int depth) {
  std::size_t count = 1;
  static_cast<void>(value.as_int64());
  static_cast<void>(value.as_double());
  static_cast<void>(value.as_bool());
  if (const auto text = value.as_string()) {
    const std::string decoded = text->decoded();
    require(text->equals(decoded));
    count += decoded.size();
  }
  if (depth > 0) {
    for (const Member& member : value.members()) {
      count += member.key.decoded().size() + read(member.value, depth - 1);
    }
    for (const Value& element : value.elements()) {
      count += read(element, depth - 1);
    }
  }
  return count;
}

void rewrite(Writer& writer, const Value& value) {
  if (value.is_object()) {
    writer.begin_object();
    for (const Member& member : value.members()) {
      writer.key(member.key.decoded());
      require(value[member.key.decoded()].bytes() == member.value.bytes());
      rewrite(writer, member.value);
    }
    writer.end_object();
  } else if (value.is_array()) {
    writer.begin_array();
    for (const Value& element : value.elements()) {
      rewrite(writer, element);
    }
    writer.end_array();
  } else if (const auto text = value.as_string()) {
    writer.value(text->decoded());
  } else {
    writer.raw(value.bytes());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Finding each member again is quadratic, and longer texts show nothing new.
  if (size > 4096) {
    return 0;
  }
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  read(Value{text}, 8);
  for (const Numbers numbers : {Numbers::kIntegers, Numbers::kIntegerValues, Numbers::kAny}) {
    const ScanOptions options{.numbers = numbers, .max_depth = 64};
    const auto scanned = scan(text, options);
    const auto canonical = canonicalise(text, options);
    require(scanned.has_value() == canonical.has_value());
    if (!scanned) {
      require(scanned.error() == canonical.error() && scanned.error().offset <= size);
      continue;
    }
    require(canonicalise(*canonical, options) == *canonical);
    require(valid_utf8_prefix(*canonical) == canonical->size());
    read(Value{text}, 64);
    std::string again;
    Writer writer{again};
    rewrite(writer, Value{*canonical});
    require(again == *canonical);
  }
  return 0;
}
