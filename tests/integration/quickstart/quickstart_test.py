# SPDX-License-Identifier: Apache-2.0
"""packaging/quickstart with one process on SQLite."""

import os
import re
import signal
import socket
import threading
import unittest

from lares_test import Client, MatrixError, Server, reserve_port, wait_until
from tree import Tree, lives, mode, wait_for_the_end


def client(port):
    return Client("http://127.0.0.1:%d" % port)


def listening(port):
    """A socket of the test's own on the port."""
    taken = socket.socket()
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    taken.bind(("127.0.0.1", port))
    taken.listen()
    return taken


class QuickstartTest(unittest.TestCase):
    def setUp(self):
        self.tree = Tree(self)
        self.port = reserve_port()

    def assert_registration_is_closed(self, port):
        with self.assertRaises(MatrixError) as refused:
            client(port).register("mallory")
        self.assertEqual(refused.exception.status, 403)

    def test_the_first_run_makes_everything_and_serves(self):
        pid, said = self.tree.background("--port", self.port, "--server-name", "hs.test", "--open-registration")
        alice = client(self.port).register("alice")
        self.assertEqual(alice.user_id, "@alice:hs.test")
        self.assertEqual(self.tree.noted_pid("laresd.pid"), pid)
        self.assertTrue(os.readlink("/proc/%d/exe" % pid).endswith("/bin/laresd"))
        self.assertIn("http://127.0.0.1:%d" % self.port, said)
        self.assertEqual(mode(self.tree.data), 0o700)
        for name in os.listdir(self.tree.data):
            self.assertEqual(mode(self.tree.path(name)) & 0o007, 0, name)

    def test_run_again_it_says_what_runs_and_starts_nothing(self):
        pid, _ = self.tree.background("--port", self.port, "--open-registration")
        again, said = self.tree.background()
        self.assertEqual(again, pid)
        self.assertIn("started with --port %d --open-registration" % self.port, said)
        self.assertIn("http://127.0.0.1:%d" % self.port, said)
        self.assertEqual(self.tree.background("--port", self.port, "--open-registration")[0], pid)

    def test_options_that_are_not_in_force_are_refused_while_it_runs(self):
        pid, _ = self.tree.background("--port", self.port)
        for options in (["--port", reserve_port()], ["--open-registration"], ["--no-rate-limits"]):
            said = self.tree.run(*options, code=1)
            self.assertIn("without %s" % " ".join(map(str, options)), said)
            self.assertIn("kill %d" % pid, said)
            self.assertNotIn("Register with", said)
        self.assert_registration_is_closed(self.port)
        os.kill(pid, signal.SIGTERM)
        other = reserve_port()
        self.tree.background("--port", other, "--open-registration")
        client(other).register("alice")

    def test_without_rate_limits_it_admits_what_they_refuse(self):
        def statuses():
            return [client(self.port).raw("GET", "/_matrix/client/v3/register/available?username=user%d" % number).status
                    for number in range(4)]
        pid, _ = self.tree.background("--port", self.port, "--open-registration")
        self.assertEqual(statuses(), [200, 200, 200, 429])
        os.kill(pid, signal.SIGTERM)
        self.tree.background("--port", self.port, "--open-registration", "--no-rate-limits")
        self.assertEqual(statuses(), [200] * 4)

    def test_another_server_name_is_refused(self):
        self.tree.background("--port", self.port, "--server-name", "hs.test")
        self.assertIn("a server name cannot change", self.tree.run("--server-name", "other.test", code=1))

    def test_a_port_that_is_taken_is_refused(self):
        with listening(self.port):
            said = self.tree.run("--port", self.port, code=1)
            self.assertIn("something else listens on 127.0.0.1:%d" % self.port, said)
            self.assertFalse(os.path.exists(self.tree.path("laresd.pid")))

    def test_what_is_no_port_is_refused(self):
        for port in ("0", "08", "0x1f90", "65536", "-1", "8008a"):
            said = self.tree.run("--port", port, code=1)
            self.assertEqual(said, "quickstart: --port wants a number from 1 to 65535, not '%s'\n" % port)
        self.assertEqual(self.tree.run("--port", "", code=1), "quickstart: --port wants a value\n")

    def test_build_only_starts_nothing(self):
        said = self.tree.run("--build-only")
        self.assertEqual(said.splitlines()[-1], "Built: %s/laresd" % self.tree.bin)
        self.assertFalse(os.path.exists(self.tree.data))
        with open(self.tree.built) as file:
            self.assertRegex(file.read(), r"cmake --preset release.*\nninja .*lares_runtime\n")

    def test_in_the_foreground_sigterm_ends_it(self):
        quickstart = self.tree.start("--port", self.port)
        quickstart.wait_ready(lambda: "Ctrl-C" in quickstart.log_text())
        self.assertEqual(client(self.port).raw("GET", "/_matrix/client/versions").status, 200)
        pid = self.tree.noted_pid("laresd.pid")
        self.assertEqual(quickstart.stop(), 0)
        self.assertFalse(lives(pid))
        self.assertFalse(os.path.exists(self.tree.path("laresd.pid")))

    def test_it_waits_for_one_that_is_ending_and_starts_anew(self):
        former, _ = self.tree.background("--port", self.port)
        # The end waits for this request.
        held = socket.create_connection(("127.0.0.1", self.port))
        self.addCleanup(held.close)
        held.sendall(b"POST /_matrix/client/v3/login HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n"
                     b"Expect: 100-continue\r\n\r\n")
        self.assertIn(b"100", held.recv(100))
        os.kill(former, signal.SIGTERM)
        wait_until(lambda: "Stopping" in self.log(), what="the beginning of the end")
        quickstart = self.tree.start("--background")
        quickstart.wait_ready(lambda: "Process %d" % former in quickstart.log_text())
        self.assertTrue(lives(former))
        held.close()
        self.assertEqual(quickstart.wait(), 0)
        self.assertFalse(lives(former))
        pid = int(re.search(r"^pid (\d+)\n\Z", quickstart.log_text(), re.MULTILINE)[1])
        self.assertNotEqual(pid, former)
        self.assertEqual(client(self.port).raw("GET", "/_matrix/client/versions").status, 200)

    def log(self):
        with open(self.tree.path("laresd.log"), errors="replace") as file:
            return file.read()

    def test_two_at_once_start_one(self):
        pids = []
        threads = [threading.Thread(target=lambda: pids.append(self.tree.background("--port", self.port)[0]))
                   for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(pids, [self.tree.noted_pid("laresd.pid")] * 2)

    def test_a_stopped_one_is_named_with_what_to_do(self):
        pid, _ = self.tree.background("--port", self.port)
        os.kill(pid, signal.SIGSTOP)
        said = self.tree.run(code=1)
        self.assertIn("process %d" % pid, said)
        self.assertIn("kill -CONT %d" % pid, said)
        os.kill(pid, signal.SIGCONT)
        self.assertEqual(self.tree.background()[0], pid)

    def test_a_stranger_that_has_the_number_of_the_last_one_is_not_taken_for_it(self):
        with Server() as stranger:
            os.makedirs(self.tree.data)
            with open(self.tree.path("laresd.pid"), "w") as file:
                file.write("%d\n" % stranger.process.pid)
            pid, _ = self.tree.background("--port", self.port)
            self.assertNotEqual(pid, stranger.process.pid)
            self.assertEqual(client(self.port).raw("GET", "/_matrix/client/versions").status, 200)
            self.assertTrue(stranger.process.running())

    def test_the_folder_of_several_processes_is_refused(self):
        os.makedirs(self.tree.path("postgres"))
        self.assertIn("--workers", self.tree.run("--port", self.port, code=1))

    def test_sighup_to_the_number_that_it_prints_reloads(self):
        pid, _ = self.tree.background("--port", self.port)
        self.assert_registration_is_closed(self.port)
        self.tree.open_registration()
        os.kill(pid, signal.SIGHUP)
        wait_until(lambda: "Reloaded" in self.log(), what="the reload")
        client(self.port).register("alice")
        os.kill(pid, signal.SIGTERM)
        wait_for_the_end(pid)


if __name__ == "__main__":
    unittest.main(verbosity=2)
