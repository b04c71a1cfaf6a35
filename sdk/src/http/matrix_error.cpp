// SPDX-License-Identifier: Apache-2.0
#include <lares/http/matrix_error.hpp>

#include <lares/json/writer.hpp>

#include <algorithm>

namespace lares::http {

MatrixError::MatrixError(int status, std::string_view errcode, std::string_view message)
    : std::runtime_error(std::string(message)), status_(status), errcode_(errcode) {}

MatrixError::MatrixError(const MatrixError&) = default;

MatrixError::~MatrixError() = default;

MatrixError&& MatrixError::with(std::string_view field, std::string_view json_text) && {
  fields_.emplace_back(field, json_text);
  return std::move(*this);
}

MatrixError&& MatrixError::with_header(std::string_view name, std::string_view value) && {
  headers_.emplace_back(name, value);
  return std::move(*this);
}

MatrixError&& MatrixError::because(std::string_view detail) && {
  detail_ = detail;
  return std::move(*this);
}

std::string MatrixError::body() const {
  std::string out = R"({"errcode":)";
  json::append_string(out, errcode_);
  out += R"(,"error":)";
  json::append_string(out, what());
  for (const auto& [name, value] : fields_) {
    out += ',';
    json::append_string(out, name);
    out += ':';
    out += value;
  }
  out += '}';
  return out;
}

MatrixError forbidden(std::string_view message) {
  return {403, "M_FORBIDDEN", message};
}
MatrixError not_found(std::string_view message) {
  return {404, "M_NOT_FOUND", message};
}
MatrixError unrecognized(std::string_view message) {
  return {404, "M_UNRECOGNIZED", message};
}
MatrixError bad_json(std::string_view message) {
  return {400, "M_BAD_JSON", message};
}
MatrixError not_json(std::string_view message) {
  return {400, "M_NOT_JSON", message};
}
MatrixError missing_param(std::string_view message) {
  return {400, "M_MISSING_PARAM", message};
}
MatrixError invalid_param(std::string_view message) {
  return {400, "M_INVALID_PARAM", message};
}
MatrixError unknown(std::string_view message) {
  return {400, "M_UNKNOWN", message};
}
MatrixError too_large(std::string_view message) {
  return {413, "M_TOO_LARGE", message};
}

MatrixError limit_exceeded(std::chrono::milliseconds retry_after) {
  // Retry-After counts in whole seconds, and a client that came back too early would be refused again.
  const auto ms = std::max<std::int64_t>(retry_after.count(), 1);
  return MatrixError{429, "M_LIMIT_EXCEEDED", "Too Many Requests"}
      .with("retry_after_ms", std::to_string(ms))
      .with_header("Retry-After", std::to_string((ms + 999) / 1000));
}

MatrixError missing_token() {
  return {401, "M_MISSING_TOKEN", "Missing access token"};
}

MatrixError unknown_token(std::string_view message, bool soft_logout) {
  return MatrixError{401, "M_UNKNOWN_TOKEN", message}.with("soft_logout", soft_logout ? "true" : "false");
}

MatrixError unavailable(std::string_view message) {
  return {503, "M_UNKNOWN", message};
}

}  // namespace lares::http
