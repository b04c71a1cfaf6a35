#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compiles each public header by itself: headers.py BUILD_DIR. A header that did not change is not compiled again."""

import concurrent.futures
import hashlib
import json
import os
import subprocess
import sys

import tree

FLAGS = ["-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter",
         # A header that is compiled as the main file is no #pragma once to speak of, and uses few of its own functions.
         "-Wno-pragma-once-outside-header", "-Wno-unused-function", "-Wno-unused-const-variable",
         "-DBOOST_ASIO_SEPARATE_COMPILATION", "-DBOOST_ASIO_DYN_LINK", "-DBOOST_BEAST_SEPARATE_COMPILATION",
         "-DBOOST_ASIO_NO_DEPRECATED", "-DBOOST_DLL_USE_STD_FS"]


def compilations(path):
    """(language, standard) pairs in which a header must stand alone."""
    if path.endswith(".h"):
        return [("c-header", "c11"), ("c++-header", "c++17")]
    # Authors of modules may be behind us.
    return [("c++-header", "c++20" if path.startswith("sdk/module/") else "c++23")]


def compile_alone(path, build):
    for language, standard in compilations(path):
        compiler = "clang-19" if language.startswith("c-") else "clang++-19"
        includes = ["-I" + os.path.join(tree.ROOT, "sdk/include"), "-I" + os.path.join(tree.ROOT, "sdk/module/include"),
                    "-I" + os.path.join(build, "generated")]
        done = subprocess.run([compiler, "-x", language, "-std=" + standard, *FLAGS, *includes,
                               os.path.join(tree.ROOT, path)], capture_output=True, text=True)
        if done.returncode != 0:
            return "%s does not compile by itself (%s):\n%s" % (path, standard, done.stderr)
    return None


def main():
    build = os.path.abspath(sys.argv[1])
    headers = tree.cxx_files("sdk/include/", "sdk/module/")
    headers = [path for path in headers if path.endswith((".h", ".hpp")) and not path.startswith("sdk/module/src/")]
    # What a header pulls in may have changed as well, so the mark is of them all.
    mark = hashlib.sha256("".join(tree.text(path) for path in headers).encode() + "".join(FLAGS).encode()).hexdigest()
    stamp = os.path.join(build, "headers.stamp")
    passed = {}
    if os.path.exists(stamp):
        with open(stamp) as file:
            passed = json.load(file)
    if passed.get("mark") == mark:
        return 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        faults = [fault for fault in pool.map(lambda path: compile_alone(path, build), headers) if fault]
    if not faults:
        with open(stamp, "w") as file:
            json.dump({"mark": mark}, file)
    tree.finish(faults, "A public header includes what it uses.")


if __name__ == "__main__":
    sys.exit(main())
