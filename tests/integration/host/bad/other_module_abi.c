/* SPDX-License-Identifier: Apache-2.0 */
/* A module for an ABI that is not there yet. Its constructor must not run. */
#include <lares/module/module.h>

#include <stdio.h>

__attribute__((section(".lares.plugin"), used)) static const char note[] =
    "LARES-PLUGIN 1\ntier=module\nabi=2\nname=other_module_abi\nversion=1\n";

__attribute__((constructor)) static void run(void) {
  puts("code of another ABI ran");
}

LARES_MODULE_EXPORT const lares_module_descriptor lares_module_entry = {.magic = LARES_MODULE_MAGIC,
                                                                        .abi_major = 2};
