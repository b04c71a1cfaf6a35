// SPDX-License-Identifier: Apache-2.0
#include <lares/matrix/third_party_id.hpp>

#include <cstdint>

namespace lares::matrix {

namespace {

constexpr std::uint32_t kNone = 0xFFFFFFFFU;

// The code point at `at`, whose length it sets; kNone for bytes that are none.
std::uint32_t read(std::string_view text, std::size_t at, std::size_t& length) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const unsigned char first = byte(0);
  length = first >= 0xF0U ? 4 : first >= 0xE0U ? 3 : first >= 0xC2U ? 2 : 1;
  if (length == 1 || first > 0xF4U || at + length > text.size()) {
    length = 1;
    return kNone;
  }
  std::uint32_t code = first & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) {
      length = 1;
      return kNone;
    }
    code = (code << 6U) | (byte(i) & 0x3FU);
  }
  // Written in more bytes than it takes: what is made of it would be another letter the next time.
  if ((length == 3 && code < 0x800U) || (length == 4 && code < 0x10000U)) {
    length = 1;
    return kNone;
  }
  return code;
}

void write(std::string& out, std::uint32_t code) {
  if (code < 0x80U) {
    out += static_cast<char>(code);
  } else if (code < 0x800U) {
    out += static_cast<char>(0xC0U | (code >> 6U));
    out += static_cast<char>(0x80U | (code & 0x3FU));
  } else {
    out += static_cast<char>(0xE0U | (code >> 12U));
    out += static_cast<char>(0x80U | ((code >> 6U) & 0x3FU));
    out += static_cast<char>(0x80U | (code & 0x3FU));
  }
}

bool within(std::uint32_t code, std::uint32_t first, std::uint32_t last) noexcept {
  return code >= first && code <= last;
}

// Where capitals and small letters alternate, capitals at even or at odd places.
std::uint32_t even(std::uint32_t code) noexcept {
  return code | 1U;
}
std::uint32_t odd(std::uint32_t code) noexcept {
  return (code & 1U) != 0 ? code + 1 : code;
}

std::uint32_t fold_latin(std::uint32_t code) noexcept {
  if (within(code, 0xC0, 0xDE) && code != 0xD7) {
    return code + 32;
  }
  if (within(code, 0x100, 0x12F) || within(code, 0x132, 0x137) || within(code, 0x14A, 0x177)) {
    return even(code);
  }
  if (within(code, 0x139, 0x148) || within(code, 0x179, 0x17E) || within(code, 0x1CD, 0x1DC)) {
    return odd(code);
  }
  if (code == 0x178) {
    return 0xFF;
  }
  if (code == 0x17F) {
    return 's';
  }
  if (within(code, 0x1DE, 0x1EF) || within(code, 0x1F8, 0x21F) || within(code, 0x222, 0x233) ||
      within(code, 0x246, 0x24F)) {
    return even(code);
  }
  return code;
}

std::uint32_t fold_greek_and_east(std::uint32_t code) noexcept {
  switch (code) {
    case 0x386:
      return 0x3AC;
    case 0x388:
    case 0x389:
    case 0x38A:
      return code + 37;
    case 0x38C:
      return 0x3CC;
    case 0x38E:
    case 0x38F:
      return code + 63;
    case 0x3C2:  // the sigma at the end of a word
      return 0x3C3;
    case 0x4C0:
      return 0x4CF;
    default:
      break;
  }
  if (within(code, 0x391, 0x3AB) && code != 0x3A2) {
    return code + 32;
  }
  if (within(code, 0x3D8, 0x3EF) || within(code, 0x460, 0x481) || within(code, 0x48A, 0x4BF) ||
      within(code, 0x4D0, 0x52F)) {
    return even(code);
  }
  if (within(code, 0x4C1, 0x4CE)) {
    return odd(code);
  }
  if (within(code, 0x400, 0x40F)) {
    return code + 80;
  }
  if (within(code, 0x410, 0x42F)) {
    return code + 32;
  }
  if (within(code, 0x531, 0x556)) {
    return code + 48;
  }
  if (within(code, 0x1E00, 0x1E95) || within(code, 0x1EA0, 0x1EFF)) {
    return even(code);
  }
  if (within(code, 0xFF21, 0xFF3A)) {
    return code + 32;
  }
  return code;
}

}  // namespace

std::string fold_case(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (static_cast<unsigned char>(c) < 0x80U) {
      out += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
      ++at;
      continue;
    }
    std::size_t length = 1;
    const std::uint32_t code = read(text, at, length);
    if (code == 0xDF || code == 0x1E9E) {
      out += "ss";
    } else if (code == kNone || code > 0xFFFFU) {
      out += text.substr(at, length);
    } else {
      write(out, code < 0x370U ? fold_latin(code) : fold_greek_and_east(code));
    }
    at += length;
  }
  return out;
}

}  // namespace lares::matrix
