// SPDX-License-Identifier: Apache-2.0
#include <lares/http/response.hpp>

#include <nlohmann/json.hpp>

namespace lares::http {

BodySource::~BodySource() = default;

Response Response::json(const nlohmann::json& value, int status) {
  // A string that is not UTF-8 must not turn an answer into an internal error.
  return {.status = status, .body = value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)};
}

}  // namespace lares::http
