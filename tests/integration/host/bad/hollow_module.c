/* SPDX-License-Identifier: Apache-2.0 */
/* A module whose descriptor is there, and has nothing in it. */
#include <lares/module/module.h>

LARES_MODULE_NOTE("hollow_module", "1");
LARES_MODULE_EXPORT const lares_module_descriptor lares_module_entry = {
    LARES_MODULE_DESCRIPTOR_HEAD,
    .name = "hollow_module",
    .version = "1",
};
