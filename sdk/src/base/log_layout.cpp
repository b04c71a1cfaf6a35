// SPDX-License-Identifier: Apache-2.0
#include "log_layout.hpp"

#include "log_redact.hpp"

#include <lares/async/log_context.hpp>
#include <lares/json/scanner.hpp>
#include <lares/json/writer.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <iterator>

namespace lares::log {

namespace {

/// `2026-11-20 18:44:22,123` in local time. The text up to the seconds is made once a second and thread.
void append_time(std::string& out, std::int64_t time_ms) {
  struct Second {
    std::int64_t at = -1;
    std::array<char, 20> text{};
  };
  static thread_local Second second;
  const std::int64_t at = time_ms / 1000;
  if (second.at != at) {
    const std::time_t seconds = at;
    std::tm local{};
    localtime_r(&seconds, &local);
    std::strftime(second.text.data(), second.text.size(), "%Y-%m-%d %H:%M:%S", &local);
    second.at = at;
  }
  out.append(second.text.data(), second.text.size() - 1);
  fmt::format_to(std::back_inserter(out), ",{:03}", time_ms % 1000);
}

bool is_control(char c) noexcept {
  return (c >= 0 && c < 0x20) || c == 0x7f;
}

/// A text from outside must not be able to make lines of its own in a log.
void escape_controls(std::string& out, std::size_t from) {
  if (std::none_of(out.begin() + static_cast<std::ptrdiff_t>(from), out.end(), is_control)) {
    return;
  }
  const std::string text = out.substr(from);
  out.resize(from);
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
    } else if (is_control(c)) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
}

void append_human(std::string& out, const Record& record) {
  append_time(out, record.time_ms);
  fmt::format_to(std::back_inserter(out), " - {} - {} - {} - {} - ", record.logger, record.line,
                 to_string(record.level), record.context->name());
  const std::size_t from = out.size();
  append_redacted(out, record.message);
  escape_controls(out, from);
}

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

void append_json(std::string& out, const Record& record, bool terse) {
  static thread_local std::string scratch;
  const auto redacted = [](std::string_view text) -> std::string_view {
    scratch.clear();
    append_redacted(scratch, text);
    return scratch;
  };
  out += "{\"log\":";
  append_json_string(out, redacted(record.message));
  const auto member = [&](std::string_view key, std::string_view value) {
    if (!value.empty()) {
      out += ",\"";
      out += key;
      out += "\":";
      append_json_string(out, value);
    }
  };
  member("namespace", record.logger);
  member("level", to_string(record.level));
  if (terse) {
    fmt::format_to(std::back_inserter(out), ",\"time\":{:.2f}", static_cast<double>(record.time_ms) / 1e3);
  }
  const LogContext& context = *record.context;
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
  out += '}';
}

}  // namespace

void append_line(std::string& out, const Record& record, Layout layout) {
  if (layout == Layout::kHuman) {
    append_human(out, record);
  } else {
    append_json(out, record, layout == Layout::kTerseJson);
  }
  out += '\n';
}

}  // namespace lares::log
