// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task.hpp>
#include <lares/base/export.hpp>
#include <lares/http/method.hpp>
#include <lares/json/value.hpp>

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lares::http {

/// One request after the gate: routed, its body read within the route's limit.
///
/// **Threads**: the connection's loop. **Lifetime**: until the response was handed over; all views point into
/// it.
class LARES_EXPORT Request {
 public:
  virtual ~Request();

  [[nodiscard]] virtual Method method() const noexcept = 0;
  /// As received, with the query.
  [[nodiscard]] virtual std::string_view target() const noexcept = 0;
  /// The value, percent-decoded, of a `{name}` in the route's path. The name must be one of the route's.
  [[nodiscard]] virtual const std::string& param(std::string_view name) const = 0;
  /// The first value of a query parameter, decoded.
  [[nodiscard]] virtual std::optional<std::string> query(std::string_view name) const = 0;
  [[nodiscard]] virtual std::vector<std::string> query_all(std::string_view name) const = 0;
  /// The first header of this name, in any case; empty if there is none.
  [[nodiscard]] virtual std::string_view header(std::string_view name) const noexcept = 0;
  /// The body as received, after decoding of its content coding.
  [[nodiscard]] virtual std::string_view body() const noexcept = 0;
  /// The client's address: the socket's, or the first of X-Forwarded-For behind a listener with
  /// `x_forwarded`.
  [[nodiscard]] virtual std::string_view client_ip() const noexcept = 0;
  [[nodiscard]] virtual std::string_view user_agent() const noexcept = 0;
  /// When the last byte of the request was read, by the wall clock, milliseconds since the epoch.
  [[nodiscard]] virtual std::int64_t received_ts() const noexcept = 0;

  /// From here on a client that goes away does not cancel the work: call it before the first write.
  virtual void shield_from_cancellation() noexcept = 0;
  /// Names the kind of this request for the metrics, where one route serves several ("initial_sync",
  /// "incremental_sync"). The values are a closed set that the route declares.
  virtual void set_tag(std::string_view tag) noexcept = 0;

  /// The body as a JSON object, checked for depth and UTF-8. An absent body is an empty object where the
  /// route says so.
  /// **Errors**: MatrixError M_NOT_JSON for what is no JSON, M_BAD_JSON for another type than an object.
  [[nodiscard]] const nlohmann::json& json();
  /// The same without building a tree: for handlers that read a member or two, or pass the bytes on.
  /// **Errors**: as json().
  [[nodiscard]] json::Value json_view();
  /// Query parameters with the checks that clients expect. **Errors**: MatrixError M_INVALID_PARAM.
  [[nodiscard]] std::int64_t query_integer(std::string_view name, std::int64_t fallback, std::int64_t minimum,
                                           std::int64_t maximum) const;
  [[nodiscard]] bool query_bool(std::string_view name, bool fallback) const;

 protected:
  Request();
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  /// How the body is to be read; for the daemon, before the first call of json() or json_view().
  void set_json_rules(std::uint32_t max_depth, bool body_optional) noexcept;
  /// Forgets what was parsed, so that the object can serve the next request of its connection.
  void reset_json() noexcept;

 private:
  struct Tree;
  std::unique_ptr<Tree> tree_;
  json::Value view_;
  std::uint32_t json_depth_ = 100;
  bool body_optional_ = false;
};

}  // namespace lares::http
