#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whether the module ABI is still the one that was released: abi.py [HEADERS]. Asks libabigail's abidiff.

The descriptions stand in sdk/module/abi, one for each version of the ABI, and are never made anew. `abi.py --describe` writes
that of a version which has none.
"""

import os
import re
import subprocess
import sys
import tempfile

import tree

FOLDER = os.path.join(tree.ROOT, "sdk/module/abi")
ABI_HEADER = "lares/module/abi.h"


def version_of(headers):
    with open(os.path.join(headers, ABI_HEADER)) as file:
        text = file.read()
    return ".".join(re.search(r"#define LARES_MODULE_ABI_%s (\d+)u" % part, text).group(1) for part in ("MAJOR", "MINOR"))


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, cwd=tree.ROOT)


def build(headers, library):
    done = run("clang-19", "-std=c11", "-shared", "-nostdlib", "-fPIC", "-g", "-O0", "-fvisibility=hidden", "-I", headers,
               "sdk/module/abi/description.c", "-o", library)
    if done.returncode != 0:
        tree.finish(["sdk/module/abi/description.c: does not compile:\n" + done.stderr],
                    "A type that was removed or renamed is a break; a new one gets its line there.")


def main():
    arguments = sys.argv[1:]
    describe = "--describe" in arguments
    headers = next((os.path.abspath(argument) for argument in arguments if not argument.startswith("-")),
                   os.path.join(tree.ROOT, "sdk/module/include"))
    version = version_of(headers)
    description = os.path.join(FOLDER, version + ".abi")
    with tempfile.TemporaryDirectory(prefix="lares-abi-") as folder:
        library = os.path.join(folder, "module_abi.so")
        build(headers, library)
        if describe:
            if os.path.exists(description):
                tree.finish([description + ": is there already"],
                            "What was released does not change: raise LARES_MODULE_ABI_MINOR in " + ABI_HEADER + ".")
            done = run("abidw", "--no-show-locs", "--no-corpus-path", "--no-comp-dir-path", "--no-architecture",
                       "--out-file", description, library)
            tree.finish([done.stderr] if done.returncode != 0 else [], "abidw could not describe the headers.")
        if not os.path.exists(description):
            tree.finish(["sdk/module/abi: version %s of the ABI has no description" % version],
                        "packaging/checks/abi.py --describe writes it; the layout test holds what must stay.")
        # Even what abidiff calls harmless (another sign, a parameter more behind a pointer) is a break for a module.
        done = run("abidiff", "--harmless", "--no-architecture", description, library)
        if done.returncode != 0:
            tree.finish([done.stdout + done.stderr],
                        "The module ABI is not what was released as %s. A struct may grow at its end: raise "
                        "LARES_MODULE_ABI_MINOR and describe that version with --describe. Anything else breaks every module "
                        "that there is." % version)


if __name__ == "__main__":
    sys.exit(main())
