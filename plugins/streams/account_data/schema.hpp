// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/storage/migration.hpp>

namespace lares::account_data {

[[nodiscard]] storage::Schema account_data_schema();

}  // namespace lares::account_data
