/* SPDX-License-Identifier: Apache-2.0 */
/* A module whose note and descriptor say different things. */
#include <lares/module/module.h>

LARES_MODULE_NOTE("contrary_module", "1");
LARES_MODULE_EXPORT const lares_module_descriptor lares_module_entry = {
    LARES_MODULE_DESCRIPTOR_HEAD,
    .name = "something_else",
    .version = "1",
};
