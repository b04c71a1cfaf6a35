// SPDX-License-Identifier: Apache-2.0
#include <lares/json/writer.hpp>

#include "text.hpp"

#include <charconv>

namespace lares::json {

void append_string(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  out.reserve(out.size() + text.size() + 2);
  out += '"';
  const char* at = text.data();
  const char* end = at + text.size();
  const char* run = at;
  while (true) {
    at = detail::skip_plain(at, end);
    if (at == end) {
      break;
    }
    const auto byte = static_cast<unsigned char>(*at);
    if (byte >= 0x80) {
      ++at;
      continue;
    }
    out.append(run, at);
    out += '\\';
    switch (byte) {
      case '"':
      case '\\':
        out += static_cast<char>(byte);
        break;
      case '\b':
        out += 'b';
        break;
      case '\f':
        out += 'f';
        break;
      case '\n':
        out += 'n';
        break;
      case '\r':
        out += 'r';
        break;
      case '\t':
        out += 't';
        break;
      default:
        out += "u00";
        out += kHex[byte >> 4U];
        out += kHex[byte & 0x0FU];
        break;
    }
    ++at;
    run = at;
  }
  out.append(run, end);
  out += '"';
}

void append_int(std::string& out, std::int64_t number) {
  char digits[24];
  const auto result = std::to_chars(digits, digits + sizeof digits, number);
  out.append(digits, result.ptr);
}

void Writer::separate() {
  if (need_comma_) {
    *out_ += ',';
  }
  need_comma_ = true;
}

Writer& Writer::begin_object() {
  separate();
  *out_ += '{';
  need_comma_ = false;
  return *this;
}

Writer& Writer::end_object() {
  *out_ += '}';
  need_comma_ = true;
  return *this;
}

Writer& Writer::begin_array() {
  separate();
  *out_ += '[';
  need_comma_ = false;
  return *this;
}

Writer& Writer::end_array() {
  *out_ += ']';
  need_comma_ = true;
  return *this;
}

Writer& Writer::key(std::string_view name) {
  separate();
  append_string(*out_, name);
  *out_ += ':';
  need_comma_ = false;
  return *this;
}

Writer& Writer::value(std::string_view text) {
  separate();
  append_string(*out_, text);
  return *this;
}

Writer& Writer::value(std::int64_t number) {
  separate();
  append_int(*out_, number);
  return *this;
}

Writer& Writer::value(bool truth) {
  separate();
  *out_ += truth ? "true" : "false";
  return *this;
}

Writer& Writer::null() {
  separate();
  *out_ += "null";
  return *this;
}

Writer& Writer::raw(std::string_view json) {
  separate();
  *out_ += json;
  return *this;
}

Writer& Writer::raw_member(std::string_view member) {
  if (member.empty()) {
    return *this;
  }
  separate();
  *out_ += member;
  return *this;
}

}  // namespace lares::json
