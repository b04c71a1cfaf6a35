// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

// What scanner, value and canonical form share: the inner loops over bytes.

namespace lares::json::detail {

[[nodiscard]] inline bool is_space(char c) noexcept {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

[[nodiscard]] inline const char* skip_space(const char* at, const char* end) noexcept {
  while (at != end && is_space(*at)) {
    ++at;
  }
  return at;
}

/// The first byte that ends the plain part of a string: quote, backslash, control character, or a byte of
/// UTF-8 beyond ASCII.
[[nodiscard]] inline const char* skip_plain(const char* at, const char* end) noexcept {
#if defined(__SSE2__)
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i backslash = _mm_set1_epi8('\\');
  const __m128i space = _mm_set1_epi8(0x20);
  while (end - at >= 16) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    // Signed comparison: bytes of 0x80 and above are negative, so one test catches them and the controls.
    const __m128i stop =
        _mm_or_si128(_mm_cmplt_epi8(block, space),
                     _mm_or_si128(_mm_cmpeq_epi8(block, quote), _mm_cmpeq_epi8(block, backslash)));
    const int mask = _mm_movemask_epi8(stop);
    if (mask != 0) {
      return at + std::countr_zero(static_cast<unsigned>(mask));
    }
    at += 16;
  }
#endif
  while (at != end) {
    const auto byte = static_cast<unsigned char>(*at);
    if (byte < 0x20 || byte >= 0x80 || byte == '"' || byte == '\\') {
      break;
    }
    ++at;
  }
  return at;
}

/// The first quote or backslash.
[[nodiscard]] inline const char* find_quote(const char* at, const char* end) noexcept {
#if defined(__SSE2__)
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i backslash = _mm_set1_epi8('\\');
  while (end - at >= 16) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const int mask =
        _mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(block, quote), _mm_cmpeq_epi8(block, backslash)));
    if (mask != 0) {
      return at + std::countr_zero(static_cast<unsigned>(mask));
    }
    at += 16;
  }
#endif
  while (at != end && *at != '"' && *at != '\\') {
    ++at;
  }
  return at;
}

/// The first quote, bracket or brace.
[[nodiscard]] inline const char* find_structure(const char* at, const char* end) noexcept {
#if defined(__SSE2__)
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i lower = _mm_set1_epi8(0x20);
  const __m128i open = _mm_set1_epi8('{');
  const __m128i close = _mm_set1_epi8('}');
  while (end - at >= 16) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    // [ and ] differ from { and } in the bit that lower-cases letters.
    const __m128i folded = _mm_or_si128(block, lower);
    const int mask = _mm_movemask_epi8(
        _mm_or_si128(_mm_cmpeq_epi8(block, quote),
                     _mm_or_si128(_mm_cmpeq_epi8(folded, open), _mm_cmpeq_epi8(folded, close))));
    if (mask != 0) {
      return at + std::countr_zero(static_cast<unsigned>(mask));
    }
    at += 16;
  }
#endif
  while (at != end && *at != '"' && *at != '{' && *at != '}' && *at != '[' && *at != ']') {
    ++at;
  }
  return at;
}

#if defined(__SSE2__)
/// Where 64 bytes have what structures JSON: a bit for each byte.
struct StructureBits {
  std::uint64_t quotes = 0;
  std::uint64_t backslashes = 0;
  std::uint64_t opening = 0;
  std::uint64_t closing = 0;
};

[[nodiscard]] inline StructureBits structure_of_64(const char* at) noexcept {
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i backslash = _mm_set1_epi8('\\');
  const __m128i lower = _mm_set1_epi8(0x20);
  const __m128i open = _mm_set1_epi8('{');
  const __m128i close = _mm_set1_epi8('}');
  StructureBits bits;
  for (unsigned i = 0; i < 4; ++i) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at + 16 * i));
    const __m128i folded = _mm_or_si128(block, lower);
    const auto mask = [&](__m128i matches) {
      return static_cast<std::uint64_t>(static_cast<std::uint32_t>(_mm_movemask_epi8(matches))) << (16 * i);
    };
    bits.quotes |= mask(_mm_cmpeq_epi8(block, quote));
    bits.backslashes |= mask(_mm_cmpeq_epi8(block, backslash));
    bits.opening |= mask(_mm_cmpeq_epi8(folded, open));
    bits.closing |= mask(_mm_cmpeq_epi8(folded, close));
  }
  return bits;
}

/// Each bit becomes the parity of itself and those below: from the quotes, what is inside of strings.
[[nodiscard]] inline std::uint64_t parity_of_prefixes(std::uint64_t bits) noexcept {
  for (unsigned shift = 1; shift < 64; shift *= 2) {
    bits ^= bits << shift;
  }
  return bits;
}
#endif

/// The length of the UTF-8 sequence at `at`, whose first byte is beyond ASCII; 0 when it is none.
[[nodiscard]] inline std::size_t utf8_sequence(const char* at, const char* end) noexcept {
  const auto byte = [&](std::size_t index) { return static_cast<unsigned char>(at[index]); };
  const auto continues = [&](std::size_t index) { return (byte(index) & 0xC0U) == 0x80U; };
  const auto left = static_cast<std::size_t>(end - at);
  const unsigned char first = byte(0);
  if (first < 0xC2) {
    return 0;
  }
  if (first < 0xE0) {
    return left >= 2 && continues(1) ? 2 : 0;
  }
  if (first < 0xF0) {
    if (left < 3 || !continues(1) || !continues(2)) {
      return 0;
    }
    if ((first == 0xE0 && byte(1) < 0xA0) || (first == 0xED && byte(1) >= 0xA0)) {
      return 0;
    }
    return 3;
  }
  if (first > 0xF4 || left < 4 || !continues(1) || !continues(2) || !continues(3)) {
    return 0;
  }
  if ((first == 0xF0 && byte(1) < 0x90) || (first == 0xF4 && byte(1) >= 0x90)) {
    return 0;
  }
  return 4;
}

[[nodiscard]] inline int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  if (c >= 'a' && c <= 'f') {
    return c - 'a' + 10;
  }
  if (c >= 'A' && c <= 'F') {
    return c - 'A' + 10;
  }
  return -1;
}

/// Four hexadecimal digits; -1 when they are not there.
[[nodiscard]] inline std::int32_t hex4(const char* at, const char* end) noexcept {
  if (end - at < 4) {
    return -1;
  }
  std::int32_t value = 0;
  for (int i = 0; i < 4; ++i) {
    const int digit = hex_digit(at[i]);
    if (digit < 0) {
      return -1;
    }
    value = value * 16 + digit;
  }
  return value;
}

/// Writes a code point as UTF-8 and gives its length.
inline std::size_t encode_utf8(char* out, std::uint32_t code) noexcept {
  if (code < 0x80) {
    out[0] = static_cast<char>(code);
    return 1;
  }
  if (code < 0x800) {
    out[0] = static_cast<char>(0xC0U | (code >> 6U));
    out[1] = static_cast<char>(0x80U | (code & 0x3FU));
    return 2;
  }
  if (code < 0x10000) {
    out[0] = static_cast<char>(0xE0U | (code >> 12U));
    out[1] = static_cast<char>(0x80U | ((code >> 6U) & 0x3FU));
    out[2] = static_cast<char>(0x80U | (code & 0x3FU));
    return 3;
  }
  out[0] = static_cast<char>(0xF0U | (code >> 18U));
  out[1] = static_cast<char>(0x80U | ((code >> 12U) & 0x3FU));
  out[2] = static_cast<char>(0x80U | ((code >> 6U) & 0x3FU));
  out[3] = static_cast<char>(0x80U | (code & 0x3FU));
  return 4;
}

/// Reads a string with escapes piece by piece: next() gives a plain run or one resolved escape, and an empty
/// piece at the end. Expects what the scanner has let through; stops at anything else.
class Unescaper {
 public:
  explicit Unescaper(std::string_view raw) noexcept : at_{raw.data()}, end_{raw.data() + raw.size()} {}

  [[nodiscard]] std::string_view next() noexcept {
    if (at_ == end_) {
      return {};
    }
    if (*at_ != '\\') {
      const void* found = std::memchr(at_, '\\', static_cast<std::size_t>(end_ - at_));
      const char* stop = found == nullptr ? end_ : static_cast<const char*>(found);
      const std::string_view run{at_, static_cast<std::size_t>(stop - at_)};
      at_ = stop;
      return run;
    }
    if (end_ - at_ < 2) {
      at_ = end_;
      return {};
    }
    const char kind = at_[1];
    at_ += 2;
    switch (kind) {
      case 'b':
        buffer_[0] = '\b';
        return {buffer_, 1};
      case 'f':
        buffer_[0] = '\f';
        return {buffer_, 1};
      case 'n':
        buffer_[0] = '\n';
        return {buffer_, 1};
      case 'r':
        buffer_[0] = '\r';
        return {buffer_, 1};
      case 't':
        buffer_[0] = '\t';
        return {buffer_, 1};
      case 'u':
        break;
      default:
        buffer_[0] = kind;
        return {buffer_, 1};
    }
    const std::int32_t unit = hex4(at_, end_);
    if (unit < 0) {
      at_ = end_;
      return {};
    }
    at_ += 4;
    auto code = static_cast<std::uint32_t>(unit);
    if (code >= 0xD800 && code < 0xDC00 && end_ - at_ >= 6 && at_[0] == '\\' && at_[1] == 'u') {
      const std::int32_t low = hex4(at_ + 2, end_);
      if (low >= 0xDC00 && low < 0xE000) {
        at_ += 6;
        code = 0x10000U + ((code - 0xD800U) << 10U) + (static_cast<std::uint32_t>(low) - 0xDC00U);
      }
    }
    return {buffer_, encode_utf8(buffer_, code)};
  }

 private:
  const char* at_;
  const char* end_;
  char buffer_[4] = {};
};

[[nodiscard]] inline std::string unescape(std::string_view raw) {
  std::string out;
  out.reserve(raw.size());
  Unescaper pieces{raw};
  for (std::string_view piece = pieces.next(); !piece.empty(); piece = pieces.next()) {
    out += piece;
  }
  return out;
}

}  // namespace lares::json::detail
