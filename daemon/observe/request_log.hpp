// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/log_context.hpp>
#include <lares/base/log.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace lares {

/// What the line about a finished request says.
struct RequestRecord {
  /// The client's address, or the path of the socket it came through.
  std::string_view ip_address{};
  /// The listener's tag, as configured; else its port or socket.
  std::string_view site_tag{};
  /// A user or a server; empty when nobody authenticated.
  std::string_view requester{};
  /// Who authenticated when acting as `requester`; else empty.
  std::string_view authenticated_entity{};
  /// From the request's arrival to the end of its handler.
  std::chrono::nanoseconds processing{0};
  /// From the end of the handler until the response was sent; negative when it was sent before the handler
  /// ended.
  std::chrono::nanoseconds sending{0};
  Usage usage{};
  std::uint64_t response_bytes = 0;
  /// HTTP status.
  unsigned code = 0;
  /// The client went away before it had the whole response.
  bool client_vanished = false;
  std::string_view method{};
  /// As it came; written redacted.
  std::string_view uri{};
  /// `HTTP/1.1`.
  std::string_view protocol{};
  /// Empty: `-`.
  std::string_view user_agent{};
};

/// The line's text.
[[nodiscard]] std::string format_request_line(const RequestRecord& record);

/// Where a listener's request lines go: `lares.access.http.TAG`, or `lares.access.https.TAG` for TLS. Kept by
/// the listener.
[[nodiscard]] log::Logger access_logger(std::string_view scheme, std::string_view site_tag);

/// Writes the line as INFO; as DEBUG for /health and for OPTIONS.
///
/// Called under the request's context, whose fields the record carries.
void log_request(const log::Logger& access, const RequestRecord& record);
/// The same for who has not kept the logger.
void log_request(std::string_view scheme, const RequestRecord& record);

/// `Received request: METHOD uri`, as DEBUG, on arrival.
void log_received_request(const log::Logger& access, std::string_view method, std::string_view uri);
void log_received_request(std::string_view scheme, std::string_view site_tag, std::string_view method,
                          std::string_view uri);

/// A request's target with the values of access_token and client_secret replaced by `<redacted>`.
[[nodiscard]] std::string redact_uri(std::string_view uri);

}  // namespace lares
