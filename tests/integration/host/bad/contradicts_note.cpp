// SPDX-License-Identifier: Apache-2.0
// Its note and its descriptor say different things.
#include <lares/plugin/descriptor.hpp>

__attribute__((section(".lares.plugin"), used)) static const char kNote[] =
    "LARES-PLUGIN 1\ntier=in-tree\nabi=1\nfingerprint=" LARES_FINGERPRINT
    "\nname=contradicts_note\nversion=1\n";
extern "C" LARES_EXPORT const lares::plugin::Descriptor lares_plugin_descriptor = {.name = "something_else"};
