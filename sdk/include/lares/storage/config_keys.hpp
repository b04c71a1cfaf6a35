// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>
#include <lares/plugin/declarations.hpp>

namespace lares::storage {

/// Declares `database.*`. Both engines read these keys, and both declare them, so that a configuration is
/// checked in the same way whichever it names.
LARES_EXPORT void declare_database_keys(Declarations& declarations);

}  // namespace lares::storage
