// SPDX-License-Identifier: Apache-2.0
// A plugin of a later release.
#include <cstdio>

__attribute__((section(".lares.plugin"), used)) static const char kNote[] =
    "LARES-PLUGIN 1\ntier=in-tree\nabi=2\nfingerprint=lares 9.9.9\nname=other_abi\nversion=9.9.9\n";
[[gnu::constructor]] static void run() {
  std::puts("code of another ABI ran");
}
