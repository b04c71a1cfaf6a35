// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>

#include <nlohmann/json_fwd.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace lares::http {

/// A member of a request's body that is a string where it is there; null counts as absent.
/// **Errors**: MatrixError M_BAD_JSON.
[[nodiscard]] LARES_EXPORT std::optional<std::string> optional_string(const nlohmann::json& body,
                                                                      const char* key);
/// **Errors**: MatrixError M_MISSING_PARAM, M_BAD_JSON.
[[nodiscard]] LARES_EXPORT std::string required_string(const nlohmann::json& body, const char* key);

/// The JSON object that a query parameter is, as deep as a request's body may be by default. `name` is the
/// parameter's. **Errors**: MatrixError M_NOT_JSON, M_BAD_JSON.
[[nodiscard]] LARES_EXPORT nlohmann::json query_object(std::string_view text, const char* name);

}  // namespace lares::http
