// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/storage/migration.hpp>

namespace lares::to_device {

/// Messages that wait for one device; beyond it the oldest go.
inline constexpr std::int64_t kMostWaiting = 10'000;

[[nodiscard]] storage::Schema to_device_schema();

}  // namespace lares::to_device
