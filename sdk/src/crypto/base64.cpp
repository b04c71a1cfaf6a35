// SPDX-License-Identifier: Apache-2.0
#include <lares/crypto/base64.hpp>

#include <array>

namespace lares::crypto {

namespace {

constexpr std::string_view kStandardAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kUrlSafeAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

constexpr std::array<std::uint8_t, 256> make_reverse(std::string_view alphabet) {
  std::array<std::uint8_t, 256> table{};
  table.fill(0xFF);
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    table[static_cast<unsigned char>(alphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return table;
}

constexpr std::array<std::uint8_t, 256> kStandardReverse = make_reverse(kStandardAlphabet);
constexpr std::array<std::uint8_t, 256> kUrlSafeReverse = make_reverse(kUrlSafeAlphabet);

/// Without the padding that a lenient reader overlooks; nothing when the length fits no number of bytes.
std::optional<std::string_view> unpadded(std::string_view text, Base64Decoding decoding) noexcept {
  if (decoding == Base64Decoding::kLenient) {
    for (int i = 0; i < 2 && text.ends_with('='); ++i) {
      text.remove_suffix(1);
    }
  }
  if (text.size() % 4 == 1) {
    return std::nullopt;
  }
  return text;
}

/// Decodes text of a length that fits `out`.
bool decode(std::uint8_t* out, std::string_view text, Base64 alphabet, Base64Decoding decoding) noexcept {
  const auto& reverse = alphabet == Base64::kStandard ? kStandardReverse : kUrlSafeReverse;
  const auto digit = [&](std::size_t i) -> std::uint32_t {
    return reverse[static_cast<unsigned char>(text[i])];
  };
  std::size_t i = 0;
  for (; i + 4 <= text.size(); i += 4) {
    const std::uint32_t a = digit(i);
    const std::uint32_t b = digit(i + 1);
    const std::uint32_t c = digit(i + 2);
    const std::uint32_t d = digit(i + 3);
    if (((a | b | c | d) & 0xC0U) != 0) {
      return false;
    }
    const std::uint32_t bits = (a << 18U) | (b << 12U) | (c << 6U) | d;
    *out++ = static_cast<std::uint8_t>(bits >> 16U);
    *out++ = static_cast<std::uint8_t>(bits >> 8U);
    *out++ = static_cast<std::uint8_t>(bits);
  }
  const std::size_t rest = text.size() - i;
  if (rest == 0) {
    return true;
  }
  const std::uint32_t a = digit(i);
  const std::uint32_t b = digit(i + 1);
  const std::uint32_t c = rest == 3 ? digit(i + 2) : 0;
  if (((a | b | c) & 0xC0U) != 0) {
    return false;
  }
  const std::uint32_t bits = (a << 18U) | (b << 12U) | (c << 6U);
  *out++ = static_cast<std::uint8_t>(bits >> 16U);
  if (rest == 3) {
    *out++ = static_cast<std::uint8_t>(bits >> 8U);
  }
  const std::uint32_t unused = rest == 3 ? bits & 0xFFU : bits & 0xFFFFU;
  return decoding == Base64Decoding::kLenient || unused == 0;
}

}  // namespace

void base64_append(std::string& out, std::span<const std::uint8_t> bytes, Base64 alphabet) {
  const std::string_view letters = alphabet == Base64::kStandard ? kStandardAlphabet : kUrlSafeAlphabet;
  const std::size_t before = out.size();
  out.resize(before + (bytes.size() * 4 + 2) / 3);
  char* to = out.data() + before;
  std::size_t i = 0;
  for (; i + 3 <= bytes.size(); i += 3) {
    const std::uint32_t bits = (static_cast<std::uint32_t>(bytes[i]) << 16U) |
                               (static_cast<std::uint32_t>(bytes[i + 1]) << 8U) | bytes[i + 2];
    *to++ = letters[bits >> 18U];
    *to++ = letters[(bits >> 12U) & 63U];
    *to++ = letters[(bits >> 6U) & 63U];
    *to++ = letters[bits & 63U];
  }
  const std::size_t rest = bytes.size() - i;
  if (rest == 0) {
    return;
  }
  const std::uint32_t bits = (static_cast<std::uint32_t>(bytes[i]) << 16U) |
                             (rest == 2 ? static_cast<std::uint32_t>(bytes[i + 1]) << 8U : 0U);
  *to++ = letters[bits >> 18U];
  *to++ = letters[(bits >> 12U) & 63U];
  if (rest == 2) {
    *to++ = letters[(bits >> 6U) & 63U];
  }
}

std::string base64_encode(std::span<const std::uint8_t> bytes, Base64 alphabet) {
  std::string out;
  base64_append(out, bytes, alphabet);
  return out;
}

std::optional<std::string> base64_decode(std::string_view text, Base64 alphabet, Base64Decoding decoding) {
  const auto digits = unpadded(text, decoding);
  if (!digits) {
    return std::nullopt;
  }
  std::string out(digits->size() * 3 / 4, '\0');
  if (!decode(reinterpret_cast<std::uint8_t*>(out.data()), *digits, alphabet, decoding)) {
    return std::nullopt;
  }
  return out;
}

bool base64_decode_to(std::span<std::uint8_t> out, std::string_view text, Base64 alphabet,
                      Base64Decoding decoding) noexcept {
  const auto digits = unpadded(text, decoding);
  return digits && digits->size() * 3 / 4 == out.size() && decode(out.data(), *digits, alphabet, decoding);
}

}  // namespace lares::crypto
