// SPDX-License-Identifier: Apache-2.0
#include <lares/json/scanner.hpp>

#include "tape.hpp"
#include "text.hpp"

namespace lares::json {

std::string_view describe(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::kEmpty:
      return "the text is empty";
    case ErrorCode::kUnexpectedEnd:
      return "the text ends inside a value";
    case ErrorCode::kUnexpectedByte:
      return "unexpected character";
    case ErrorCode::kTrailingBytes:
      return "something follows the value";
    case ErrorCode::kBadLiteral:
      return "neither true, false nor null";
    case ErrorCode::kBadNumber:
      return "malformed number";
    case ErrorCode::kNotAnInteger:
      return "only integers are allowed";
    case ErrorCode::kIntegerRange:
      return "number out of range";
    case ErrorCode::kControlCharacter:
      return "control character in a string";
    case ErrorCode::kBadEscape:
      return "malformed escape in a string";
    case ErrorCode::kLoneSurrogate:
      return "half of a surrogate pair in a string";
    case ErrorCode::kInvalidUtf8:
      return "invalid UTF-8";
    case ErrorCode::kDuplicateKey:
      return "an object has the same key twice";
    case ErrorCode::kTooDeep:
      return "nested too deeply";
    case ErrorCode::kTooLarge:
      return "too large";
    case ErrorCode::kNotAnObject:
      return "not an object";
  }
  return "unknown error";
}

bool is_syntax_error(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::kNotAnInteger:
    case ErrorCode::kIntegerRange:
    case ErrorCode::kLoneSurrogate:
    case ErrorCode::kDuplicateKey:
    case ErrorCode::kTooDeep:
    case ErrorCode::kTooLarge:
    case ErrorCode::kNotAnObject:
      return false;
    default:
      return true;
  }
}

std::expected<void, Error> scan(std::string_view text, const ScanOptions& options) {
  detail::Tape tape;
  return tape.check(text, options);
}

std::size_t valid_utf8_prefix(std::string_view text) noexcept {
  const char* at = text.data();
  const char* end = at + text.size();
  while (at != end) {
    if (static_cast<unsigned char>(*at) < 0x80) {
      ++at;
      continue;
    }
    const std::size_t length = detail::utf8_sequence(at, end);
    if (length == 0) {
      break;
    }
    at += length;
  }
  return static_cast<std::size_t>(at - text.data());
}

}  // namespace lares::json
