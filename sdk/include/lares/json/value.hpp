// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

namespace lares::json {

enum class Kind : std::uint8_t { kMissing, kNull, kBoolean, kNumber, kString, kArray, kObject };

class Value;
class ObjectView;
class ArrayView;

/// A string inside JSON bytes: what stands between the quotes, escapes and all.
///
/// Most strings have no escapes and are read in place; `plain()` says so.
///
/// **Lifetime** that of the bytes it was taken from.
class LARES_EXPORT StringView {
 public:
  StringView() = default;
  explicit StringView(std::string_view between_quotes, bool escaped) noexcept
      : raw_{between_quotes}, escaped_{escaped} {}

  /// The bytes between the quotes, as they stand.
  [[nodiscard]] std::string_view raw() const noexcept { return raw_; }
  /// There are no escapes, so raw() is the string's value.
  [[nodiscard]] bool plain() const noexcept { return !escaped_; }
  /// The string's value, escapes resolved.
  [[nodiscard]] std::string decoded() const;
  /// The string's value: raw() when plain, else decoded into `scratch`, of which the result is a view.
  [[nodiscard]] std::string_view text(std::string& scratch) const;
  /// Whether the value is `text`; resolves escapes on the way and allocates nothing.
  [[nodiscard]] bool equals(std::string_view text) const noexcept;

 private:
  std::string_view raw_;
  bool escaped_ = false;
};

/// A value inside JSON bytes that have passed json::scan (or are the output of json::canonicalise or
/// json::Writer).
///
/// It is two pointers wide, owns nothing and copies nothing. Finding a member walks over its siblings, so
/// whoever needs many members of a large object should iterate once. On bytes that were never scanned the
/// results are meaningless, though never out of bounds.
///
/// **Lifetime** that of the bytes.
class LARES_EXPORT Value {
 public:
  /// A missing value: what reading an absent member gives.
  Value() = default;
  /// Over the whole of `text`, white space around it allowed.
  explicit Value(std::string_view text) noexcept;

  [[nodiscard]] Kind kind() const noexcept;
  [[nodiscard]] explicit operator bool() const noexcept { return !text_.empty(); }
  [[nodiscard]] bool is_object() const noexcept { return kind() == Kind::kObject; }
  [[nodiscard]] bool is_array() const noexcept { return kind() == Kind::kArray; }
  [[nodiscard]] bool is_string() const noexcept { return kind() == Kind::kString; }
  [[nodiscard]] bool is_null() const noexcept { return kind() == Kind::kNull; }

  /// The value's bytes, without white space around.
  [[nodiscard]] std::string_view bytes() const noexcept { return text_; }

  /// The member of this name; missing when there is none or this is no object.
  [[nodiscard]] Value operator[](std::string_view key) const noexcept;
  /// The same for a path of names.
  template <class... Keys>
  [[nodiscard]] Value at(std::string_view first, Keys... rest) const noexcept {
    const Value member = (*this)[first];
    if constexpr (sizeof...(rest) == 0) {
      return member;
    } else {
      return member.at(rest...);
    }
  }

  /// The string; nothing when this is not a string.
  [[nodiscard]] std::optional<StringView> as_string() const noexcept;
  /// The string's value in place; nothing when this is not a string, or one with escapes.
  [[nodiscard]] std::optional<std::string_view> as_plain_string() const noexcept;
  /// The string's value as a copy; nothing when this is not a string.
  [[nodiscard]] std::optional<std::string> to_string() const;
  /// The integer; nothing when this is no number, has a fraction or an exponent, or does not fit 64 bits.
  [[nodiscard]] std::optional<std::int64_t> as_int64() const noexcept;
  /// The number, infinite where it is beyond a double; nothing when this is no number.
  [[nodiscard]] std::optional<double> as_double() const noexcept;
  [[nodiscard]] std::optional<bool> as_bool() const noexcept;
  /// Whether this is a string of that value; allocates nothing.
  [[nodiscard]] bool equals(std::string_view text) const noexcept;

  /// To iterate over the members; empty when this is no object.
  [[nodiscard]] ObjectView members() const noexcept;
  /// To iterate over the elements; empty when this is no array.
  [[nodiscard]] ArrayView elements() const noexcept;

 private:
  friend class ObjectView;
  friend class ArrayView;

  struct Exact {};
  Value(Exact, std::string_view text) noexcept : text_{text} {}

  std::string_view text_;
};

/// A member of an object: its name and its value.
struct Member {
  StringView key;
  Value value;
  /// The bytes from the opening quote of the name to the last byte of the value, for copying whole members.
  std::string_view bytes;
};

/// A forward range over an object's members, in the order of the text.
class LARES_EXPORT ObjectView {
 public:
  class LARES_EXPORT iterator {
   public:
    using value_type = Member;
    using difference_type = std::ptrdiff_t;
    using iterator_concept = std::input_iterator_tag;

    iterator() = default;
    const Member& operator*() const noexcept { return member_; }
    const Member* operator->() const noexcept { return &member_; }
    iterator& operator++() noexcept;
    void operator++(int) noexcept { ++*this; }
    bool operator==(std::default_sentinel_t) const noexcept { return at_ == nullptr; }

   private:
    friend class ObjectView;
    iterator(const char* at, const char* end) noexcept;
    void read() noexcept;

    const char* at_ = nullptr;
    const char* end_ = nullptr;
    Member member_;
  };

  ObjectView() = default;
  [[nodiscard]] iterator begin() const noexcept;
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }
  [[nodiscard]] bool empty() const noexcept { return begin() == end(); }
  /// Counts by walking.
  [[nodiscard]] std::size_t size() const noexcept;

 private:
  friend class Value;
  explicit ObjectView(std::string_view text) noexcept : text_{text} {}

  std::string_view text_;
};

/// A forward range over an array's elements.
class LARES_EXPORT ArrayView {
 public:
  class LARES_EXPORT iterator {
   public:
    using value_type = Value;
    using difference_type = std::ptrdiff_t;
    using iterator_concept = std::input_iterator_tag;

    iterator() = default;
    const Value& operator*() const noexcept { return value_; }
    const Value* operator->() const noexcept { return &value_; }
    iterator& operator++() noexcept;
    void operator++(int) noexcept { ++*this; }
    bool operator==(std::default_sentinel_t) const noexcept { return at_ == nullptr; }

   private:
    friend class ArrayView;
    iterator(const char* at, const char* end) noexcept;
    void read() noexcept;

    const char* at_ = nullptr;
    const char* end_ = nullptr;
    Value value_;
  };

  ArrayView() = default;
  [[nodiscard]] iterator begin() const noexcept;
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }
  [[nodiscard]] bool empty() const noexcept { return begin() == end(); }
  /// Counts by walking.
  [[nodiscard]] std::size_t size() const noexcept;

 private:
  friend class Value;
  explicit ArrayView(std::string_view text) noexcept : text_{text} {}

  std::string_view text_;
};

}  // namespace lares::json
