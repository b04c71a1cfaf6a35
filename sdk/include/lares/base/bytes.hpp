// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace lares {

/// Lower-case hexadecimal.
[[nodiscard]] LARES_EXPORT std::string to_hex(std::span<const std::uint8_t> bytes);
[[nodiscard]] LARES_EXPORT std::string to_hex(std::string_view bytes);

/// The bytes of a hexadecimal text in either case; nothing when it is not one.
[[nodiscard]] LARES_EXPORT std::optional<std::string> from_hex(std::string_view text);

/// A text's bytes as unsigned ones, and back.
[[nodiscard]] inline std::span<const std::uint8_t> as_bytes(std::string_view text) noexcept {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
[[nodiscard]] inline std::string_view as_text(std::span<const std::uint8_t> bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace lares
