// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/storage/migration.hpp>

namespace lares::receipts {

[[nodiscard]] storage::Schema receipts_schema();

}  // namespace lares::receipts
