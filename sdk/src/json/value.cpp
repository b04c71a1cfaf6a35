// SPDX-License-Identifier: Apache-2.0
#include <lares/json/value.hpp>

#include "text.hpp"

#include <bit>
#include <charconv>
#include <cstdlib>

namespace lares::json {

namespace {

using detail::find_quote;
using detail::find_structure;
using detail::skip_space;

/// Behind the end of the string that `at` is in.
const char* skip_rest_of_string(const char* at, const char* end, bool& escaped) noexcept {
  while (true) {
    at = find_quote(at, end);
    if (at == end) {
      return end;
    }
    if (*at == '"') {
      return at + 1;
    }
    escaped = true;
    at = end - at < 2 ? end : at + 2;
  }
}

/// Behind the closing quote of the string that opens at `at`; `escaped` tells whether there were escapes.
const char* skip_string(const char* at, const char* end, bool& escaped) noexcept {
  return skip_rest_of_string(at + 1, end, escaped);
}

/// Behind the object or array that starts at `at`.
const char* skip_container(const char* at, const char* end) noexcept {
  std::size_t depth = 0;
  bool escaped = false;
#if defined(__SSE2__)
  // As long as there are no escapes, quotes alone tell what is text and what is structure.
  bool in_string = false;
  while (end - at >= 64) {
    const detail::StructureBits bits = detail::structure_of_64(at);
    if (bits.backslashes != 0) {
      break;
    }
    const std::uint64_t inside =
        detail::parity_of_prefixes(bits.quotes) ^ (in_string ? ~std::uint64_t{0} : 0);
    const std::uint64_t opening = bits.opening & ~inside;
    const std::uint64_t closing = bits.closing & ~inside;
    const auto closed = static_cast<std::size_t>(std::popcount(closing));
    if (closed < depth) {
      depth += static_cast<std::size_t>(std::popcount(opening)) - closed;
    } else {
      for (std::uint64_t both = opening | closing; both != 0; both &= both - 1) {
        const auto index = static_cast<unsigned>(std::countr_zero(both));
        if ((opening >> index & 1U) != 0) {
          ++depth;
        } else if (--depth == 0) {
          return at + index + 1;
        }
      }
    }
    in_string = (inside >> 63U) != 0;
    at += 64;
  }
  if (in_string) {
    at = skip_rest_of_string(at, end, escaped);
  }
#endif
  while (true) {
    at = find_structure(at, end);
    if (at == end) {
      return end;
    }
    if (*at == '"') {
      at = skip_string(at, end, escaped);
      continue;
    }
    const bool opens = *at == '{' || *at == '[';
    ++at;
    if (opens) {
      ++depth;
    } else if (--depth == 0) {
      return at;
    }
  }
}

/// Behind the value that starts at `at`.
const char* skip_value(const char* at, const char* end) noexcept {
  if (at == end) {
    return end;
  }
  if (*at == '{' || *at == '[') {
    return skip_container(at, end);
  }
  if (*at == '"') {
    bool escaped = false;
    return skip_string(at, end, escaped);
  }
  while (at != end && *at != ',' && *at != '}' && *at != ']' && !detail::is_space(*at)) {
    ++at;
  }
  return at;
}

std::string_view between(const char* begin, const char* end) noexcept {
  return {begin, static_cast<std::size_t>(end - begin)};
}

}  // namespace

std::string StringView::decoded() const {
  return escaped_ ? detail::unescape(raw_) : std::string{raw_};
}

std::string_view StringView::text(std::string& scratch) const {
  if (!escaped_) {
    return raw_;
  }
  scratch = detail::unescape(raw_);
  return scratch;
}

bool StringView::equals(std::string_view text) const noexcept {
  if (!escaped_) {
    return raw_ == text;
  }
  detail::Unescaper pieces{raw_};
  for (std::string_view piece = pieces.next(); !piece.empty(); piece = pieces.next()) {
    if (!text.starts_with(piece)) {
      return false;
    }
    text.remove_prefix(piece.size());
  }
  return text.empty();
}

Value::Value(std::string_view text) noexcept {
  const char* end = text.data() + text.size();
  const char* at = skip_space(text.data(), end);
  text_ = between(at, skip_value(at, end));
}

Kind Value::kind() const noexcept {
  if (text_.empty()) {
    return Kind::kMissing;
  }
  switch (text_.front()) {
    case '{':
      return Kind::kObject;
    case '[':
      return Kind::kArray;
    case '"':
      return Kind::kString;
    case 't':
    case 'f':
      return Kind::kBoolean;
    case 'n':
      return Kind::kNull;
    default:
      return Kind::kNumber;
  }
}

Value Value::operator[](std::string_view key) const noexcept {
  if (!is_object()) {
    return {};
  }
  const char* end = text_.data() + text_.size();
  const char* at = skip_space(text_.data() + 1, end);
  while (at != end && *at == '"') {
    bool escaped = false;
    const char* opening = at;
    at = skip_string(at, end, escaped);
    const std::string_view raw = at - opening < 2 ? std::string_view{} : between(opening + 1, at - 1);
    const bool found = escaped ? StringView{raw, true}.equals(key) : raw == key;
    at = skip_space(at, end);
    if (at == end || *at != ':') {
      return {};
    }
    at = skip_space(at + 1, end);
    const char* behind = skip_value(at, end);
    if (found) {
      return Value{Exact{}, between(at, behind)};
    }
    at = skip_space(behind, end);
    if (at == end || *at != ',') {
      return {};
    }
    at = skip_space(at + 1, end);
  }
  return {};
}

std::optional<StringView> Value::as_string() const noexcept {
  if (!is_string() || text_.size() < 2) {
    return std::nullopt;
  }
  const std::string_view raw = text_.substr(1, text_.size() - 2);
  return StringView{raw, raw.find('\\') != std::string_view::npos};
}

std::optional<std::string_view> Value::as_plain_string() const noexcept {
  const auto string = as_string();
  if (!string || !string->plain()) {
    return std::nullopt;
  }
  return string->raw();
}

std::optional<std::string> Value::to_string() const {
  const auto string = as_string();
  if (!string) {
    return std::nullopt;
  }
  return string->decoded();
}

std::optional<std::int64_t> Value::as_int64() const noexcept {
  if (kind() != Kind::kNumber) {
    return std::nullopt;
  }
  std::int64_t number = 0;
  const char* end = text_.data() + text_.size();
  const auto result = std::from_chars(text_.data(), end, number);
  if (result.ec != std::errc{} || result.ptr != end) {
    return std::nullopt;
  }
  return number;
}

std::optional<double> Value::as_double() const noexcept {
  if (kind() != Kind::kNumber) {
    return std::nullopt;
  }
  double number = 0;
  const char* end = text_.data() + text_.size();
  const auto result = std::from_chars(text_.data(), end, number);
  if (result.ec == std::errc::invalid_argument || result.ptr != end) {
    return std::nullopt;
  }
  if (result.ec == std::errc::result_out_of_range) {
    // Which end of the range it was beyond is not said.
    return std::strtod(std::string{text_}.c_str(), nullptr);
  }
  return number;
}

std::optional<bool> Value::as_bool() const noexcept {
  if (kind() != Kind::kBoolean) {
    return std::nullopt;
  }
  return text_.front() == 't';
}

bool Value::equals(std::string_view text) const noexcept {
  const auto string = as_string();
  return string && string->equals(text);
}

ObjectView Value::members() const noexcept {
  return is_object() ? ObjectView{text_} : ObjectView{};
}

ArrayView Value::elements() const noexcept {
  return is_array() ? ArrayView{text_} : ArrayView{};
}

namespace {

/// Where what follows a comma begins; null when there is no comma.
const char* behind_comma(const char* at, const char* end) noexcept {
  at = skip_space(at, end);
  return at == end || *at != ',' ? nullptr : skip_space(at + 1, end);
}

}  // namespace

ObjectView::iterator::iterator(const char* at, const char* end) noexcept : at_{at}, end_{end} {
  read();
}

void ObjectView::iterator::read() noexcept {
  const char* opening = at_;
  if (opening == end_ || *opening != '"') {
    at_ = nullptr;
    return;
  }
  bool escaped = false;
  const char* at = skip_string(opening, end_, escaped);
  member_.key = StringView{at - opening < 2 ? std::string_view{} : between(opening + 1, at - 1), escaped};
  at = skip_space(at, end_);
  if (at == end_ || *at != ':') {
    at_ = nullptr;
    return;
  }
  at = skip_space(at + 1, end_);
  const char* behind = skip_value(at, end_);
  member_.value = Value{Value::Exact{}, between(at, behind)};
  member_.bytes = between(opening, behind);
  at_ = behind;
}

ObjectView::iterator& ObjectView::iterator::operator++() noexcept {
  at_ = behind_comma(at_, end_);
  if (at_ != nullptr) {
    read();
  }
  return *this;
}

ObjectView::iterator ObjectView::begin() const noexcept {
  if (text_.empty()) {
    return {};
  }
  const char* end = text_.data() + text_.size();
  return {skip_space(text_.data() + 1, end), end};
}

std::size_t ObjectView::size() const noexcept {
  std::size_t count = 0;
  for (auto at = begin(); at != end(); ++at) {
    ++count;
  }
  return count;
}

ArrayView::iterator::iterator(const char* at, const char* end) noexcept : at_{at}, end_{end} {
  read();
}

void ArrayView::iterator::read() noexcept {
  if (at_ == end_ || *at_ == ']') {
    at_ = nullptr;
    return;
  }
  const char* behind = skip_value(at_, end_);
  if (behind == at_) {
    at_ = nullptr;
    return;
  }
  value_ = Value{Value::Exact{}, between(at_, behind)};
  at_ = behind;
}

ArrayView::iterator& ArrayView::iterator::operator++() noexcept {
  at_ = behind_comma(at_, end_);
  if (at_ != nullptr) {
    read();
  }
  return *this;
}

ArrayView::iterator ArrayView::begin() const noexcept {
  if (text_.empty()) {
    return {};
  }
  const char* end = text_.data() + text_.size();
  return {skip_space(text_.data() + 1, end), end};
}

std::size_t ArrayView::size() const noexcept {
  std::size_t count = 0;
  for (auto at = begin(); at != end(); ++at) {
    ++count;
  }
  return count;
}

}  // namespace lares::json
