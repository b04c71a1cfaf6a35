#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Asks clang-format whether every C and C++ file stands as .clang-format says. `format.py --fix` puts them right."""

import concurrent.futures
import os
import re
import subprocess
import sys

import tree


def main():
    mode = ["-i"] if "--fix" in sys.argv[1:] else ["--dry-run", "--Werror"]
    files = tree.cxx_files()
    batches = [files[start:start + 16] for start in range(0, len(files), 16)]

    def run(batch):
        return subprocess.run(["clang-format-19", *mode, *batch], cwd=tree.ROOT, capture_output=True, text=True)

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        complaints = "".join(done.stderr for done in pool.map(run, batches) if done.returncode != 0)
    lines = {}
    for path, line in re.findall(r"^(\S+?):(\d+):\d+: error:", complaints, re.M):
        lines.setdefault(path, []).append(line)
    faults = ["%s: lines %s" % (path, ", ".join(dict.fromkeys(found[:8]))) for path, found in lines.items()]
    if complaints and not faults:
        faults = [complaints]
    tree.finish(faults, "packaging/checks/format.py --fix puts them right.")


if __name__ == "__main__":
    sys.exit(main())
