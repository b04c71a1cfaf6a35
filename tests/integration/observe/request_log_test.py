# SPDX-License-Identifier: Apache-2.0
"""The request log over real connections: clients that go away, and secrets."""

import json
import re
import socket
import struct
import unittest
from urllib.parse import quote

from lares_test import Server, wait_until

V3 = "/_matrix/client/v3"
LINE = re.compile(r" - lares\.access\.http\.(?P<tag>\S+) - \d+ - (?P<level>\w+) - (?P<request>\S+) - (?P<ip>\S+) - \S+ - "
                  r"{(?P<requester>[^}]*)} Processed request: [\d.]+sec/-?[\d.]+sec ru=\([\d.]+sec, [\d.]+sec\) "
                  r"db=\([\d.]+sec/[\d.]+sec/(?P<txns>\d+)\) (?P<bytes>\d+)B (?P<code>\d+!?) "
                  r'"(?P<method>\w+) (?P<uri>\S+) HTTP/1\.1" "(?P<agent>[^"]*)" \[(?P<fetched>\d+) dbevts\]$', re.M)


class Raw:
    """A connection that does what a client library would not."""

    def __init__(self, server, receive_buffer=None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(20)
        self.socket.connect(("127.0.0.1", server.port))

    def get(self, path, token):
        head = "GET %s HTTP/1.1\r\nHost: hs.test\r\nAuthorization: Bearer %s\r\n\r\n" % (path, token)
        self.socket.sendall(head.encode())

    def reset(self):
        """Goes away with a reset instead of a farewell."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


class RequestLog(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(config={"log": {"level": "DEBUG"}, "presence": {"enabled": False}})
        cls.addClassCleanup(cls.server.close)
        cls.server.start()
        cls.alice = cls.server.register("alice")

    def lines(self, server=None):
        return [match.groupdict() for match in LINE.finditer((server or self.server).process.log_text())]

    def line_with(self, mark):
        return wait_until(lambda: next((line for line in self.lines() if mark in line["uri"]), None),
                          what="a line with " + mark)

    def in_flight(self, mark):
        """Waits until the request with `mark` has reached the server."""
        wait_until(lambda: re.search(r"Received request: \w+ \S*" + mark, self.server.process.log_text()))

    def test_a_request_has_a_line_with_all_fields(self):
        self.alice.raw("GET", V3 + "/account/whoami?mark=whole", headers={"User-Agent": "tests/1"})
        line = self.line_with("mark=whole")
        self.assertEqual((line["requester"], line["code"], line["method"], line["agent"], line["ip"], line["tag"]),
                         ("@alice:hs.test", "200", "GET", "tests/1", "127.0.0.1", str(self.server.port)))
        self.assertRegex(line["request"], r"^GET-\d+$")
        self.assertEqual(line["level"], "INFO")

    def test_nobody_is_None_and_health_checks_are_quiet(self):
        self.server.client().raw("GET", V3 + "/login?mark=nobody")
        self.assertEqual(self.line_with("mark=nobody")["requester"], "None")
        self.server.client().raw("GET", "/health?mark=health")
        self.assertEqual(self.line_with("mark=health")["level"], "DEBUG")

    def test_transactions_and_events_from_the_database_are_counted(self):
        room = self.alice.create_room()
        self.alice.raw("PUT", self.alice.room_path(room, "state", "m.room.topic") + "?mark=write", {"topic": "x"})
        self.assertGreaterEqual(int(self.line_with("mark=write")["txns"]), 1)
        self.server.restart()
        self.alice.raw("GET", self.alice.room_path(room, "state") + "?mark=cold")
        self.assertGreaterEqual(int(self.line_with("mark=cold")["fetched"]), 1)
        self.alice.raw("GET", self.alice.room_path(room, "state") + "?mark=warm")
        self.assertEqual(self.line_with("mark=warm")["fetched"], "0", "a cache's answer is no fetch")

    def test_a_long_poll_whose_client_goes_away_was_cancelled(self):
        self.alice.sync()
        connection = Raw(self.server)
        connection.get(V3 + "/sync?timeout=60000&mark=polled&since=" + quote(self.alice.since), self.alice.token)
        self.in_flight("mark=polled")
        connection.reset()
        line = self.line_with("mark=polled")
        self.assertEqual((line["code"], line["requester"]), ("499!", "@alice:hs.test"))

    def test_a_client_that_goes_away_within_the_response_is_marked(self):
        room = self.alice.create_room()
        for _ in range(100):
            self.alice.send(room, "x" * 60000)
        # More than the buffers of both sides hold, so that the response cannot be complete.
        connection = Raw(self.server, receive_buffer=4096)
        connection.get(self.alice.room_path(room, "messages") + "?dir=b&limit=100&mark=large", self.alice.token)
        self.assertTrue(connection.socket.recv(100).startswith(b"HTTP/1.1 200"))
        connection.reset()
        self.assertEqual(self.line_with("mark=large")["code"], "200!")

    def test_a_write_is_finished_though_its_client_has_gone(self):
        room = self.alice.create_room()
        for number in range(20):
            connection = Raw(self.server)
            body = b'{"msgtype":"m.text","body":"sent and gone %d"}' % number
            path = self.alice.room_path(room, "send", "m.room.message", "gone%d" % number)
            connection.socket.sendall(("PUT %s?mark=gone%d. HTTP/1.1\r\nHost: hs.test\r\nAuthorization: Bearer %s\r\n"
                                       "Content-Length: %d\r\n\r\n" % (path, number, self.alice.token, len(body))).encode()
                                      + body)
            self.in_flight(r"mark=gone%d\." % number)
            connection.reset()
        sent = 0
        for number in range(20):
            code = self.line_with("mark=gone%d." % number)["code"]
            # Cancelled before it began to write, or written to the end: never half.
            self.assertIn(code, ("200", "200!", "499!"))
            stored = any(event["content"].get("body") == "sent and gone %d" % number for event in self.alice.history(room)
                         if event["type"] == "m.room.message")
            if code != "499!":
                self.assertTrue(stored, "answered with %s and lost" % code)
            sent += stored
        self.assertGreater(sent, 0)


class Secrets(unittest.TestCase):
    """Every way in which a secret can reach the server, at the lowest level of every logger."""

    layout = "human"

    def test_no_line_has_a_secret(self):
        server = Server(config={"log": {"level": "DEBUG", "format": self.layout}, "worker_replication_secret":
                                "REPLICATION-SECRET", "refreshable_access_token_lifetime": "1h"})
        with server:
            alice = server.register("alice", password="ALICES-PASSWORD", refresh_token=True)
            admin = server.register_admin("admin", password="ADMINS-PASSWORD")
            secrets = {"ALICES-PASSWORD", "ADMINS-PASSWORD", "NEW-PASSWORD", "WRONG-PASSWORD", "CLIENT-SECRET",
                       "REPLICATION-SECRET", server.config["registration_shared_secret"], alice.token, alice.refresh_token,
                       admin.token}
            token, anyone = alice.token, server.client()
            room = alice.create_room()
            for path in (V3 + "/account/whoami", V3 + "/sync", V3 + "/nothing", "/nothing",
                         alice.room_path("!x:hs.test", "messages")):
                anyone.raw("GET", path + "?access_token=" + token)
                anyone.raw("GET", path + "?x=1&access_token=" + quote(token, safe="") + "&client_secret=CLIENT-SECRET")
                anyone.raw("GET", path + "?ACCESS_TOKEN=" + token)
                anyone.raw("GET", path, headers={"Authorization": "Bearer %s x" % token})
                anyone.raw("GET", path, headers={"Authorization": "Basic " + token})
                anyone.raw("GET", path, headers={"User-Agent": "Bearer " + token})
                # Both at once is refused.
                alice.raw("GET", path + "?access_token=" + token)
            # Where no secret belongs: in a path, in another parameter, in an error's text.
            anyone.raw("GET", V3 + "/profile/" + token)
            alice.raw("POST", V3 + "/join/" + quote("#%s:hs.test" % token, safe=""), {})
            alice.raw("GET", V3 + "/sync?since=" + token)
            alice.raw("PUT", alice.room_path(room, "send", "m.room.message", token), {"body": 1.5})
            alice.raw("POST", V3 + "/createRoom", b'{"access_token": "%s", "refresh_token": "%s", '
                      % (token.encode(), alice.refresh_token.encode()))
            anyone.raw("POST", V3 + "/login", {"type": "m.login.password", "password": "WRONG-PASSWORD",
                                               "identifier": {"type": "m.id.user", "user": "alice"}})
            anyone.raw("POST", V3 + "/login", {"type": "m.login.password", "password": ["WRONG-PASSWORD"], "user": "alice"})
            answer = anyone.raw("POST", V3 + "/refresh", {"refresh_token": alice.refresh_token}).json
            secrets |= {answer["access_token"], answer["refresh_token"]}
            alice.token = answer["access_token"]
            dialogue = alice.raw("POST", V3 + "/account/password", {"new_password": "NEW-PASSWORD"}).json
            alice.raw("POST", V3 + "/account/password", {
                "new_password": "NEW-PASSWORD", "auth": {"type": "m.login.password", "session": dialogue["session"],
                                                         "identifier": {"type": "m.id.user", "user": "alice"},
                                                         "password": "ALICES-PASSWORD"}})
            anyone.raw("POST", "/_lares/replication/v1/events/write", {}, {"Authorization": "Bearer REPLICATION-SECRET"})
            alice.raw("POST", V3 + "/logout", {})
            wait_until(lambda: "/logout" in server.process.log_text())
            server.stop()
            log = server.process.log_text()
            self.assertIn("<redacted>", log)
            self.assertIn("Received request", log, "DEBUG lines have to be there for the test to mean something")
            found = ["%s: %s" % (secret, line[:300]) for secret in secrets for line in log.splitlines() if secret in line]
            self.assertEqual(found, [], "\n".join(found))
            if self.layout != "human":
                for line in log.splitlines():
                    json.loads(line)


class SecretsInJson(Secrets):
    layout = "json"


if __name__ == "__main__":
    unittest.main(warnings="ignore")
