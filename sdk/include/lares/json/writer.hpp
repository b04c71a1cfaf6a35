// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace lares::json {

/// Appends `text` between quotes, with the escapes that canonical JSON has and no others.
///
/// Bytes that are not UTF-8 are passed through: whoever takes text from outside has checked it before.
LARES_EXPORT void append_string(std::string& out, std::string_view text);

/// Appends a decimal integer.
LARES_EXPORT void append_int(std::string& out, std::int64_t number);

/// Writes JSON into a string, without white space and with canonical strings and numbers.
///
/// The output is canonical JSON when the caller gives the members of each object in the order of their names;
/// the writer places commas and quotes and does not sort. Calls are expected to match (a key before each
/// value of an object, an end for each begin).
///
///     Writer w{out};
///     w.begin_object().key("age").value(5).key("name").value("x").end_object();
class LARES_EXPORT Writer {
 public:
  /// Appends to `out`, which must outlive the writer.
  explicit Writer(std::string& out) noexcept : out_{&out} {}

  Writer& begin_object();
  Writer& end_object();
  Writer& begin_array();
  Writer& end_array();
  Writer& key(std::string_view name);
  Writer& value(std::string_view text);
  Writer& value(const char* text) { return value(std::string_view{text}); }
  Writer& value(std::int64_t number);
  Writer& value(int number) { return value(static_cast<std::int64_t>(number)); }
  Writer& value(bool truth);
  Writer& null();
  /// Copies bytes that are JSON already.
  Writer& raw(std::string_view json);
  /// Copies a whole member (`"name":value`), or several with commas between, into the open object; nothing if
  /// empty.
  Writer& raw_member(std::string_view member);

 private:
  void separate();

  std::string* out_;
  bool need_comma_ = false;
};

}  // namespace lares::json
