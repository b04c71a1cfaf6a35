// SPDX-License-Identifier: Apache-2.0
#include <observe/request_log.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>

namespace lares {

namespace {

std::string_view path_of(std::string_view uri) {
  return uri.substr(0, uri.find('?'));
}

/// Calls `append` with the pieces of a target, one after the other, the secrets in it replaced.
template <class Append>
void redact_uri_into(std::string_view uri, const Append& append) {
  const std::size_t query = uri.find('?');
  if (query == std::string_view::npos) {
    append(uri);
    return;
  }
  append(uri.substr(0, query + 1));
  std::string_view rest = uri.substr(query + 1);
  for (;;) {
    const std::size_t end = rest.find('&');
    const std::string_view parameter = rest.substr(0, end);
    const std::size_t equals = parameter.find('=');
    const std::string_view name = parameter.substr(0, equals);
    if (equals != std::string_view::npos &&
        (name == "access_token" || name == "client_secret" || name == "token")) {
      append(name);
      append(std::string_view{"=<redacted>"});
    } else {
      append(parameter);
    }
    if (end == std::string_view::npos) {
      return;
    }
    append(std::string_view{"&"});
    rest.remove_prefix(end + 1);
  }
}

/// A line that grows by its pieces, within a size known before. Not by a format string, which for so many
/// short pieces takes longer than all the rest of a line's way, even where the compiler has read it.
class Line {
 public:
  explicit Line(std::size_t at_most) {
    text_.resize(at_most);
    end_ = text_.data();
  }
  /// A literal: its size being known, it is copied without a call.
  template <std::size_t kSize>
  Line& operator<<(const char (&text)[kSize]) {
    std::memcpy(end_, text, kSize - 1);
    end_ += kSize - 1;
    return *this;
  }
  Line& operator<<(std::string_view text) {
    end_ = std::copy(text.begin(), text.end(), end_);
    return *this;
  }
  Line& operator<<(std::uint64_t number) {
    if (number < 10) {
      *end_++ = static_cast<char>('0' + number);
      return *this;
    }
    end_ = std::to_chars(end_, end_ + std::numeric_limits<std::uint64_t>::digits10 + 1, number).ptr;
    return *this;
  }
  /// In seconds with three decimals. Without a floating-point number: there are six in each line.
  Line& operator<<(std::chrono::nanoseconds time) {
    constexpr std::int64_t kMillisecond = 1'000'000;
    const std::int64_t milliseconds = (std::abs(time.count()) + kMillisecond / 2) / kMillisecond;
    if (time.count() < 0) {
      *end_++ = '-';
    }
    if (milliseconds == 0) {
      return *this << "0.000";
    }
    *this << static_cast<std::uint64_t>(milliseconds / 1000);
    *end_++ = '.';
    for (const std::int64_t unit : {100, 10, 1}) {
      *end_++ = static_cast<char>('0' + milliseconds / unit % 10);
    }
    return *this;
  }
  void append_redacted(std::string_view uri) {
    redact_uri_into(uri, [this](std::string_view piece) { *this << piece; });
  }
  [[nodiscard]] std::string_view text() const {
    return {text_.data(), static_cast<std::size_t>(end_ - text_.data())};
  }

 private:
  fmt::basic_memory_buffer<char, 1024> text_;
  char* end_ = nullptr;
};

/// What the line's own words and its numbers take at most, and how much a target grows that is redacted: each
/// of its parameters by no more than the word that stands for the secret.
std::size_t longest_line(const RequestRecord& record) {
  constexpr std::size_t kOwnWords = 384;
  constexpr std::size_t kGrowth = std::string_view{"<redacted>"}.size();
  const auto parameters = static_cast<std::size_t>(std::ranges::count(record.uri, '&')) + 1;
  return kOwnWords + record.ip_address.size() + record.site_tag.size() + record.authenticated_entity.size() +
         record.requester.size() + record.method.size() + record.uri.size() + parameters * kGrowth +
         record.protocol.size() + record.user_agent.size();
}

void append_request_line(Line& line, const RequestRecord& record) {
  line << record.ip_address << " - " << record.site_tag << " - {";
  if (!record.authenticated_entity.empty() && record.authenticated_entity != record.requester) {
    line << record.authenticated_entity << "|";
  }
  line << (record.requester.empty() ? std::string_view{"None"} : record.requester)
       << "} Processed request: " << record.processing << "sec/" << record.sending << "sec ru=("
       << record.usage.utime << "sec, " << record.usage.stime << "sec) db=(" << record.usage.db_sched_duration
       << "sec/" << record.usage.db_txn_duration << "sec/" << record.usage.db_txn_count << ") "
       << record.response_bytes << "B " << std::uint64_t{record.code};
  if (record.client_vanished) {
    line << "!";
  }
  line << " \"" << record.method << " ";
  line.append_redacted(record.uri);
  line << " " << record.protocol << "\" \""
       << (record.user_agent.empty() ? std::string_view{"-"} : record.user_agent) << "\" ["
       << record.usage.evt_db_fetch_count << " dbevts]";
}

}  // namespace

std::string redact_uri(std::string_view uri) {
  std::string out;
  out.reserve(uri.size());
  redact_uri_into(uri, [&out](std::string_view piece) { out.append(piece); });
  return out;
}

std::string format_request_line(const RequestRecord& record) {
  Line line{longest_line(record)};
  append_request_line(line, record);
  return std::string{line.text()};
}

log::Logger access_logger(std::string_view scheme, std::string_view site_tag) {
  return log::Logger{fmt::format("lares.access.{}.{}", scheme, site_tag)};
}

void log_request(const log::Logger& access, const RequestRecord& record) {
  const bool dull = record.method == "OPTIONS" || path_of(record.uri) == "/health";
  const log::Level level = dull ? log::Level::kDebug : log::Level::kInfo;
  if (access.enabled(level)) {
    Line line{longest_line(record)};
    append_request_line(line, record);
    access.message(level, line.text());
  }
}

void log_request(std::string_view scheme, const RequestRecord& record) {
  log_request(access_logger(scheme, record.site_tag), record);
}

void log_received_request(const log::Logger& access, std::string_view method, std::string_view uri) {
  if (access.enabled(log::Level::kDebug)) {
    access.debug("Received request: {} {}", method, redact_uri(uri));
  }
}

void log_received_request(std::string_view scheme, std::string_view site_tag, std::string_view method,
                          std::string_view uri) {
  log_received_request(access_logger(scheme, site_tag), method, uri);
}

}  // namespace lares
