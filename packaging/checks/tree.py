# SPDX-License-Identifier: Apache-2.0
"""The files of the tree, and their text without comments: what the checks of this folder read."""

import functools
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CXX = (".cpp", ".hpp", ".h", ".c")

_COMMENT_OR_STRING = re.compile(
    r"""//[^\n]* | /\*.*?\*/ | R"(?P<delimiter>[^()\s\\]{0,16})\(.*?\)(?P=delimiter)" |
        "(?:\\.|[^"\\\n])*" | (?<![0-9a-zA-Z_])'(?:\\.|[^'\\\n])*' """, re.S | re.X)


@functools.cache
def files():
    """Paths below the root, of files that git knows or would add; without git, all but what is built."""
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-co", "--exclude-standard", "-z"], capture_output=True)
    if listed.returncode == 0:
        paths = listed.stdout.decode().split("\0")
    else:
        paths = []
        for folder, folders, names in os.walk(ROOT):
            folders[:] = [name for name in folders if name not in ("build", "data", "node_modules", "__pycache__")]
            paths += [os.path.relpath(os.path.join(folder, name), ROOT) for name in names]
    return sorted(path for path in set(paths) if path and os.path.isfile(os.path.join(ROOT, path)))


def cxx_files(*below):
    return [path for path in files() if path.endswith(CXX) and (not below or path.startswith(below))]


@functools.cache
def text(path):
    with open(os.path.join(ROOT, path), errors="replace") as file:
        return file.read()


def code(path, strings=True):
    """The text with comments blanked out, and string literals too unless `strings`; lines keep their numbers."""
    def blank(match):
        found = match.group(0)
        if found.startswith("/") or not strings:
            return re.sub(r"[^\n]", " ", found)
        return found
    return _COMMENT_OR_STRING.sub(blank, text(path))


def line_of(content, offset):
    return content.count("\n", 0, offset) + 1


def finish(faults, remedy):
    """Prints the faults, each as path:line: what, and ends the check with the truth."""
    if faults:
        print("\n".join(faults))
        print(remedy)
        sys.exit(1)
    sys.exit(0)
