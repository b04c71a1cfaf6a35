// SPDX-License-Identifier: Apache-2.0
#include "log_layout.hpp"

#include "log_redact.hpp"

#include <lares/async/log_context.hpp>
#include <lares/json/scanner.hpp>
#include <lares/json/writer.hpp>

#include <spdlog/details/log_msg.h>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <iterator>
#include <limits>
#include <string>

namespace lares::log {

namespace {

using spdlog::memory_buf_t;
using spdlog::details::log_msg;

void append(memory_buf_t& out, std::string_view text) {
  out.append(text.data(), text.data() + text.size());
}

std::string_view view(spdlog::string_view_t text) noexcept {
  return {text.data(), text.size()};
}

bool is_control(char c) noexcept {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

/// Reads to the end also when it has found one: of that the compiler makes vector instructions.
bool has_control(std::string_view text) noexcept {
  unsigned char found = 0;
  for (const char c : text) {
    found |= static_cast<unsigned char>(is_control(c));
  }
  return found != 0;
}

/// A text from outside must not be able to make lines of its own in a log.
void escape_controls(memory_buf_t& out, std::size_t from) {
  if (!has_control({out.data() + from, out.size() - from})) {
    return;
  }
  const std::string text{out.data() + from, out.size() - from};
  out.resize(from);
  for (const char c : text) {
    if (c == '\n') {
      append(out, "\\n");
    } else if (is_control(c)) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned>(c));
    } else {
      out.push_back(c);
    }
  }
}

class HumanFormatter final : public spdlog::formatter {
 public:
  void format(const log_msg& record, memory_buf_t& out) override {
    const std::string_view logger = view(record.logger_name);
    const std::string_view level = to_string(from_spdlog(record.level));
    const std::string_view request = current_context().name();
    constexpr std::size_t kTimeLineAndSeparators = 64;
    const std::size_t begin = out.size();
    out.resize(begin + kTimeLineAndSeparators + logger.size() + level.size() + request.size());
    // Written without asking at each piece whether there is room.
    char* at = write_time(out.data() + begin, record.time);
    at = write_text(write_separator(at), logger);
    at = write_separator(at);
    at = std::to_chars(at, at + std::numeric_limits<int>::digits10 + 2, record.source.line).ptr;
    at = write_text(write_separator(at), level);
    at = write_text(write_separator(at), request);
    out.resize(static_cast<std::size_t>(write_separator(at) - out.data()));
    const std::size_t from = out.size();
    append_redacted(out, view(record.payload));
    escape_controls(out, from);
    out.push_back('\n');
  }
  [[nodiscard]] std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<HumanFormatter>();
  }

 private:
  static char* write_separator(char* at) noexcept {
    std::memcpy(at, " - ", 3);
    return at + 3;
  }
  static char* write_text(char* at, std::string_view text) noexcept {
    return std::copy(text.begin(), text.end(), at);
  }

  /// `2026-11-20 18:44:22,123` in local time. The text up to the seconds is made once a second.
  char* write_time(char* at, spdlog::log_clock::time_point time) {
    const auto since_epoch = time.time_since_epoch();
    const auto second = std::chrono::floor<std::chrono::seconds>(since_epoch);
    if (second != second_) {
      const std::time_t seconds = second.count();
      std::tm local{};
      localtime_r(&seconds, &local);
      std::strftime(text_.data(), text_.size(), "%Y-%m-%d %H:%M:%S,", &local);
      second_ = second;
    }
    std::memcpy(at, text_.data(), text_.size() - 1);
    at += text_.size() - 1;
    const auto milliseconds =
        std::chrono::duration_cast<std::chrono::milliseconds>(since_epoch - second).count();
    for (const std::int64_t unit : {100, 10, 1}) {
      *at++ = static_cast<char>('0' + milliseconds / unit % 10);
    }
    return at;
  }

  std::chrono::seconds second_{-1};
  std::array<char, 21> text_{};
};

/// A JSON string; bytes that are not UTF-8 become U+FFFD.
void append_json_string(std::string& out, std::string_view text) {
  if (json::valid_utf8_prefix(text) == text.size()) {
    json::append_string(out, text);
    return;
  }
  std::string valid;
  while (!text.empty()) {
    const std::size_t length = json::valid_utf8_prefix(text);
    valid += text.substr(0, length);
    text.remove_prefix(length);
    if (!text.empty()) {
      valid += "\xef\xbf\xbd";
      text.remove_prefix(1);
    }
  }
  json::append_string(out, valid);
}

class JsonFormatter final : public spdlog::formatter {
 public:
  explicit JsonFormatter(bool terse) noexcept : terse_{terse} {}

  void format(const log_msg& record, memory_buf_t& out) override {
    line_ = "{\"log\":";
    append_json_string(line_, redacted(view(record.payload)));
    member("namespace", view(record.logger_name));
    member("level", to_string(from_spdlog(record.level)));
    if (terse_) {
      // Not as a floating-point number, which would cost more than the rest of the line's beginning.
      const auto since_epoch =
          std::chrono::round<std::chrono::milliseconds>(record.time.time_since_epoch()).count();
      const std::int64_t hundredths = (since_epoch + 5) / 10;
      line_ += ",\"time\":";
      json::append_int(line_, hundredths / 100);
      line_ += '.';
      line_ += static_cast<char>('0' + hundredths / 10 % 10);
      line_ += static_cast<char>('0' + hundredths % 10);
    }
    const LogContext& context = current_context();
    member("request", context.name());
    member("server_name", context.server_name());
    if (const RequestFacts* const request = context.request()) {
      member("ip_address", request->ip_address);
      member("site_tag", request->site_tag);
      member("requester", context.requester());
      member("authenticated_entity", context.authenticated_entity());
      member("method", request->method);
      member("url", redacted(request->url));
      member("protocol", request->protocol);
      member("user_agent", redacted(request->user_agent));
    }
    line_ += "}\n";
    append(out, line_);
  }
  [[nodiscard]] std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<JsonFormatter>(terse_);
  }

 private:
  /// Until the next call.
  std::string_view redacted(std::string_view text) {
    redacted_.clear();
    append_redacted(redacted_, text);
    return {redacted_.data(), redacted_.size()};
  }
  void member(std::string_view key, std::string_view value) {
    if (!value.empty()) {
      line_ += ",\"";
      line_ += key;
      line_ += "\":";
      append_json_string(line_, value);
    }
  }

  const bool terse_;
  std::string line_;
  memory_buf_t redacted_;
};

}  // namespace

std::unique_ptr<spdlog::formatter> make_formatter(Layout layout) {
  if (layout == Layout::kHuman) {
    return std::make_unique<HumanFormatter>();
  }
  return std::make_unique<JsonFormatter>(layout == Layout::kTerseJson);
}

}  // namespace lares::log
