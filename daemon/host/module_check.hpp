// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/module/module.h>

#include <optional>
#include <string>
#include <string_view>

namespace lares::host {

/// Why a module is not taken, and what to do about it: two parts of what an administrator reads.
struct ModuleFault {
  std::string reason;
  std::string remedy;
};

/// What is wrong with a module's descriptor, which is null where the file exports none. `name` is that of the
/// file and of its note. The server and the runner ask this one function, so that a module is taken in a
/// process of its own where it is taken in the server's.
[[nodiscard]] std::optional<ModuleFault> fault_of(const lares_module_descriptor* descriptor,
                                                  std::string_view name);

}  // namespace lares::host
