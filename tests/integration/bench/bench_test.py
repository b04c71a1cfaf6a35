# SPDX-License-Identifier: Apache-2.0
"""tests/bench/run measures a server that it starts, and one that somebody else has started."""

import json
import os
import subprocess
import tempfile
import unittest

from lares_test import Server, source_dir

RUN = os.path.join(source_dir(), "tests", "bench", "run")


class BenchTest(unittest.TestCase):
    def run_it(self, *arguments):
        with tempfile.NamedTemporaryFile("r", suffix=".json") as figures:
            done = subprocess.run([RUN, "--small", "--seconds", "1", "--runs", "1", "--json", figures.name, *arguments],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            self.assertEqual(done.returncode, 0, done.stdout)
            return {figure["name"]: figure["value"] for figure in json.load(figures)}

    def test_a_server_that_it_starts(self):
        figures = self.run_it("--only", "versions,send_rooms,empty_sync,pagination,join,start_up")
        self.assertEqual(len(figures), 7)
        self.assertTrue(all(value > 0 for value in figures.values()), figures)

    def test_a_server_of_others(self):
        with Server() as server:
            figures = self.run_it("--base", server.base, "--pids", str(server.process.pid), "--only",
                                  "versions,send_alone,initial_sync,start_up")
        # It is not its to start.
        self.assertEqual(len(figures), 3)

    def test_an_error_is_a_failed_workload(self):
        with Server() as server, tempfile.NamedTemporaryFile("w", suffix=".json") as filled:
            json.dump({"accounts": {"solo": {"token": "of nobody"}}, "own_rooms": {"solo": "!no:room"}}, filled)
            filled.flush()
            done = subprocess.run([RUN, "--seconds", "1", "--runs", "1", "--base", server.base, "--filled", filled.name,
                                   "--only", "send_alone"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("FAILED", done.stdout)


if __name__ == "__main__":
    unittest.main()
