#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whether every source is compiled: lists are explicit, so a file or a folder can be forgotten in silence. And whether every
folder of sources has its page."""

import os
import re
import sys

import tree


def main():
    lists = [path for path in tree.files() if os.path.basename(path) == "CMakeLists.txt" or path.endswith(".cmake")]
    text = {path: re.sub(r"#[^\n]*", "", tree.text(path)) for path in lists}
    faults = []
    for path in tree.files():
        if not path.endswith((".cpp", ".c")) or path.startswith("sdk/examples/"):
            continue
        name = os.path.basename(path)
        folder = os.path.dirname(path)
        # A function of cmake/ adds the same file to many targets, by its whole path.
        named = any(path in text[one] for one in lists if one.startswith("cmake/"))
        # The list may stand in a folder further up, and then names the file with its way down.
        while folder and not named:
            way = os.path.relpath(path, folder)
            stem = re.compile(r"(?<![\w.-])%s(?![\w.-])" % re.escape(name.rpartition(".")[0]))
            for one in lists:
                if os.path.dirname(one) == folder:
                    # In a foreach() the name stands without its ending.
                    named = named or way in text[one] or "foreach(" in text[one] and stem.search(text[one]) is not None
            folder = os.path.dirname(folder)
        if not named:
            faults.append("%s: no CMakeLists.txt or .cmake file names %s" % (path, name))
    for path in lists:
        folder = os.path.dirname(path)
        if os.path.basename(path) != "CMakeLists.txt" or not folder or folder.startswith("sdk/examples"):
            continue
        parent, child = os.path.dirname(folder), os.path.basename(folder)
        named = False
        while not named:
            above = os.path.join(parent, "CMakeLists.txt") if parent else "CMakeLists.txt"
            named = re.search(r"(?<![\w/])%s(?![\w/])" % re.escape(child), text.get(above, "")) is not None
            if not parent:
                break
            parent, child = os.path.dirname(parent), os.path.basename(parent) + "/" + child
        if not named:
            faults.append("%s: no folder above adds %s" % (path, folder))
    folders = {os.path.dirname(path) for path in tree.files()
               if path.endswith(".cpp") and path.startswith(("daemon/", "modules/", "plugins/", "sdk/src/"))}
    for folder in sorted(folders):
        if "%s/README.md" % folder not in tree.files():
            faults.append("%s: no README.md says what is here" % folder)
    tree.finish(faults, "Add them to the list beside them, or remove them.")


if __name__ == "__main__":
    sys.exit(main())
