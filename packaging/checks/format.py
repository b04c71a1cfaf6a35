#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Asks clang-format whether every C and C++ file stands as .clang-format says. `format.py --fix` puts them right."""

import concurrent.futures
import os
import subprocess
import sys

import tree


def main():
    mode = ["-i"] if "--fix" in sys.argv[1:] else ["--dry-run", "--Werror", "--ferror-limit=2"]
    files = tree.cxx_files()
    batches = [files[start:start + 16] for start in range(0, len(files), 16)]

    def run(batch):
        return subprocess.run(["clang-format-19", *mode, *batch], cwd=tree.ROOT, capture_output=True, text=True)

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        faults = [done.stderr.rstrip() for done in pool.map(run, batches) if done.returncode != 0]
    tree.finish(faults, "packaging/checks/format.py --fix puts them right.")


if __name__ == "__main__":
    sys.exit(main())
