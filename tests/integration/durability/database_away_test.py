# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL goes away under a server, or stands still, and comes back."""

import concurrent.futures
import os
import signal
import subprocess
import unittest
from urllib.parse import quote

from lares_test import Postgres, Server, Workers, wait_until

V3 = "/_matrix/client/v3"


class Away:
    """`server`, its processes, and how its database goes and comes."""

    def prepare(self):
        self.alice, self.bob = self.server.register("alice"), self.server.register("bob")
        self.room = self.alice.create_room()
        self.bob.join(self.room)
        self.sent = [self.alice.send(self.room, "before")]
        self.bob.sync()

    def requests(self):
        """Reads and writes that no cache answers."""
        user, room = quote(self.alice.user_id, safe=""), self.alice.room_path
        return [
            ("PUT", room(self.room, "send", "m.room.message", "away"), {"msgtype": "m.text", "body": "away"}),
            ("PUT", room(self.room, "state", "m.room.topic"), {"topic": "away"}),
            ("POST", V3 + "/createRoom", {}),
            ("PUT", "%s/user/%s/account_data/test" % (V3, user), {"x": "y"}),
            ("PUT", V3 + "/sendToDevice/test/away", {"messages": {self.bob.user_id: {"*": {"x": "y"}}}}),
            ("POST", V3 + "/keys/upload", {"one_time_keys": {"test:A": "x"}}),
            ("POST", room(self.room, "receipt", "m.read", self.sent[0]), {}),
            ("POST", V3 + "/login", {"type": "m.login.password", "password": "correct horse",
                                     "identifier": {"type": "m.id.user", "user": "alice"}}),
            ("POST", V3 + "/user/%s/filter" % user, {"room": {"timeline": {"limit": 7}}}),
            ("POST", V3 + "/keys/query", {"device_keys": {self.bob.user_id: []}}),
            ("GET", V3 + "/room_keys/version", None),
            ("GET", room(self.room, "messages") + "?dir=f&limit=3", None),
            ("GET", V3 + "/devices", None),
            ("GET", V3 + "/user/%s/filter/77" % user, None),
        ]

    def ask(self, request):
        answer = self.alice.raw(*request)
        self.alice.disconnect()
        return answer

    def test_requests_are_refused_with_503_until_it_is_back(self):
        self.prepare()
        pids = self.pids()
        self.stop()
        # All at once, since each waits for a while whether the database comes back.
        with concurrent.futures.ThreadPoolExecutor(len(self.requests())) as pool:
            answers = list(pool.map(self.ask, self.requests()))
        for (method, path, _), answer in zip(self.requests(), answers):
            with self.subTest(method=method, path=path, answer=answer.text[:200]):
                self.assertEqual((answer.status, answer.json and answer.json.get("errcode")), (503, "M_UNKNOWN"))
        self.start()
        wait_until(lambda: self.ask(self.requests()[0]).status == 200, timeout=60, what="a message after PostgreSQL is back")
        event = self.alice.put(self.requests()[0][1], self.requests()[0][2])["event_id"]
        self.sent += [event, self.alice.send(self.room, "after")]
        wait_until(lambda: [e["event_id"] for e in self.bob.history(self.room) if e["type"] == "m.room.message"] == self.sent,
                   timeout=60, what="all messages once")
        # A body that is right is taken again, whatever was refused before.
        for request in self.requests():
            answer = self.ask(request)
            self.assertIn(answer.status, (200, 404), (request, answer.text[:200]))
        self.bob.sync_until(lambda answer: self.sent[-1] in [e["event_id"] for e in self.bob.timeline(answer, self.room)],
                            timeout=60)
        self.assertEqual(self.pids(), pids, "a process ended with its database")


class AwayFromOneProcess(Away, unittest.TestCase):
    def setUp(self):
        self.postgres = self.enterContext(Postgres())
        self.server = self.enterContext(Server(database=self.postgres.create_database()))
        self.stop, self.start = self.postgres.stop, self.postgres.start

    def pids(self):
        return [self.server.process.pid, self.server.process.running()]


class AwayFromACluster(Away, unittest.TestCase):
    def setUp(self):
        self.server = self.enterContext(Workers())
        self.start = self.server.start

    def stop(self):
        self.server.kill("postgres")

    def pids(self):
        return [self.server.pid(name) for name in self.server.LARES]


class StandsStill(unittest.TestCase):
    """It is there, takes connections, and does not answer."""

    def setUp(self):
        self.postgres = self.enterContext(Postgres())
        # Threads that a process leaves behind when it ends although something in it goes on: the log says so.
        sanitizer = os.environ.get("TSAN_OPTIONS", "") + ":report_thread_leaks=0"
        self.server = Server(database=self.postgres.create_database(), environment={"TSAN_OPTIONS": sanitizer})
        self.addCleanup(self.server.close)

    def freeze(self):
        main = self.postgres.process.pid
        children = subprocess.run(["pgrep", "-P", str(main)], stdout=subprocess.PIPE, text=True, check=True).stdout.split()
        self.frozen = [main, *map(int, children)]
        self.addCleanup(self.go_on)
        for pid in self.frozen:
            os.kill(pid, signal.SIGSTOP)

    def go_on(self):
        for pid in self.frozen:
            try:
                os.kill(pid, signal.SIGCONT)
            except ProcessLookupError:
                pass

    def test_requests_are_refused_with_503_until_it_goes_on(self):
        alice = self.server.start().register("alice")
        self.addCleanup(alice.disconnect)
        self.freeze()
        self.assertEqual(alice.raw("GET", V3 + "/devices").status, 503)
        self.go_on()
        wait_until(lambda: alice.raw("GET", V3 + "/devices").status == 200, timeout=60, what="an answer after it goes on")

    def test_a_start_without_it_may_be_tried_again(self):
        self.postgres.stop()
        self.server.process.start()
        self.assertEqual(self.server.process.wait(30), 1, "78 would tell the service manager not to")
        self.assertIn("PostgreSQL cannot be used", self.server.process.log_text())

    def test_sigterm_ends_a_start_that_waits_for_another_process_in_the_database(self):
        database = self.server.config["database"]["args"]["dbname"]
        self.postgres.sql("CREATE TABLE lares_locks ()", database)
        # As one that changes the database for hours.
        other = subprocess.Popen([os.path.join(self.postgres.bin, "psql"), "-h", self.postgres.folder, "-U",
                                  self.postgres.superuser, "-d", database, "-qX"], stdin=subprocess.PIPE)
        self.addCleanup(other.wait)
        self.addCleanup(other.stdin.close)
        other.stdin.write(b"BEGIN; LOCK TABLE lares_locks IN EXCLUSIVE MODE;\n")
        other.stdin.flush()
        self.server.process.start()
        wait_until(lambda: self.postgres.sql("SELECT count(*) FROM pg_locks WHERE NOT granted", database) == [["1"]],
                   timeout=60, what="the server's wait")
        self.server.process.signal(signal.SIGTERM)
        self.server.process.wait(60)


if __name__ == "__main__":
    unittest.main(verbosity=2)
