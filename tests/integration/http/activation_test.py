# SPDX-License-Identifier: Apache-2.0
"""A listening socket that the service manager passes is used instead of one of our own."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest
import urllib.request

PROGRAM = os.path.join(os.environ["LARES_BUILD_DIR"], "tests", "http_activation_server")

# LISTEN_PID must name the process that is to take the sockets, so the child sets it and becomes the program.
CHILD = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.set_inheritable(3, True)
os.environ["LISTEN_FDS"] = "1"
os.environ["LISTEN_PID"] = str(os.getpid() + int(sys.argv[3]))
os.execv(sys.argv[2], [sys.argv[2], sys.argv[4]])
"""


def run(place, descriptor, pid_offset):
    child = [sys.executable, "-c", CHILD, str(descriptor), PROGRAM, str(pid_offset), str(place)]
    return subprocess.Popen(child, pass_fds=[descriptor], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


class ActivationTest(unittest.TestCase):
    def setUp(self):
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]

    def tearDown(self):
        self.listening.close()

    def test_the_passed_socket_is_used(self):
        process = run(self.port, self.listening.fileno(), 0)
        try:
            self.assertEqual(process.stdout.readline(), f"127.0.0.1 {self.port}\n")
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=10) as answer:
                self.assertEqual(answer.read(), b"OK")
        finally:
            process.communicate(timeout=10)
        self.assertEqual(process.returncode, 0)

    def test_sockets_for_another_process_are_left_alone(self):
        process = run(self.port, self.listening.fileno(), 1)
        out, _ = process.communicate(timeout=10)
        self.assertIn("Address already in use", out)
        self.assertEqual(process.returncode, 78)

    def test_the_file_of_a_passed_unix_socket_stays_for_the_next_start(self):
        folder = tempfile.mkdtemp(prefix="lares-activation-", dir="/tmp")
        self.addCleanup(shutil.rmtree, folder)
        path = os.path.join(folder, "socket")
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(path)
            listening.listen()
            for _ in range(2):
                process = run(path, listening.fileno(), 0)
                self.assertEqual(process.stdout.readline(), path + " 0\n")
                with socket.socket(socket.AF_UNIX) as client:
                    client.connect(path)
                    client.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                    self.assertIn(b"HTTP/1.1 200 OK", client.makefile("rb").read())
                process.communicate(timeout=10)
                self.assertEqual(process.returncode, 0)
            self.assertTrue(os.path.exists(path))


if __name__ == "__main__":
    unittest.main()
