// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace lares::storage {

/// Marks an argument as the value of a `{bytes}` column. Whatever a client or a server sent is one: compared
/// bytewise, and U+0000 survives in it. Plain strings are values of TEXT columns, which hold words of our own
/// alone.
///
/// **Lifetime**: a view; what it shows must outlive the call it is passed to.
struct Bytes {
  std::string_view view;

  constexpr Bytes() = default;
  constexpr explicit Bytes(std::string_view bytes) noexcept : view{bytes} {}
};

/// Matrix identifiers and other strong types that show their text with `view()`: always `{bytes}` columns.
template <class T>
concept ViewedAsBytes = requires(const T& value) {
  { value.view() } -> std::same_as<std::string_view>;
};

enum class ArgumentKind : std::uint8_t { Null, Integer, Real, Boolean, Text, Bytes };

/// One value on its way into a statement. Made by conversion; never written out.
///
/// **Lifetime**: text and bytes are views.
class Argument {
 public:
  constexpr Argument() noexcept = default;
  constexpr Argument(std::nullptr_t) noexcept {}
  constexpr Argument(std::nullopt_t) noexcept {}
  constexpr Argument(bool value) noexcept : kind_{ArgumentKind::Boolean}, integer_{value ? 1 : 0} {}
  /// Integers that fit 64 signed bits; an unsigned 64-bit value must be cast by someone who knows that it
  /// fits.
  template <std::integral T>
    requires(!std::same_as<T, bool> && !std::same_as<T, char> && (sizeof(T) < 8 || std::is_signed_v<T>))
  constexpr Argument(T value) noexcept
      : kind_{ArgumentKind::Integer}, integer_{static_cast<std::int64_t>(value)} {}
  /// Enumerations by their number, which must then never change.
  template <class T>
    requires std::is_enum_v<T>
  constexpr Argument(T value) noexcept : Argument{static_cast<std::int64_t>(value)} {}
  constexpr Argument(double value) noexcept : kind_{ArgumentKind::Real}, real_{value} {}
  constexpr Argument(std::string_view text) noexcept : kind_{ArgumentKind::Text}, view_{text} {}
  constexpr Argument(const char* text) noexcept : Argument{std::string_view{text}} {}
  Argument(const std::string& text) noexcept : Argument{std::string_view{text}} {}
  constexpr Argument(Bytes bytes) noexcept : kind_{ArgumentKind::Bytes}, view_{bytes.view} {}
  template <ViewedAsBytes T>
  constexpr Argument(const T& value) noexcept : Argument{Bytes{value.view()}} {}
  template <class T>
  constexpr Argument(const std::optional<T>& value) noexcept : Argument{} {
    if (value.has_value()) {
      *this = Argument{*value};
    }
  }

  [[nodiscard]] constexpr ArgumentKind kind() const noexcept { return kind_; }
  [[nodiscard]] constexpr std::int64_t integer() const noexcept { return integer_; }
  [[nodiscard]] constexpr double real() const noexcept { return real_; }
  [[nodiscard]] constexpr std::string_view view() const noexcept { return view_; }

 private:
  ArgumentKind kind_ = ArgumentKind::Null;
  union {
    std::int64_t integer_ = 0;
    double real_;
  };
  std::string_view view_;
};

}  // namespace lares::storage
