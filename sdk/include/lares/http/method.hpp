// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>

#include <cstdint>
#include <string_view>

namespace lares::http {

/// The methods that Matrix uses. HEAD is answered from GET, OPTIONS by the gate (CORS).
enum class Method : std::uint8_t { Get, Put, Post, Delete, Patch };

/// "GET", "PUT" and so on.
[[nodiscard]] LARES_EXPORT std::string_view to_string(Method method) noexcept;

}  // namespace lares::http
