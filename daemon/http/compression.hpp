// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lares::http {

/// Whether a client takes gzip, by its Accept-Encoding header.
[[nodiscard]] bool accepts_gzip(std::string_view accept_encoding) noexcept;

/// Whether a body of this type is worth compressing: text and JSON, not media.
[[nodiscard]] bool compressible(std::string_view content_type) noexcept;

[[nodiscard]] std::string gzip(std::string_view data);

/// Undoes gzip or zlib. Nothing when the data is damaged or cut short. `too_large` is set when the result
/// would be beyond `limit`, which is what a small body that unpacks to gigabytes ends at.
[[nodiscard]] std::optional<std::string> gunzip(std::string_view data, std::uint64_t limit, bool& too_large);

}  // namespace lares::http
