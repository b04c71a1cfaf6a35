// SPDX-License-Identifier: Apache-2.0
#include <host/module_check.hpp>

namespace lares::host {

std::optional<ModuleFault> fault_of(const lares_module_descriptor* descriptor, std::string_view name) {
  if (descriptor == nullptr) {
    return ModuleFault{"it has a note but does not export `" LARES_MODULE_DESCRIPTOR_SYMBOL "`",
                       "Export the descriptor and build it again."};
  }
  // A later minor version may have made the struct longer, on either side, never shorter than in 1.0.
  if (descriptor->magic != LARES_MODULE_MAGIC || descriptor->struct_size < LARES_MODULE_DESCRIPTOR_SIZE_1_0 ||
      descriptor->abi_major != LARES_MODULE_ABI_MAJOR || descriptor->tier != LARES_MODULE_TIER ||
      descriptor->name == nullptr || name != descriptor->name) {
    return ModuleFault{"its descriptor contradicts its note",
                       "It is damaged, or was built by hand: install it again."};
  }
  if (descriptor->create == nullptr || descriptor->extension == nullptr || descriptor->destroy == nullptr) {
    return ModuleFault{"its descriptor lacks `create`, `extension` or `destroy`",
                       "Correct the module and build it again."};
  }
  if (descriptor->needs != nullptr && *descriptor->needs != nullptr) {
    return ModuleFault{
        "it needs " + std::string(*descriptor->needs) + ", which this server does not offer to modules",
        "Install a newer release of Lares, or an older one of the module."};
  }
  return std::nullopt;
}

}  // namespace lares::host
