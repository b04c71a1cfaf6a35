// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/plugin/config.hpp>

namespace lares::host {

/// Puts the log as `log.*` says: sink, layout, levels. **Errors**: StartError if the file cannot be opened.
void configure_logging(const Config& config);

/// Warns of levels for loggers that this process does not have. Once everything has started: loggers are made
/// with what logs.
void warn_of_unknown_loggers(const Config& config);

/// Takes up the levels of a reloaded configuration; those that only the former one set go back to their
/// default.
void apply_log_levels(const Config& before, const Config& after);

}  // namespace lares::host
