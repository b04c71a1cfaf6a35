// SPDX-License-Identifier: Apache-2.0
// Has a note and no descriptor.
#include <lares/plugin/descriptor.hpp>

__attribute__((section(".lares.plugin"), used)) static const char kNote[] =
    "LARES-PLUGIN 1\ntier=in-tree\nabi=1\nfingerprint=" LARES_FINGERPRINT "\nname=no_symbol\nversion=1\n";
