// SPDX-License-Identifier: Apache-2.0
#include <lares/crypto/random_source.hpp>

#include <array>
#include <string_view>

namespace lares::crypto {

RandomSource::~RandomSource() = default;

std::string random_alphanumeric(RandomSource& random, std::size_t length) {
  static constexpr std::string_view kLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  std::string out;
  out.reserve(length);
  std::array<std::uint8_t, 64> bytes{};
  while (out.size() < length) {
    random.fill(bytes);
    for (const std::uint8_t byte : bytes) {
      // 248 is the largest multiple of 62 in a byte: larger values would make some letters likelier.
      if (byte < 248 && out.size() < length) {
        out += kLetters[byte % 62];
      }
    }
  }
  return out;
}

}  // namespace lares::crypto
