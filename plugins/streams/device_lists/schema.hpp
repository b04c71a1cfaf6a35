// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/storage/migration.hpp>

namespace lares::device_lists {

[[nodiscard]] storage::Schema device_lists_schema();

}  // namespace lares::device_lists
