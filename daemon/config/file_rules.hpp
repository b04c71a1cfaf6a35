// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <config/rule_context.hpp>

namespace lares::config {

/// Part of check_process_rules, where ReadOptions::look_at_files asks for it: the files and folders that the
/// process will open are there and can be read. Opens nothing for writing.
void check_file_rules(RuleContext& rules);

}  // namespace lares::config
