// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace lares::crypto {

using Sha256Digest = std::array<std::uint8_t, 32>;
using Sha1Digest = std::array<std::uint8_t, 20>;

/// SHA-256 of `bytes`.
[[nodiscard]] LARES_EXPORT Sha256Digest sha256(std::string_view bytes) noexcept;

/// SHA-256 of bytes that come in pieces.
class LARES_EXPORT Sha256 {
 public:
  Sha256() noexcept;
  Sha256& update(std::string_view bytes) noexcept;
  /// The digest of everything given; the object is spent afterwards.
  [[nodiscard]] Sha256Digest finish() noexcept;

 private:
  alignas(8) std::array<std::uint8_t, 128> state_;
};

/// HMAC-SHA1, which time-limited TURN credentials and the registration shared secret need. For nothing new.
[[nodiscard]] LARES_EXPORT Sha1Digest hmac_sha1(std::string_view key, std::string_view message) noexcept;

/// HMAC-SHA256.
[[nodiscard]] LARES_EXPORT Sha256Digest hmac_sha256(std::string_view key, std::string_view message) noexcept;

/// Lower-case hexadecimal.
[[nodiscard]] LARES_EXPORT std::string hex_encode(std::span<const std::uint8_t> bytes);

/// Whether two texts are the same, in a time that depends on their lengths alone.
[[nodiscard]] LARES_EXPORT bool equal_constant_time(std::string_view a, std::string_view b) noexcept;

}  // namespace lares::crypto
