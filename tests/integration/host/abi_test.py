# SPDX-License-Identifier: Apache-2.0
"""A break of the module ABI fails the check: each way of breaking it is tried on a copy of the headers."""

import os
import shutil
import subprocess
import tempfile
import unittest

from lares_test.server import source_dir

CHECK = os.path.join(source_dir(), "packaging", "checks", "abi.py")

# What somebody might do: header, what stands there, what is put in its place.
BREAKS = {
    "a field in the middle": ("host.h", "  void* host;", "  void* host;\n  uint64_t more;"),
    "a field less": ("module.h", "  uint64_t saved_state_version;", ""),
    "another type of the same size": ("module.h", "  uint64_t saved_state_version;", "  int64_t saved_state_version;"),
    "two fields exchanged": ("abi.h", "  uint64_t index;\n  uint64_t generation;", "  uint64_t generation;\n  uint64_t index;"),
    "a parameter more": ("host.h", "(*now_ms)(void* host)", "(*now_ms)(void* host, int clock)"),
    "another result": ("host.h", "int64_t (*now_ms)", "int32_t (*now_ms)"),
    "a value that grows": ("abi.h", "} lares_text_view;", "  int more;\n} lares_text_view;"),
    "a larger text": ("abi.h", "message[1024]", "message[2048]"),
    "a type that is gone": ("abi.h", "} lares_completion;", "} lares_promise;"),
    "growth under the same version": ("host.h", "} lares_host;", "  uint64_t more;\n} lares_host;"),
}


class Abi(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="lares-abi-test-", dir="/tmp")
        self.addCleanup(shutil.rmtree, self.folder)

    def check(self, edits=()):
        """What the check says of the headers after these edits: exit code and text."""
        headers = os.path.join(self.folder, "include")
        shutil.rmtree(headers, ignore_errors=True)
        shutil.copytree(os.path.join(source_dir(), "sdk", "module", "include"), headers)
        for name, before, after in edits:
            path = os.path.join(headers, "lares", "module", name)
            with open(path) as file:
                text = file.read()
            self.assertIn(before, text)
            with open(path, "w") as file:
                file.write(text.replace(before, after, 1))
        done = subprocess.run([CHECK, headers], capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout + done.stderr

    def compile(self, *arguments):
        subprocess.run(["clang++-19", "-std=c++23", *arguments], check=True, timeout=240)

    def test_the_headers_are_what_was_released(self):
        self.assertEqual(self.check(), (0, ""))

    def test_every_break_is_seen(self):
        for name, edit in BREAKS.items():
            with self.subTest(name):
                code, text = self.check([edit])
                self.assertEqual(code, 1, text)
                self.assertRegex(text, "is not what was released as|is a break")

    def test_a_new_version_wants_a_description_of_its_own(self):
        code, text = self.check([("abi.h", "ABI_MINOR 0u", "ABI_MINOR 99u")])
        self.assertEqual(code, 1)
        self.assertIn("version 1.99 of the ABI has no description", text)

    def test_a_host_with_a_longer_descriptor_takes_modules_of_the_first_release(self):
        """The runner, built against headers whose descriptor has a field more, loads a module built against today's."""
        grown = os.path.join(self.folder, "grown")
        shutil.copytree(os.path.join(source_dir(), "sdk", "module", "include"), grown)
        path = os.path.join(grown, "lares", "module", "module.h")
        with open(path) as file:
            text = file.read()
        with open(path, "w") as file:
            file.write(text.replace("} lares_module_descriptor;", "  void (*more)(void*);\n} lares_module_descriptor;", 1))
        host = os.path.join(source_dir(), "daemon", "host")
        runner = os.path.join(self.folder, "runner")
        self.compile("-I", grown, "-I", os.path.dirname(host), os.path.join(host, "module_runner", "main.cpp"),
                     *(os.path.join(host, name + ".cpp") for name in ("module_check", "module_slots", "module_wire")), "-o", runner)
        # Not the build's own, which may have a sanitizer in it.
        guard = os.path.join(source_dir(), "modules", "invite_guard")
        module = os.path.join(self.folder, "invite_guard.so")
        self.compile("-shared", "-fPIC", "-fvisibility=hidden", "-I",
                     os.path.join(source_dir(), "sdk", "module", "include"), "-I", guard,
                     *(os.path.join(guard, name) for name in sorted(os.listdir(guard)) if name.endswith(".cpp")), "-o", module)
        done = subprocess.run([runner, module], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, ""))


if __name__ == "__main__":
    unittest.main()
