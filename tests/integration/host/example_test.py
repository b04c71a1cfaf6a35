# SPDX-License-Identifier: Apache-2.0
"""The examples build against an installed SDK alone, and the server takes them."""

import os
import shutil
import subprocess
import tempfile
import unittest

from lares_test.server import build_dir, source_dir


class Examples(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="lares-example-", dir="/tmp")
        self.addCleanup(shutil.rmtree, self.folder)

    def run_command(self, *command):
        result = subprocess.run(command, capture_output=True, text=True, timeout=240)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        return result.stdout

    def test_quiet_hours(self):
        prefix = os.path.join(self.folder, "prefix")
        self.run_command("cmake", "--install", build_dir(), "--prefix", prefix, "--component", "module_sdk")
        # A copy, so that nothing is found beside it in the tree.
        example = shutil.copytree(os.path.join(source_dir(), "sdk", "examples", "quiet_hours"),
                                  os.path.join(self.folder, "quiet_hours"))
        build = os.path.join(self.folder, "build")
        self.run_command("cmake", "-S", example, "-B", build, "-DCMAKE_PREFIX_PATH=" + prefix,
                         "-DCMAKE_CXX_COMPILER=clang++-19")
        self.run_command("cmake", "--build", build)
        library = os.path.join(build, "quiet_hours.so")
        said = self.run_command(os.path.join(build_dir(), "bin", "laresd"), "--check-plugin", library)
        self.assertEqual(said, "quiet_hours 1.0; a module of ABI 1.0.\n")
        exported = self.run_command("nm", "-D", "--defined-only", library).split()
        self.assertEqual(exported[2:], ["lares_module_entry"])


if __name__ == "__main__":
    unittest.main()
