// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/plugin/config.hpp>

namespace lares::host {

/// Puts the log as `log.*` says: sink, layout, levels. **Errors**: StartError if the file cannot be opened.
void configure_logging(const Config& config);

/// Takes up the levels of a reloaded configuration; those that only the former one set go back to their
/// default.
void apply_log_levels(const Config& before, const Config& after);

}  // namespace lares::host
