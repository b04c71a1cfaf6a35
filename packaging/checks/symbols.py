#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the libraries export: symbols.py BUILD_DIR.

An in-tree plugin defines one symbol of its own, the descriptor. Beside it there may be weak ones that templates of other
libraries leave behind, since those must be one in the whole process; but no class of Lares may have its vtable or typeinfo
in a plugin, and a plugin has no object at namespace scope that is set up or changed at run time: its constructor would run
before anybody has looked at the file, and its state would be that of every server in the process. A module exports its entry
and nothing else at all.
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


def changing_objects(library):
    """Names of Lares' own objects at namespace scope that are no constants; those inside of functions are let pass."""
    out = subprocess.run(["nm", "-C", library], check=True, capture_output=True, text=True).stdout
    for name in re.findall(r"^[0-9a-f]+ [bB] (lares::.*)$", out, re.M):
        if "(" not in name.replace("(anonymous namespace)", ""):
            yield name


def main():
    build = sys.argv[1]
    faults = []
    for library in sorted(glob.glob(os.path.join(build, "lib/lares/plugins/*.so"))):
        symbols = list(exported(library))
        if DESCRIPTOR not in [name for _, name in symbols]:
            faults.append("%s: no %s" % (library, DESCRIPTOR))
        for name in changing_objects(library):
            faults.append("%s has %s at namespace scope: make it a constant, or a member of the plugin" % (library, name))
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
