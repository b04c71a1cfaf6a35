// SPDX-License-Identifier: Apache-2.0
#include "tape.hpp"

#include "text.hpp"

#include <lares/json/writer.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace lares::json::detail {

namespace {

constexpr std::int64_t kMaxInteger = 9007199254740991;

[[nodiscard]] bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

}  // namespace

bool Tape::fail(ErrorCode code, const char* where) noexcept {
  error_ = Error{code, static_cast<std::size_t>(where - base_)};
  return false;
}

std::expected<void, Error> Tape::scan(std::string_view text, const ScanOptions& options) {
  text_ = text;
  base_ = text.data();
  at_ = base_;
  end_ = base_ + text.size();
  options_ = options;
  options_.max_depth = std::min(options_.max_depth, kMaxDepth);
  nodes_.clear();
  frames_.clear();
  if (text.size() > options_.max_bytes || text.size() > 0xFFFFFFFFU) {
    return std::unexpected(Error{ErrorCode::kTooLarge, options_.max_bytes});
  }
  if (!run()) {
    return std::unexpected(error_);
  }
  return {};
}

std::expected<void, Error> Tape::check(std::string_view text, const ScanOptions& options) {
  outline_ = false;
  return scan(text, options);
}

bool Tape::run() {
  at_ = skip_space(at_, end_);
  if (at_ == end_) {
    return fail(ErrorCode::kEmpty, at_);
  }
  if (options_.require_object && *at_ != '{') {
    // Tell "no JSON" from "JSON, but no object": only the former is a syntax error.
    const bool value = *at_ == '[' || *at_ == '"' || *at_ == '-' || is_digit(*at_) || *at_ == 't' ||
                       *at_ == 'f' || *at_ == 'n';
    return fail(value ? ErrorCode::kNotAnObject : ErrorCode::kUnexpectedByte, at_);
  }

  std::uint32_t key_begin = 0;
  std::uint32_t key_length = 0;
  bool key_escaped = false;
  bool key_verbatim = true;

value: {
  const auto index = static_cast<std::uint32_t>(nodes_.size());
  nodes_.push_back(Node{key_begin, key_length, static_cast<std::uint32_t>(at_ - base_), 0, 0, 0, *at_,
                        key_escaped, key_verbatim, true});
  if (!frames_.empty()) {
    Frame& parent = frames_.back();
    if (!outline_ && !parent.object) {
      // Nobody will look for it.
    } else if (parent.last_child == 0) {
      nodes_[parent.node].first = index;
    } else {
      Node& last = nodes_[parent.last_child];
      last.next = index;
      if (parent.object && parent.sorted && !key_before(last, nodes_[index])) {
        parent.sorted = false;
      }
    }
    parent.last_child = index;
  }
  switch (*at_) {
    case '{':
    case '[': {
      const bool object = *at_ == '{';
      if (frames_.size() >= options_.max_depth) {
        return fail(ErrorCode::kTooDeep, at_);
      }
      frames_.push_back(Frame{index, 0, object, true, true});
      ++at_;
      const char* inside = at_;
      at_ = skip_space(at_, end_);
      if (at_ != inside) {
        frames_.back().verbatim = false;
      }
      if (at_ == end_) {
        return fail(ErrorCode::kUnexpectedEnd, at_);
      }
      if (*at_ == (object ? '}' : ']')) {
        goto close;
      }
      if (object) {
        goto key;
      }
      key_begin = 0;
      key_length = 0;
      key_escaped = false;
      key_verbatim = true;
      goto value;
    }
    case '"': {
      bool escaped = false;
      bool verbatim = true;
      const char* closing = nullptr;
      if (!string(escaped, verbatim, closing)) {
        return false;
      }
      nodes_[index].verbatim = verbatim;
      break;
    }
    case 't':
      if (!literal("true")) {
        return false;
      }
      break;
    case 'f':
      if (!literal("false")) {
        return false;
      }
      break;
    case 'n':
      if (!literal("null")) {
        return false;
      }
      break;
    default:
      if (*at_ != '-' && !is_digit(*at_)) {
        return fail(ErrorCode::kUnexpectedByte, at_);
      }
      if (!number(nodes_[index])) {
        return false;
      }
      break;
  }
  Node& node = nodes_[index];
  node.length = static_cast<std::uint32_t>(at_ - base_) - node.begin;
  if (!frames_.empty()) {
    if (!node.verbatim) {
      frames_.back().verbatim = false;
    }
    if (!outline_ && !frames_.back().object) {
      nodes_.truncate(index);
    }
  }
}

after_value:
  if (frames_.empty()) {
    at_ = skip_space(at_, end_);
    if (at_ != end_) {
      return fail(ErrorCode::kTrailingBytes, at_);
    }
    return true;
  }
  if (at_ == end_) {
    return fail(ErrorCode::kUnexpectedEnd, at_);
  }
  if (is_space(*at_)) {
    frames_.back().verbatim = false;
    at_ = skip_space(at_, end_);
    if (at_ == end_) {
      return fail(ErrorCode::kUnexpectedEnd, at_);
    }
  }
  if (*at_ == ',') {
    ++at_;
    if (at_ != end_ && is_space(*at_)) {
      frames_.back().verbatim = false;
      at_ = skip_space(at_, end_);
    }
    if (at_ == end_) {
      return fail(ErrorCode::kUnexpectedEnd, at_);
    }
    if (frames_.back().object) {
      goto key;
    }
    key_begin = 0;
    key_length = 0;
    key_escaped = false;
    key_verbatim = true;
    goto value;
  }
  if (*at_ != (frames_.back().object ? '}' : ']')) {
    return fail(ErrorCode::kUnexpectedByte, at_);
  }

close: {
  Frame frame = frames_.back();
  if (frame.object && !frame.sorted) {
    if (!sort_members(nodes_[frame.node], at_)) {
      return false;
    }
    frame.verbatim = false;
  }
  frames_.pop_back();
  ++at_;
  Node& node = nodes_[frame.node];
  node.length = static_cast<std::uint32_t>(at_ - base_) - node.begin;
  node.verbatim = frame.verbatim;
  if (!frame.verbatim && !frames_.empty()) {
    frames_.back().verbatim = false;
  }
  if (frame.verbatim || !outline_) {
    const bool forgotten = !outline_ && !frames_.empty() && !frames_.back().object;
    nodes_.truncate(frame.node + (forgotten ? 0U : 1U));
  }
  goto after_value;
}

key: {
  if (*at_ != '"') {
    return fail(ErrorCode::kUnexpectedByte, at_);
  }
  const char* opening = at_;
  const char* closing = nullptr;
  key_escaped = false;
  key_verbatim = true;
  if (!string(key_escaped, key_verbatim, closing)) {
    return false;
  }
  key_begin = static_cast<std::uint32_t>(opening + 1 - base_);
  key_length = static_cast<std::uint32_t>(closing - opening - 1);
  if (!key_verbatim) {
    frames_.back().verbatim = false;
  }
  const char* before = at_;
  at_ = skip_space(at_, end_);
  if (at_ == end_) {
    return fail(ErrorCode::kUnexpectedEnd, at_);
  }
  if (*at_ != ':') {
    return fail(ErrorCode::kUnexpectedByte, at_);
  }
  if (at_ != before) {
    frames_.back().verbatim = false;
  }
  ++at_;
  if (at_ != end_ && is_space(*at_)) {
    frames_.back().verbatim = false;
    at_ = skip_space(at_, end_);
  }
  if (at_ == end_) {
    return fail(ErrorCode::kUnexpectedEnd, at_);
  }
  goto value;
}
}

bool Tape::string(bool& escaped, bool& verbatim, const char*& close) {
  ++at_;
  while (true) {
    at_ = skip_plain(at_, end_);
    if (at_ == end_) {
      return fail(ErrorCode::kUnexpectedEnd, at_);
    }
    const auto byte = static_cast<unsigned char>(*at_);
    if (byte == '"') {
      close = at_;
      ++at_;
      return true;
    }
    if (byte == '\\') {
      escaped = true;
      if (!escape(verbatim)) {
        return false;
      }
      continue;
    }
    if (byte < 0x20) {
      return fail(ErrorCode::kControlCharacter, at_);
    }
    do {
      const std::size_t length = utf8_sequence(at_, end_);
      if (length == 0) {
        return fail(ErrorCode::kInvalidUtf8, at_);
      }
      at_ += length;
    } while (at_ != end_ && static_cast<unsigned char>(*at_) >= 0x80);
  }
}

bool Tape::escape(bool& verbatim) {
  const char* start = at_;
  ++at_;
  if (at_ == end_) {
    return fail(ErrorCode::kUnexpectedEnd, at_);
  }
  switch (*at_) {
    case '"':
    case '\\':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
      ++at_;
      return true;
    case '/':
      ++at_;
      verbatim = false;
      return true;
    case 'u':
      break;
    default:
      return fail(ErrorCode::kBadEscape, start);
  }
  ++at_;
  const std::int32_t unit = hex4(at_, end_);
  if (unit < 0) {
    return fail(end_ - at_ < 4 ? ErrorCode::kUnexpectedEnd : ErrorCode::kBadEscape, start);
  }
  const char* digits = at_;
  at_ += 4;
  if (unit >= 0xDC00 && unit < 0xE000) {
    return fail(ErrorCode::kLoneSurrogate, start);
  }
  if (unit >= 0xD800 && unit < 0xDC00) {
    if (end_ - at_ < 6 || at_[0] != '\\' || at_[1] != 'u') {
      return fail(ErrorCode::kLoneSurrogate, start);
    }
    const std::int32_t low = hex4(at_ + 2, end_);
    if (low < 0xDC00 || low >= 0xE000) {
      return fail(ErrorCode::kLoneSurrogate, start);
    }
    at_ += 6;
    verbatim = false;
    return true;
  }
  const bool short_form = unit == '\b' || unit == '\f' || unit == '\n' || unit == '\r' || unit == '\t';
  if (unit >= 0x20 || short_form || (digits[3] >= 'A' && digits[3] <= 'F')) {
    verbatim = false;
  }
  return true;
}

bool Tape::number(Node& node) {
  const char* start = at_;
  node.kind = '0';
  const bool negative = *at_ == '-';
  if (negative) {
    ++at_;
    if (at_ == end_) {
      return fail(ErrorCode::kUnexpectedEnd, at_);
    }
  }
  const char* digits = at_;
  if (!is_digit(*at_)) {
    return fail(ErrorCode::kBadNumber, start);
  }
  std::uint64_t magnitude = 0;
  if (*at_ == '0') {
    ++at_;
    if (at_ != end_ && is_digit(*at_)) {
      return fail(ErrorCode::kBadNumber, start);
    }
  } else {
    while (at_ != end_ && is_digit(*at_)) {
      if (at_ - digits < 17) {
        magnitude = magnitude * 10 + static_cast<std::uint64_t>(*at_ - '0');
      }
      ++at_;
    }
  }
  const char* integer_end = at_;
  bool plain = true;
  if (at_ != end_ && *at_ == '.') {
    plain = false;
    ++at_;
    const char* fraction = at_;
    while (at_ != end_ && is_digit(*at_)) {
      ++at_;
    }
    if (at_ == fraction) {
      return at_ == end_ ? fail(ErrorCode::kUnexpectedEnd, at_) : fail(ErrorCode::kBadNumber, start);
    }
  }
  if (at_ != end_ && (*at_ == 'e' || *at_ == 'E')) {
    plain = false;
    ++at_;
    if (at_ != end_ && (*at_ == '+' || *at_ == '-')) {
      ++at_;
    }
    const char* exponent = at_;
    while (at_ != end_ && is_digit(*at_)) {
      ++at_;
    }
    if (at_ == exponent) {
      return at_ == end_ ? fail(ErrorCode::kUnexpectedEnd, at_) : fail(ErrorCode::kBadNumber, start);
    }
  }
  if (plain) {
    if (negative && magnitude == 0 && integer_end - digits == 1) {
      node.verbatim = false;
    }
    if (options_.numbers != Numbers::kAny &&
        (integer_end - digits > 16 || magnitude > static_cast<std::uint64_t>(kMaxInteger))) {
      return fail(ErrorCode::kIntegerRange, start);
    }
    return true;
  }
  node.verbatim = false;
  const std::string_view raw{start, static_cast<std::size_t>(at_ - start)};
  switch (options_.numbers) {
    case Numbers::kIntegers:
      return fail(ErrorCode::kNotAnInteger, start);
    case Numbers::kIntegerValues: {
      std::int64_t value = 0;
      return integer_value(raw, value) || fail(ErrorCode::kNotAnInteger, start);
    }
    case Numbers::kAny: {
      double value = 0;
      const auto result = std::from_chars(raw.data(), raw.data() + raw.size(), value);
      // Too small rounds to zero and is fine; too large has no finite double, and no canonical form.
      if (result.ec == std::errc::result_out_of_range &&
          !std::isfinite(std::strtod(std::string{raw}.c_str(), nullptr))) {
        return fail(ErrorCode::kIntegerRange, start);
      }
      return true;
    }
  }
  return true;
}

bool Tape::literal(std::string_view word) {
  const char* start = at_;
  for (const char c : word) {
    if (at_ == end_) {
      return fail(ErrorCode::kUnexpectedEnd, at_);
    }
    if (*at_ != c) {
      return fail(ErrorCode::kBadLiteral, start);
    }
    ++at_;
  }
  return true;
}

bool Tape::key_before(const Node& a, const Node& b) const {
  const std::string_view left = text_.substr(a.key_begin, a.key_length);
  const std::string_view right = text_.substr(b.key_begin, b.key_length);
  if (!a.key_escaped && !b.key_escaped) {
    return left < right;
  }
  return unescape(left) < unescape(right);
}

bool Tape::sort_members(Node& node, const char* where) {
  keys_.clear();
  bool any_escaped = false;
  for (std::uint32_t child = node.first; child != 0; child = nodes_[child].next) {
    const Node& member = nodes_[child];
    any_escaped = any_escaped || member.key_escaped;
    keys_.push_back(Key{base_ + member.key_begin, member.key_length, child, member.key_escaped});
  }
  if (any_escaped) {
    std::sort(keys_.begin(), keys_.end(),
              [this](const Key& a, const Key& b) { return key_before(nodes_[a.node], nodes_[b.node]); });
    for (std::size_t i = 1; i < keys_.size(); ++i) {
      if (!key_before(nodes_[keys_[i - 1].node], nodes_[keys_[i].node])) {
        return fail(ErrorCode::kDuplicateKey, where);
      }
    }
  } else {
    const auto before = [](const Key& a, const Key& b) {
      return std::string_view{a.data, a.length} < std::string_view{b.data, b.length};
    };
    std::sort(keys_.begin(), keys_.end(), before);
    for (std::size_t i = 1; i < keys_.size(); ++i) {
      if (!before(keys_[i - 1], keys_[i])) {
        return fail(ErrorCode::kDuplicateKey, where);
      }
    }
  }
  node.first = keys_[0].node;
  for (std::size_t i = 1; i < keys_.size(); ++i) {
    nodes_[keys_[i - 1].node].next = keys_[i].node;
  }
  nodes_[keys_.back().node].next = 0;
  return true;
}

void Tape::write(std::string& out, const Node& node) const {
  const std::string_view raw = text_.substr(node.begin, node.length);
  if (node.verbatim) {
    out += raw;
    return;
  }
  switch (node.kind) {
    case '{':
      out += '{';
      for (std::uint32_t child = node.first; child != 0; child = nodes_[child].next) {
        const Node& member = nodes_[child];
        if (child != node.first) {
          out += ',';
        }
        const std::string_view key = text_.substr(member.key_begin, member.key_length);
        if (member.key_verbatim && member.verbatim &&
            member.begin == member.key_begin + member.key_length + 2) {
          // Name, colon and value stand together as they will in the result.
          out += text_.substr(member.key_begin - 1, member.key_length + 3 + member.length);
          continue;
        }
        if (member.key_verbatim) {
          out += '"';
          out += key;
          out += '"';
        } else {
          append_canonical_string(out, key);
        }
        out += ':';
        write(out, member);
      }
      out += '}';
      return;
    case '[':
      out += '[';
      for (std::uint32_t child = node.first; child != 0; child = nodes_[child].next) {
        if (child != node.first) {
          out += ',';
        }
        write(out, nodes_[child]);
      }
      out += ']';
      return;
    case '"':
      append_canonical_string(out, raw.substr(1, raw.size() - 2));
      return;
    default:
      append_canonical_number(out, raw, options_.numbers);
      return;
  }
}

void append_canonical_string(std::string& out, std::string_view raw) {
  append_string(out, unescape(raw));
}

bool integer_value(std::string_view raw, std::int64_t& value) noexcept {
  const bool negative = raw.starts_with('-');
  if (negative) {
    raw.remove_prefix(1);
  }
  const std::size_t exponent_at = raw.find_first_of("eE");
  const std::string_view mantissa = raw.substr(0, exponent_at);
  std::int64_t exponent = 0;
  bool huge_exponent = false;
  if (exponent_at != std::string_view::npos) {
    std::string_view digits = raw.substr(exponent_at + 1);
    if (digits.starts_with('+')) {
      digits.remove_prefix(1);
    }
    const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), exponent);
    huge_exponent = result.ec != std::errc{} || exponent > 1'000'000'000 || exponent < -1'000'000'000;
  }
  const std::size_t point = mantissa.find('.');
  const std::size_t fraction_digits = point == std::string_view::npos ? 0 : mantissa.size() - point - 1;
  const std::size_t integer_digits =
      mantissa.size() - fraction_digits - (point == std::string_view::npos ? 0 : 1);
  const std::size_t last_nonzero = mantissa.find_last_not_of(".0");
  if (last_nonzero == std::string_view::npos) {
    value = 0;
    return true;
  }
  if (huge_exponent) {
    return false;
  }
  // The digit with index i (the point not counted) has weight 10^(integer_digits - 1 - i + exponent).
  const auto weight_of = [&](std::size_t position) {
    const std::size_t index = point != std::string_view::npos && position > point ? position - 1 : position;
    return static_cast<std::int64_t>(integer_digits) - 1 - static_cast<std::int64_t>(index) + exponent;
  };
  const std::size_t first_nonzero = mantissa.find_first_not_of(".0");
  const std::int64_t lowest = weight_of(last_nonzero);
  if (lowest < 0 || weight_of(first_nonzero) > 15) {
    return false;
  }
  std::int64_t magnitude = 0;
  for (std::size_t i = first_nonzero; i <= last_nonzero; ++i) {
    if (mantissa[i] != '.') {
      magnitude = magnitude * 10 + (mantissa[i] - '0');
    }
  }
  for (std::int64_t i = 0; i < lowest; ++i) {
    magnitude *= 10;
  }
  if (magnitude > kMaxInteger) {
    return false;
  }
  value = negative ? -magnitude : magnitude;
  return true;
}

void append_canonical_number(std::string& out, std::string_view raw, Numbers numbers) {
  const bool plain = raw.find_first_of(".eE") == std::string_view::npos;
  if (plain) {
    out += raw == "-0" ? std::string_view{"0"} : raw;
    return;
  }
  if (numbers != Numbers::kAny) {
    std::int64_t value = 0;
    static_cast<void>(integer_value(raw, value));
    append_int(out, value);
    return;
  }
  double value = 0;
  const auto read = std::from_chars(raw.data(), raw.data() + raw.size(), value);
  if (read.ec == std::errc::result_out_of_range) {
    value = std::strtod(std::string{raw}.c_str(), nullptr);
  }
  // Other servers print floats as Python does: shortest digits, positional between 1e-4 and 1e16, ".0" on
  // whole numbers, exponents of at least two digits.
  char digits[64];
  const double magnitude = std::fabs(value);
  const bool positional = magnitude == 0 || (magnitude >= 1e-4 && magnitude < 1e16);
  const auto written = std::to_chars(digits, digits + sizeof digits, value,
                                     positional ? std::chars_format::fixed : std::chars_format::scientific);
  const std::string_view text{digits, static_cast<std::size_t>(written.ptr - digits)};
  out += text;
  if (positional && text.find('.') == std::string_view::npos) {
    out += ".0";
  }
}

}  // namespace lares::json::detail
