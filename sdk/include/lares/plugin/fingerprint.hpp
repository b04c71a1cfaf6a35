// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>

#include <string_view>

namespace lares {

/// What liblares.so was built from and with, as legible text. A plugin of another build is refused by
/// comparing with it.
[[nodiscard]] LARES_EXPORT std::string_view build_fingerprint() noexcept;

/// The release, "0.1.0".
[[nodiscard]] LARES_EXPORT std::string_view version() noexcept;

}  // namespace lares
