#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whether a forbidden include fails to compile: paths.py BUILD_DIR.

Asks the compiler, with the command of one source of each folder, which headers of the other folders it would find; that has to
be what the table of includes.py allows, and no more. What goes around the include paths (`../`) is found by includes.py.
"""

import concurrent.futures
import json
import os
import shlex
import subprocess
import sys

import includes
import tree

# What a public header of an area is called by who may include it.
ROOTS = {"sdk/module": ("sdk/module/include",), "sdk": ("sdk/include",), "daemon": ("daemon",), "modules": ("modules",),
         "plugins": ("plugins",)}


def headers_by_area():
    """For each area one header, by each name that somebody might include it with."""
    found = {}
    for path in tree.cxx_files("sdk/include/", "sdk/module/include/", "daemon/", "plugins/", "modules/"):
        area = includes.area(path)
        if area not in found and path.endswith((".hpp", ".h")):
            roots = ROOTS.get(area) or ROOTS[area.split("/")[0]]
            found[area] = [os.path.relpath(path, root) for root in roots] + [path]
    return found


def commands_by_area(build):
    with open(os.path.join(build, "compile_commands.json")) as file:
        entries = json.load(file)
    found = {}
    for entry in entries:
        path = os.path.relpath(os.path.realpath(os.path.join(entry["directory"], entry["file"])), tree.ROOT)
        if path.startswith(("sdk/src/", "daemon/", "plugins/", "modules/")) and not path.endswith("_test.cpp"):
            words = shlex.split(entry["command"])
            # Without ccache in front, the output, and the source itself.
            while words and not os.path.basename(words[0]).startswith(("clang", "g++", "gcc", "c++")):
                words.pop(0)
            arguments = [word for at, word in enumerate(words)
                         if word not in ("-c", "-o") and words[at - 1] not in ("-c", "-o")]
            # The program that runs a module elsewhere is no part of the daemon that runs here.
            area = "daemon/host/module_runner" if path.startswith("daemon/host/module_runner/") else includes.area(path)
            found.setdefault(area, (path, arguments))
    return found


def main():
    build = os.path.abspath(sys.argv[1])
    headers = headers_by_area()
    question = "".join("#if __has_include(<%s>)\nFOUND %s\n#endif\n" % (name, area)
                       for area, names in headers.items() for name in names)

    def findable(arguments):
        done = subprocess.run([*arguments, "-E", "-P", "-x", "c++", "-"], input=question, capture_output=True, text=True,
                              cwd=build)
        if done.returncode != 0:
            return {"nothing: " + done.stderr.strip()}
        return {line.split()[1] for line in done.stdout.splitlines() if line.startswith("FOUND ")}

    commands = commands_by_area(build)
    faults = []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        answers = pool.map(lambda item: (item[0], item[1][0], findable(item[1][1])), commands.items())
    for area, path, found in answers:
        may = {"sdk/module", "daemon/host"} if area == "daemon/host/module_runner" else set(includes.allowed(area) or ())
        if "sdk" in may or area == "sdk":
            # liblares brings the module headers along.
            may |= {"sdk/module"}
        faults += ["%s: %s finds headers of %s" % (path, area, other) for other in sorted(found - may - {area})]
        faults += ["%s: %s does not find headers of %s, which it may include" % (path, area, other)
                   for other in sorted(may & {"sdk", "sdk/module"} - found)]
    for area in ("sdk", "daemon/config", "daemon/ctl", "daemon/host", "daemon/http", "daemon/observe"):
        if area not in commands:
            faults.append("%s: no source of it is in compile_commands.json" % area)
    tree.finish(faults, "Include paths are those of the target's own folder and of the targets that it links.")


if __name__ == "__main__":
    sys.exit(main())
