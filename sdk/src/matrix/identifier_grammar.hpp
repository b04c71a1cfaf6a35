// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

// Forms of identifiers without the limit on their length, which events of older room versions count
// otherwise.

namespace lares::matrix::detail {

[[nodiscard]] bool valid_strict_localpart(std::string_view localpart) noexcept;
[[nodiscard]] bool user_id_form(std::string_view text) noexcept;
[[nodiscard]] bool room_id_form(std::string_view text) noexcept;
[[nodiscard]] bool event_id_form(std::string_view text) noexcept;

}  // namespace lares::matrix::detail
