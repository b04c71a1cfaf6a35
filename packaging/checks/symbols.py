#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the libraries export: symbols.py BUILD_DIR.

An in-tree plugin defines one symbol of its own, the descriptor. Beside it there may be weak ones that templates of other
libraries leave behind, since those must be one in the whole process; but no class of Lares may have its vtable or typeinfo
in a plugin. A module exports its entry and nothing else at all.
"""

import glob
import os
import re
import subprocess
import sys

import tree

DESCRIPTOR = "lares_plugin_descriptor"
MODULE_ENTRY = re.compile(r"^lares_module_\w+$")
WEAK = "VvWwu"


def exported(library):
    """(type, demangled name) of the dynamic symbols that a library defines."""
    out = subprocess.run(["nm", "-D", "-C", "--defined-only", library], check=True, capture_output=True, text=True).stdout
    for line in out.splitlines():
        kind, name = re.match(r"^[0-9a-f]* +(\w) (.*)$", line).groups()
        yield kind, name.split("@")[0]


def main():
    build = sys.argv[1]
    faults = []
    for library in sorted(glob.glob(os.path.join(build, "lib/lares/plugins/*.so"))):
        symbols = list(exported(library))
        if DESCRIPTOR not in [name for _, name in symbols]:
            faults.append("%s: no %s" % (library, DESCRIPTOR))
        for kind, name in symbols:
            own = re.match(r"(?:vtable for |typeinfo (?:name )?for |VTT for |guard variable for )?lares::", name)
            if kind not in WEAK and name != DESCRIPTOR:
                faults.append("%s exports %s: give it hidden visibility or a home in liblares" % (library, name))
            elif own and kind in WEAK and name.startswith(("vtable", "typeinfo", "VTT")):
                faults.append("%s exports '%s': the class needs an out-of-line destructor in liblares" % (library, name))
    for library in sorted(glob.glob(os.path.join(build, "lib/lares/modules/*.so"))):
        for _, name in exported(library):
            if not MODULE_ENTRY.match(name):
                faults.append("%s exports %s; a module exports its entry alone" % (library, name))
    tree.finish(faults, "Visibility is explained in docs/quality.md.")


if __name__ == "__main__":
    sys.exit(main())
