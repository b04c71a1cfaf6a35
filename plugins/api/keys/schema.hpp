// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/storage/migration.hpp>

namespace lares::keys {

[[nodiscard]] storage::Schema keys_schema();

}  // namespace lares::keys
