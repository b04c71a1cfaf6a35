// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace lares::http {

/// The methods that Matrix uses. HEAD is answered from GET, OPTIONS by the gate (CORS).
enum class Method : std::uint8_t { Get, Put, Post, Delete, Patch };

}  // namespace lares::http
