// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>
#include <lares/plugin/config.hpp>
#include <lares/plugin/declarations.hpp>

#include <string>
#include <utility>
#include <vector>

namespace lares::storage {

/// Declares `database.*`. Both engines read these keys, and both declare them, so that a configuration is
/// checked in the same way whichever it names.
LARES_EXPORT void declare_database_keys(Declarations& declarations);

/// libpq's parameters out of `database.args`, as those that were given; `database` counts as `dbname`.
[[nodiscard]] LARES_EXPORT std::vector<std::pair<std::string, std::string>> libpq_parameters(
    const Config& config);

}  // namespace lares::storage
