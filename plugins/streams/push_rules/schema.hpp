// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/storage/migration.hpp>

#include <cstdint>

namespace lares::push_rules {

/// `push_exceptions.notify`: service::Notify, and beside it the place from which a user's counts begin.
inline constexpr std::int64_t kJoinedHere = 3;
/// How long it is remembered that an unread event is something else to a user than to the others.
inline constexpr std::int64_t kExceptionAgeMs = std::int64_t{30} * 24 * 3600 * 1000;

[[nodiscard]] storage::Schema push_rules_schema();

}  // namespace lares::push_rules
