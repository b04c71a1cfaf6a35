// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/plugin/config.hpp>

#include "accounts.hpp"
#include "passwords.hpp"

namespace lares {
class Declarations;
}

namespace lares::identity {

/// Declares the configuration keys of this plugin.
void declare_settings(Declarations& declarations);

/// How long tokens hold by the configuration.
[[nodiscard]] TokenLifetimes lifetimes(const Config& config);
/// What a new password hash costs by the configuration.
[[nodiscard]] PasswordCost password_cost(const Config& config);

}  // namespace lares::identity
