// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <spdlog/common.h>

#include <string_view>

namespace lares::log {

/// Appends `text` without the secrets in it; whether there were any.
bool append_redacted(spdlog::memory_buf_t& out, std::string_view text);

}  // namespace lares::log
