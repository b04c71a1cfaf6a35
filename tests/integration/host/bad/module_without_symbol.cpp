// SPDX-License-Identifier: Apache-2.0
// A module with a note and no descriptor. The linker flags of lares_module() do not let one be built.
__attribute__((section(".lares.plugin"), used)) static const char kNote[] =
    "LARES-PLUGIN 1\ntier=module\nabi=1\nname=module_without_symbol\nversion=1\n";
