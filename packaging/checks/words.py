#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What must not be in a tree that is finished: marks of unfinished work, places of one machine, files without licence."""

import os
import re
import sys

import tree

# Written apart, so that this file does not accuse itself.
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX|HA" r"CK|place" r"holder|not imple" r"mented|unimple" r"mented"
                        r"|for n" r"ow|dummy imple" r"mentation)\b", re.I)
MACHINE = re.compile(r"(?<![\w.])/home/[a-z]|(?<![\w.])/ro" r"ot/")
REGISTRY = re.compile(r'"resolved": *"http')
LONGEST = 900

SOURCES = (".cpp", ".hpp", ".h", ".c", ".py", ".sh", ".js", ".mjs", ".cmake", ".lua", ".sql")
PROSE = (".md", ".yaml", ".yml", ".txt", ".json", ".in")


def main():
    faults = []
    for path in tree.files():
        name = os.path.basename(path)
        is_source = path.endswith(SOURCES) or name == "CMakeLists.txt"
        if "/corpus/" in path or "/data/" in path and not is_source:
            continue
        content = tree.text(path)
        is_script = content.startswith("#!")
        if not (is_source or is_script or path.endswith(PROSE)):
            continue
        for pattern, what in ((UNFINISHED, "a mark of unfinished work"), (MACHINE, "a place of one machine")):
            if pattern is UNFINISHED and path.endswith((".json", ".yaml")):
                continue
            for match in pattern.finditer(content):
                faults.append("%s:%d: '%s': %s" % (path, tree.line_of(content, match.start()), match.group(0), what))
        if name == "package-lock.json" and REGISTRY.search(content):
            faults.append("%s: names a registry; npm's omit-lockfile-registry-resolved leaves the hashes alone" % path)
        if is_source or is_script:
            if content and "SPDX-License-Identifier: Apache-2.0" not in "\n".join(content.splitlines()[:2]):
                faults.append("%s:1: no SPDX-License-Identifier line at its head" % path)
            lines = content.count("\n")
            if path.endswith(tree.CXX) and lines > LONGEST:
                faults.append("%s:%d: longer than %d lines: does it hold one concept?" % (path, lines, LONGEST))
    tree.finish(faults, "The words: packaging/checks/words.py.")


if __name__ == "__main__":
    sys.exit(main())
