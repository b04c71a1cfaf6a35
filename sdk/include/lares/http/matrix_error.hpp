// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>

#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lares::http {

/// The error of the Matrix APIs: HTTP status, errcode, a sentence for the client, further fields, headers.
/// Thrown by handlers and services; turned into a response in one place, the gate. What is for the log alone
/// goes into `detail`.
///
/// spec: Client-Server API, "Standard error response"
class LARES_EXPORT MatrixError : public std::runtime_error {
 public:
  MatrixError(int status, std::string_view errcode, std::string_view message);
  MatrixError(const MatrixError&);
  ~MatrixError() override;

  /// Adds a member to the body, such as `soft_logout`. The value is a JSON text.
  MatrixError&& with(std::string_view field, std::string_view json_text) &&;
  MatrixError&& with_header(std::string_view name, std::string_view value) &&;
  /// What an administrator should read in the log and a client should not.
  MatrixError&& because(std::string_view detail) &&;

  [[nodiscard]] int status() const noexcept { return status_; }
  [[nodiscard]] const std::string& errcode() const noexcept { return errcode_; }
  [[nodiscard]] const std::string& detail() const noexcept { return detail_; }
  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& headers() const noexcept {
    return headers_;
  }
  /// The response body as JSON text.
  [[nodiscard]] std::string body() const;

 private:
  int status_;
  std::string errcode_;
  std::string detail_;
  std::vector<std::pair<std::string, std::string>> fields_;
  std::vector<std::pair<std::string, std::string>> headers_;
};

LARES_EXPORT MatrixError forbidden(std::string_view message);  ///< 403 M_FORBIDDEN
LARES_EXPORT MatrixError not_found(std::string_view message);  ///< 404 M_NOT_FOUND
LARES_EXPORT MatrixError
unrecognized(std::string_view message = "Unrecognized request");                 ///< 404 M_UNRECOGNIZED
LARES_EXPORT MatrixError bad_json(std::string_view message);                     ///< 400 M_BAD_JSON
LARES_EXPORT MatrixError not_json(std::string_view message);                     ///< 400 M_NOT_JSON
LARES_EXPORT MatrixError missing_param(std::string_view message);                ///< 400 M_MISSING_PARAM
LARES_EXPORT MatrixError invalid_param(std::string_view message);                ///< 400 M_INVALID_PARAM
LARES_EXPORT MatrixError unknown(std::string_view message);                      ///< 400 M_UNKNOWN
LARES_EXPORT MatrixError too_large(std::string_view message);                    ///< 413 M_TOO_LARGE
LARES_EXPORT MatrixError limit_exceeded(std::chrono::milliseconds retry_after);  ///< 429 with Retry-After
LARES_EXPORT MatrixError missing_token();                                        ///< 401 M_MISSING_TOKEN
LARES_EXPORT MatrixError unknown_token(std::string_view message,
                                       bool soft_logout = false);  ///< 401 M_UNKNOWN_TOKEN
LARES_EXPORT MatrixError unavailable(std::string_view message);    ///< 503 M_UNKNOWN, try again later

}  // namespace lares::http
