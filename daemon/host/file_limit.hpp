// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/plugin/config.hpp>

namespace lares::host {

/// Sets how many files this process may have open, as `soft_file_limit` says: connections are files, too.
/// Where http.max_connections stays out of reach, or the system does not allow it, the log says so.
void set_file_limit(const Config& config);

}  // namespace lares::host
