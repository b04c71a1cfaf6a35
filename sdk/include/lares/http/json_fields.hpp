// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>

#include <nlohmann/json_fwd.hpp>

#include <optional>
#include <string>

namespace lares::http {

/// A member of a request's body that is a string where it is there; null counts as absent.
/// **Errors**: MatrixError M_BAD_JSON.
[[nodiscard]] LARES_EXPORT std::optional<std::string> optional_string(const nlohmann::json& body,
                                                                      const char* key);
/// **Errors**: MatrixError M_MISSING_PARAM, M_BAD_JSON.
[[nodiscard]] LARES_EXPORT std::string required_string(const nlohmann::json& body, const char* key);

}  // namespace lares::http
