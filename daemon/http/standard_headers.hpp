// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace lares::http {

/// What lets web clients of any origin talk to us. spec: Client-Server API, "Web Browser Clients"
inline constexpr std::string_view kCorsHeaders =
    "Access-Control-Allow-Origin: *\r\n"
    "Access-Control-Allow-Methods: GET, HEAD, POST, PUT, DELETE, OPTIONS\r\n"
    "Access-Control-Allow-Headers: X-Requested-With, Content-Type, Authorization, Date\r\n";

/// Answers of the API are about now.
inline constexpr std::string_view kNoCache = "Cache-Control: no-cache, no-store, must-revalidate\r\n";

}  // namespace lares::http
