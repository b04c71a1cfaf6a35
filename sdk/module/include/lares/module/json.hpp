// SPDX-License-Identifier: Apache-2.0
#ifndef LARES_MODULE_JSON_HPP
#define LARES_MODULE_JSON_HPP

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lares::module {

/// A JSON value, for a module's configuration and the events it is shown. Small rather than fast: a module
/// with more to parse brings a parser of its own.
///
/// **Errors**: parse() gives nothing for text that is not one JSON value, or is nested deeper than kMaxDepth.
/// The getters give nothing, or null, where the value is of another type.
class Json {
 public:
  enum class Type { Null, Bool, Number, String, Array, Object };
  using Member = std::pair<std::string, Json>;
  static constexpr int kMaxDepth = 64;

  [[nodiscard]] static std::optional<Json> parse(std::string_view text) {
    Parser parser{text, 0};
    Json value;
    if (!parser.value(value, 0)) {
      return std::nullopt;
    }
    parser.space();
    if (parser.at != text.size()) {
      return std::nullopt;
    }
    return value;
  }

  [[nodiscard]] Type type() const noexcept { return type_; }
  [[nodiscard]] std::optional<bool> boolean() const {
    return type_ == Type::Bool ? std::optional<bool>(number_ != 0) : std::nullopt;
  }
  [[nodiscard]] std::optional<double> number() const {
    return type_ == Type::Number ? std::optional<double>(number_) : std::nullopt;
  }
  /// A number without a fraction, in the range that JSON carries exactly.
  [[nodiscard]] std::optional<std::int64_t> integer() const {
    constexpr double kLargest = 9007199254740992.0;
    if (type_ != Type::Number || number_ < -kLargest || number_ > kLargest ||
        number_ != static_cast<double>(static_cast<std::int64_t>(number_))) {
      return std::nullopt;
    }
    return static_cast<std::int64_t>(number_);
  }
  [[nodiscard]] const std::string* string() const noexcept {
    return type_ == Type::String ? &text_ : nullptr;
  }
  [[nodiscard]] const std::vector<Json>* array() const noexcept {
    return type_ == Type::Array ? &items_ : nullptr;
  }
  [[nodiscard]] const std::vector<Member>* object() const noexcept {
    return type_ == Type::Object ? &members_ : nullptr;
  }
  /// A member of an object, or null.
  [[nodiscard]] const Json* find(std::string_view key) const noexcept {
    for (const Member& member : members_) {
      if (member.first == key) {
        return &member.second;
      }
    }
    return nullptr;
  }

 private:
  struct Parser {
    std::string_view text;
    std::size_t at;

    void space() {
      while (at < text.size() &&
             (text[at] == ' ' || text[at] == '\t' || text[at] == '\n' || text[at] == '\r')) {
        ++at;
      }
    }
    bool take(char c) {
      space();
      if (at < text.size() && text[at] == c) {
        ++at;
        return true;
      }
      return false;
    }
    bool word(std::string_view expected) {
      if (text.substr(at, expected.size()) != expected) {
        return false;
      }
      at += expected.size();
      return true;
    }

    bool value(Json& out, int depth) {
      space();
      if (depth > kMaxDepth || at == text.size()) {
        return false;
      }
      switch (text[at]) {
        case '{':
          return object_of(out, depth);
        case '[':
          return array_of(out, depth);
        case '"':
          out.type_ = Type::String;
          return string_of(out.text_);
        case 't':
          out.type_ = Type::Bool;
          out.number_ = 1;
          return word("true");
        case 'f':
          out.type_ = Type::Bool;
          return word("false");
        case 'n':
          return word("null");
        default:
          return number_of(out);
      }
    }

    bool object_of(Json& out, int depth) {
      out.type_ = Type::Object;
      ++at;
      if (take('}')) {
        return true;
      }
      do {
        space();
        Member member;
        if (at == text.size() || text[at] != '"' || !string_of(member.first) || !take(':') ||
            !value(member.second, depth + 1)) {
          return false;
        }
        out.members_.push_back(std::move(member));
      } while (take(','));
      return take('}');
    }

    bool array_of(Json& out, int depth) {
      out.type_ = Type::Array;
      ++at;
      if (take(']')) {
        return true;
      }
      do {
        out.items_.emplace_back();
        if (!value(out.items_.back(), depth + 1)) {
          return false;
        }
      } while (take(','));
      return take(']');
    }

    bool number_of(Json& out) {
      const std::size_t begin = at;
      while (at < text.size() && (std::string_view("+-.eE").find(text[at]) != std::string_view::npos ||
                                  (text[at] >= '0' && text[at] <= '9'))) {
        ++at;
      }
      const std::string digits(text.substr(begin, at - begin));
      char* end = nullptr;
      out.type_ = Type::Number;
      out.number_ = std::strtod(digits.c_str(), &end);
      return !digits.empty() && (digits[0] == '-' || (digits[0] >= '0' && digits[0] <= '9')) &&
             end == digits.c_str() + digits.size();
    }

    bool hex4(std::uint32_t& code) {
      if (text.size() - at < 4) {
        return false;
      }
      code = 0;
      for (int i = 0; i < 4; ++i) {
        const char c = text[at++];
        const int digit = c >= '0' && c <= '9'   ? c - '0'
                          : c >= 'a' && c <= 'f' ? c - 'a' + 10
                          : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                 : -1;
        if (digit < 0) {
          return false;
        }
        code = code << 4 | static_cast<std::uint32_t>(digit);
      }
      return true;
    }

    static void append_utf8(std::string& out, std::uint32_t code) {
      const auto push = [&out](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
      if (code < 0x80) {
        push(code);
      } else if (code < 0x800) {
        push(0xC0 | code >> 6);
        push(0x80 | (code & 0x3F));
      } else if (code < 0x10000) {
        push(0xE0 | code >> 12);
        push(0x80 | (code >> 6 & 0x3F));
        push(0x80 | (code & 0x3F));
      } else {
        push(0xF0 | code >> 18);
        push(0x80 | (code >> 12 & 0x3F));
        push(0x80 | (code >> 6 & 0x3F));
        push(0x80 | (code & 0x3F));
      }
    }

    bool escape(std::string& out) {
      if (at == text.size()) {
        return false;
      }
      const char c = text[at++];
      constexpr std::string_view kFrom = "\"\\/bfnrt";
      constexpr std::string_view kTo = "\"\\/\b\f\n\r\t";
      if (const auto place = kFrom.find(c); place != std::string_view::npos) {
        out.push_back(kTo[place]);
        return true;
      }
      std::uint32_t code = 0;
      if (c != 'u' || !hex4(code)) {
        return false;
      }
      if (code >= 0xD800 && code < 0xDC00) {
        std::uint32_t low = 0;
        if (!word("\\u") || !hex4(low) || low < 0xDC00 || low > 0xDFFF) {
          return false;
        }
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
      } else if (code >= 0xDC00 && code <= 0xDFFF) {
        return false;
      }
      append_utf8(out, code);
      return true;
    }

    bool string_of(std::string& out) {
      ++at;
      while (at < text.size()) {
        const char c = text[at++];
        if (c == '"') {
          return true;
        }
        if (static_cast<unsigned char>(c) < 0x20) {
          return false;
        }
        if (c != '\\') {
          out.push_back(c);
        } else if (!escape(out)) {
          return false;
        }
      }
      return false;
    }
  };

  Type type_ = Type::Null;
  double number_ = 0;
  std::string text_;
  std::vector<Json> items_;
  std::vector<Member> members_;
};

}  // namespace lares::module

#endif
