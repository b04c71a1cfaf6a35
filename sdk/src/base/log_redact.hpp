// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace lares::log {

/// Appends `text` without the secrets in it; whether there were any.
bool append_redacted(std::string& out, std::string_view text);

}  // namespace lares::log
