// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/storage/migration.hpp>

namespace lares::identity {

/// The tables of accounts, devices, tokens, profiles and half-finished dialogues.
[[nodiscard]] storage::Schema identity_schema();

}  // namespace lares::identity
