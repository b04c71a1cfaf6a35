# SPDX-License-Identifier: Apache-2.0
"""packaging/quickstart --workers: what is said, what is started, and what its signals do."""

import os
import signal
import socket
import subprocess
import unittest

from lares_test import Client, MatrixError, Postgres, Server, Undertaker, Workers, reserve_port, source_dir, wait_until
from tree import Tree, lives, mode, wait_for_the_end

# Of the path of a data folder.
LONGEST = 69


class QuickstartWorkersTest(unittest.TestCase):
    def setUp(self):
        self.tree = Tree(self)
        self.port = reserve_port()

    def pids(self):
        return {name: self.tree.noted_pid("run", name + ".pid") for name in Workers.ALL}

    def register(self, user):
        return Client("http://127.0.0.1:%d" % self.port).register(user)

    def has_reloaded(self, name):
        with open(self.tree.path("log", name + ".log"), errors="replace") as file:
            return "Reloaded" in file.read()

    def test_a_port_on_which_another_server_answers_is_refused_before_anything_is_started(self):
        with Server() as other:
            said = self.tree.run("--workers", "--background", "--port", other.port, code=1)
        self.assertIn("something else listens on 127.0.0.1:%d" % other.port, said)
        self.assertEqual([name for name in os.listdir(self.tree.path("run")) if name.endswith(".pid")], [])

    @unittest.skipIf(os.geteuid() != 0, "PostgreSQL runs as who starts it")
    def test_a_folder_that_postgresql_cannot_reach_is_refused(self):
        os.makedirs(self.tree.data)
        os.chmod(self.tree.data, 0o700)
        self.tree.data = self.tree.path("closed")
        self.assertIn("cannot reach " + self.tree.data, self.tree.run("--workers", "--port", self.port, code=1))

    def test_a_folder_whose_sockets_would_have_too_long_paths_is_refused(self):
        self.put_deeper(LONGEST + 1)
        self.assertIn("too long for sockets", self.tree.run("--workers", "--port", self.port, code=1))

    def put_deeper(self, length):
        """The path of the data folder gets so long, and the folder above it is not made yet, either."""
        above = self.tree.path("above", "")
        self.tree.data = above + "x" * (length - len(above))
        self.addCleanup(Undertaker(self.tree.data).close)

    @unittest.skipIf(os.geteuid() != 0, "the program that is cut off runs for root alone")
    def test_a_first_start_that_was_cut_off_is_begun_anew(self):
        self.tree.cut_initdb_off()
        self.assertIn("initdb failed", self.tree.run("--workers", "--background", "--port", self.port, code=1))
        with open(self.tree.path("workers", "replication_secret"), "w"):
            pass
        supervisor, _ = self.tree.background("--workers", "--port", self.port, "--open-registration")
        self.register("alice")
        os.kill(supervisor, signal.SIGTERM)
        wait_for_the_end(supervisor, *self.pids().values())

    def test_strangers_that_have_the_numbers_of_the_last_ones_are_not_ended(self):
        with Postgres() as postgres, Server() as server:
            os.makedirs(self.tree.path("run"))
            for name in Workers.ALL:
                stranger = postgres if name == "postgres" else server
                with open(self.tree.path("run", name + ".pid"), "w") as file:
                    file.write("%d\n" % stranger.process.pid)
            subprocess.run([os.path.join(source_dir(), "packaging", "cluster"), self.tree.data, self.tree.bin,
                            str(self.port), "stop"], check=True)
            self.assertEqual(os.listdir(self.tree.path("run")), [])
            self.assertEqual(postgres.sql("SELECT 1"), [["1"]])
            server.register("alice")

    def test_its_life(self):
        self.put_deeper(LONGEST)
        supervisor, said = self.tree.background("--workers", "--port", self.port)
        self.assertIn("http://127.0.0.1:%d" % self.port, said)
        pids = self.pids()
        self.look_at_the_modes()

        with self.subTest("run again, it starts nothing and gives the same number"):
            self.assertEqual(self.tree.background("--workers")[0], supervisor)
            self.assertEqual(self.pids(), pids)

        with self.subTest("options that are not in force are refused"):
            for options in (["--port", reserve_port()], ["--open-registration"], ["--no-rate-limits"]):
                said = self.tree.run("--workers", *options, code=1)
                self.assertIn("without %s" % " ".join(map(str, options)), said)
                self.assertIn("kill %d" % supervisor, said)
            with self.assertRaises(MatrixError) as refused:
                self.register("mallory")
            self.assertEqual(refused.exception.status, 403)

        with self.subTest("without --workers it is refused"):
            self.assertIn("--workers", self.tree.run(code=1))

        with self.subTest("nginx on another port is told from what is wanted"):
            done = subprocess.run([os.path.join(source_dir(), "packaging", "cluster"), self.tree.data, self.tree.bin,
                                   str(reserve_port()), "start"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            self.assertEqual(done.returncode, 1)
            self.assertIn("nginx runs already as process %d and listens on port %d" % (pids["nginx"], self.port), done.stdout)

        with self.subTest("a stopped one of another kind is named with what to do"):
            os.kill(pids["redis"], signal.SIGSTOP)
            self.assertIn("kill -CONT %d" % pids["redis"], self.tree.run("--workers", code=1))
            os.kill(pids["redis"], signal.SIGCONT)

        with self.subTest("one that is ending is waited for, and started anew"):
            self.start_what_is_ending("generic_worker1")

        with self.subTest("SIGHUP to the number that it prints reloads, and ends nothing"):
            pids = self.pids()
            self.tree.open_registration()
            os.kill(supervisor, signal.SIGHUP)
            wait_until(lambda: all(map(self.has_reloaded, Workers.LARES)), what="the reload")
            self.register("alice")
            self.assertEqual(self.pids(), pids)
            self.assertTrue(all(map(lives, [supervisor, *pids.values()])))

        with self.subTest("SIGHUP does not end one that has hardly started"):
            self.reload_what_is_starting("generic_worker1", supervisor)

        with self.subTest("SIGTERM to the number that it prints ends all of it"):
            pids = self.pids()
            os.kill(supervisor, signal.SIGTERM)
            wait_for_the_end(supervisor, *pids.values())
            self.assertEqual([name for name in os.listdir(self.tree.path("run")) if name.endswith(".pid")
                              and name != "nginx.master.pid"], [])

    def look_at_the_modes(self):
        """Nobody else on this machine gets at logs, sockets or configuration."""
        self.assertEqual(mode(self.tree.data) & 0o007, 0)
        for folder in ("run", "log", "workers", "postgres", "redis", "nginx"):
            self.assertEqual(mode(self.tree.path(folder)), 0o700, folder)
        for folder in (".", "log", "workers"):
            for name in os.listdir(self.tree.path(folder)):
                self.assertEqual(mode(self.tree.path(folder, name)) & 0o007, 0, name)

    def start_what_is_ending(self, name):
        former = self.tree.noted_pid("run", name + ".pid")
        # Its end waits for this request.
        with socket.socket(socket.AF_UNIX) as held:
            held.connect(self.tree.path("run", name + ".sock"))
            held.sendall(b"POST /_matrix/client/v3/login HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n"
                         b"Expect: 100-continue\r\n\r\n")
            self.assertIn(b"100", held.recv(100))
            os.kill(former, signal.SIGTERM)
            wait_until(lambda: not os.path.exists(self.tree.path("run", name + ".sock")), what="the end of its listener")
            again = self.tree.start("--workers", "--background")
            again.wait_ready(lambda: "%s (process %d)" % (name, former) in again.log_text())
            self.assertTrue(lives(former))
        self.assertEqual(again.wait(), 0)
        self.assertFalse(lives(former))
        self.assertTrue(lives(self.tree.noted_pid("run", name + ".pid")))

    def reload_what_is_starting(self, name, supervisor):
        former = self.tree.noted_pid("run", name + ".pid")
        os.kill(former, signal.SIGTERM)
        wait_for_the_end(former)
        self.tree.slow_down("setsid")
        again = self.tree.start("--workers", "--background")
        wait_until(lambda: self.is_slow(name), what="the start")
        os.kill(supervisor, signal.SIGHUP)
        self.assertEqual(again.wait(), 0, again.log_text())

    def is_slow(self, name):
        try:
            with open("/proc/%d/cmdline" % self.tree.noted_pid("run", name + ".pid")) as file:
                return self.tree.programs in file.read()
        except (OSError, ValueError):
            return False


if __name__ == "__main__":
    unittest.main(verbosity=2)
