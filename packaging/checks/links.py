#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whether what a page of documentation links to is there."""

import os
import re
import sys

import tree


def main():
    known = set(tree.files())
    folders = {os.path.dirname(path) for path in known}
    while any(os.path.dirname(folder) not in folders for folder in folders):
        folders |= {os.path.dirname(folder) for folder in folders}
    faults = []
    for path in tree.files():
        if not path.endswith(".md"):
            continue
        content = re.sub(r"```.*?```", lambda match: re.sub(r"[^\n]", " ", match.group(0)), tree.text(path), flags=re.S)
        for match in re.finditer(r"\]\(([^)\s#]+)(?:#[^)]*)?\)", content):
            target = match.group(1)
            if re.match(r"[a-z]+:", target):
                continue
            place = os.path.normpath(os.path.join(os.path.dirname(path), target))
            if place not in known and place not in folders:
                faults.append("%s:%d: %s is not there" % (path, tree.line_of(content, match.start()), target))
    tree.finish(faults, "Correct the link, or write the page.")


if __name__ == "__main__":
    sys.exit(main())
