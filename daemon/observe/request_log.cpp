// SPDX-License-Identifier: Apache-2.0
#include <observe/request_log.hpp>

#include <fmt/compile.h>
#include <fmt/format.h>

#include <cstdint>
#include <cstdlib>
#include <iterator>

namespace lares {

namespace {

/// Shown in seconds with three decimals. Without a floating-point number: there are six in each line, and
/// they would be half of what it costs.
struct Seconds {
  std::chrono::nanoseconds time;
};

std::string_view path_of(std::string_view uri) {
  return uri.substr(0, uri.find('?'));
}

}  // namespace

}  // namespace lares

template <>
struct fmt::formatter<lares::Seconds> {
  constexpr auto parse(fmt::format_parse_context& context) { return context.begin(); }
  template <class Context>
  auto format(const lares::Seconds& seconds, Context& context) const {
    constexpr std::int64_t kMillisecond = 1'000'000;
    const std::int64_t milliseconds = (std::abs(seconds.time.count()) + kMillisecond / 2) / kMillisecond;
    return fmt::format_to(context.out(), FMT_COMPILE("{}{}.{:03}"), seconds.time.count() < 0 ? "-" : "",
                          milliseconds / 1000, milliseconds % 1000);
  }
};

namespace lares {

std::string redact_uri(std::string_view uri) {
  std::string out;
  out.reserve(uri.size());
  const std::size_t query = uri.find('?');
  if (query == std::string_view::npos) {
    return std::string{uri};
  }
  out.append(uri.substr(0, query + 1));
  std::string_view rest = uri.substr(query + 1);
  for (;;) {
    const std::size_t end = rest.find('&');
    const std::string_view parameter = rest.substr(0, end);
    const std::size_t equals = parameter.find('=');
    const std::string_view name = parameter.substr(0, equals);
    if (equals != std::string_view::npos && (name == "access_token" || name == "client_secret")) {
      out.append(name).append("=<redacted>");
    } else {
      out.append(parameter);
    }
    if (end == std::string_view::npos) {
      return out;
    }
    out += '&';
    rest.remove_prefix(end + 1);
  }
}

namespace {

// fmt copies with memcpy, which wants a pointer even where there is nothing to copy.
std::string_view text(std::string_view view) {
  return view.empty() ? std::string_view{""} : view;
}

void append_request_line(fmt::memory_buffer& out, const RequestRecord& record) {
  const bool puppet = !record.authenticated_entity.empty() && record.authenticated_entity != record.requester;
  const std::string_view requester = record.requester.empty() ? std::string_view{"None"} : record.requester;
  fmt::format_to(
      std::back_inserter(out),
      FMT_COMPILE("{} - {} - {{{}{}{}}} Processed request: {}sec/{}sec ru=({}sec, {}sec) "
                  "db=({}sec/{}sec/{}) {}B {}{} \"{} {} {}\" \"{}\" [{} dbevts]"),
      text(record.ip_address), text(record.site_tag), text(puppet ? record.authenticated_entity : ""),
      puppet ? "|" : "", requester, Seconds{record.processing}, Seconds{record.sending},
      Seconds{record.usage.utime}, Seconds{record.usage.stime}, Seconds{record.usage.db_sched_duration},
      Seconds{record.usage.db_txn_duration}, record.usage.db_txn_count, record.response_bytes, record.code,
      record.client_vanished ? "!" : "", text(record.method), redact_uri(record.uri), text(record.protocol),
      record.user_agent.empty() ? std::string_view{"-"} : record.user_agent, record.usage.evt_db_fetch_count);
}

}  // namespace

std::string format_request_line(const RequestRecord& record) {
  fmt::memory_buffer line;
  append_request_line(line, record);
  return {line.data(), line.size()};
}

log::Logger access_logger(std::string_view scheme, std::string_view site_tag) {
  return log::Logger{fmt::format("lares.access.{}.{}", scheme, site_tag)};
}

void log_request(const log::Logger& access, const RequestRecord& record) {
  const bool dull = record.method == "OPTIONS" || path_of(record.uri) == "/health";
  const log::Level level = dull ? log::Level::kDebug : log::Level::kInfo;
  if (access.enabled(level)) {
    fmt::memory_buffer line;
    append_request_line(line, record);
    access.message(level, {line.data(), line.size()});
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
