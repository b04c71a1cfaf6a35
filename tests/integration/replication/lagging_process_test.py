# SPDX-License-Identifier: Apache-2.0
"""A process that hears late of what another wrote: it takes its time, but denies nothing that was acknowledged."""

import contextlib
import json
import os
import queue
import socket
import threading
import time
import unittest
from urllib.parse import quote

from cluster import Worker
from lares_test import Client, MatrixError, Postgres, Server, reserve_port, wait_until

# Longer than any request of the test takes.
LATE = 20


class LateLine:
    """Between a worker and the main process's replication listener: from `late` on, what main says is held back; while it is
    `cut`, there is no connection."""

    def __init__(self, target):
        self.target = target
        self.late = False
        self._cut, self._connections = False, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                worker, _ = self.listener.accept()
                if self._cut:
                    worker.close()
                    continue
                main = socket.create_connection(("127.0.0.1", self.target))
                self._connections += [worker, main]
                heard = queue.Queue()
                for work in [(self._copy, worker, main.sendall), (self._copy, main, heard.put),
                             (self._deliver, heard, worker)]:
                    threading.Thread(target=work[0], args=work[1:], daemon=True).start()

    @staticmethod
    def _copy(source, give):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                give(data)
            give(b"")

    def _deliver(self, heard, worker):
        with contextlib.suppress(OSError):
            while data := heard.get():
                if self.late:
                    time.sleep(LATE)
                worker.sendall(data)
            worker.close()

    @contextlib.contextmanager
    def cut(self):
        self._cut = True
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._connections.clear()
        try:
            yield
        finally:
            self._cut = False

    def close(self):
        self.listener.close()


class LaggingProcessTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with contextlib.ExitStack() as stack:
            postgres = stack.enter_context(Postgres())
            main_port, reader_port, lines = reserve_port(), reserve_port(), reserve_port()
            cls.main = Server(name="cluster.test", database=postgres.create_database(), config={
                "worker_replication_secret": "between processes",
                "instance_map": {"main": {"host": "127.0.0.1", "port": main_port}}})
            cls.main.config["signing_key_path"] = os.path.join(cls.main.folder, "signing.key")
            cls.main.config["listeners"] += [
                {"port": main_port, "bind_addresses": ["127.0.0.1"], "type": "http",
                 "resources": [{"names": ["replication"]}]},
                {"port": lines, "type": "replication"}]
            cls.main.write_config()
            cls.between = Client("http://127.0.0.1:%d" % main_port, "between processes")
            cls.line = LateLine(lines)
            stack.callback(cls.line.close)
            cls.reader = Worker("reader1", cls.main, reader_port)
            cls.reader.config["worker_replication_port"] = cls.line.port
            cls.reader.config["worker_listeners"][0]["resources"] = [{"names": ["client"]}]
            cls.reader.write_config()
            stack.push(cls.main.__exit__)
            stack.push(cls.reader.__exit__)
            cls.main.start()
            cls.reader.start()
            cls.addClassCleanup(stack.pop_all().close)

    def setUp(self):
        self.line.late = False
        name = self.id().rpartition(".")[2][-40:]
        self.alice = self.main.register("alice_" + name)
        self.bob = self.main.register("bob_" + name)
        # The same people at the other process.
        self.alice_there, self.bob_there = (
            self.reader.client(who.token) for who in (self.alice, self.bob))

    def denied(self, client, path):
        with self.assertRaises(MatrixError) as raised:
            client.get(path)
        self.assertIn(raised.exception.status, (403, 404), path)

    def appears(self, client, path, change):
        """The process denies it, and has that in its memory; another acknowledges the change, and it denies no more."""
        self.denied(client, path)
        self.denied(client, path)
        self.line.late = True
        change()
        try:
            client.get(path)
        finally:
            self.line.late = False

    def test_a_room_that_is_far_ahead_is_shown_as_it_was(self):
        room, other = self.alice.create_room(), self.alice.create_room()
        self.alice.set_state(room, "m.room.topic", {"topic": "heard of"})
        self.alice.set_state(other, "org.example.last", {})
        # What comes later than the room's topic is there, and the room itself has not been looked at.
        self.alice_there.get("/_matrix/client/v3/rooms/%s/state/org.example.last" % quote(other))
        self.line.late = True
        for number in range(40):
            self.alice.send(room, "more than is held of a room, %d" % number)
        state = self.alice_there.get("/_matrix/client/v3/rooms/%s/state" % quote(room))
        self.assertIn({"topic": "heard of"}, [event["content"] for event in state])

    def test_membership_and_what_is_in_the_room(self):
        room = self.alice.create_room()
        self.alice_there.sync()
        self.bob_there.sync()
        state = "/_matrix/client/v3/rooms/%s/state" % quote(room)
        self.appears(self.bob_there, state, lambda: self.bob.join(room))
        self.appears(self.bob_there, state + "/m.room.topic", lambda: self.alice.set_state(
            room, "m.room.topic", {"topic": "late"}))
        self.line.late = True
        event_id = self.alice.send(room, "late as well")
        self.bob_there.get("/_matrix/client/v3/rooms/%s/event/%s" % (quote(room), quote(event_id)))
        self.bob_there.get("/_matrix/client/v3/rooms/%s/context/%s" % (quote(room), quote(event_id)))
        self.bob_there.put("/_matrix/client/v3/rooms/%s/typing/%s" % (quote(room), quote(self.bob.user_id)),
                           {"typing": True})
        other = self.alice.create_room()
        self.alice_there.send(other, "in a room of which it has not heard")

    def test_the_presence_of_who_comes_into_a_room_is_asked_for_by_name(self):
        room, other = self.alice.create_room(), self.bob.create_room()
        self.line.late = True
        self.bob.sync()
        status = "/_matrix/client/v3/presence/%s/status" % quote(self.bob.user_id)
        wait_until(lambda: self.bob.get(status)["presence"] == "online", what="bob's presence")
        # Of this the other process has yet to hear.
        self.alice_there.since = self.alice.sync(set_presence="offline")["next_batch"]
        self.bob.join(room)
        # Who is denied something comes as far as the events are.
        self.denied(self.alice_there, "/_matrix/client/v3/rooms/%s/state" % quote(other))
        answer = self.alice_there.sync(set_presence="offline")
        self.assertIn("m.room.member", [event["type"] for event in self.alice.timeline(answer, room)])
        seen = {event["sender"]: event["content"]["presence"] for event in answer["presence"]["events"]}
        self.assertEqual(seen[self.bob.user_id], "online")
        told = self.between.post("/_lares/replication/v1/presence/people", {"users": [
            self.bob.user_id, "@nobody:cluster.test"]})
        self.assertEqual([json.loads(row)[:2] for row in told["people"]], [[self.bob.user_id, "online"]])
        refused = self.between.error("POST", "/_lares/replication/v1/presence/people", {"users": [1, 2]})
        self.assertEqual(refused.errcode, "M_BAD_JSON")

    def test_leaving_and_joining_again(self):
        room = self.alice.create_room()
        joined = lambda: self.bob.get("/_matrix/client/v3/joined_rooms")["joined_rooms"]
        self.bob.join(room)
        self.bob_there.get("/_matrix/client/v3/rooms/%s/state" % quote(room))
        self.line.late = True
        self.bob.leave(room)
        self.bob_there.join(room)
        self.assertEqual(joined(), [room])
        self.bob.leave(room)
        self.bob.join(room)
        self.bob_there.leave(room)
        self.assertEqual(joined(), [])

    def test_who_is_removed_while_the_process_hears_nothing_reads_no_further(self):
        room = self.alice.create_room()
        self.bob.join(room)
        # Of what is now, and not of when he was there.
        members = "/_matrix/client/v3/rooms/%s/joined_members" % quote(room)
        self.bob_there.get(members)
        with self.line.cut():
            self.alice.post("/_matrix/client/v3/rooms/%s/kick" % quote(room), {"user_id": self.bob.user_id})
            wait_until(lambda: self.bob_there.raw("GET", members).status == 403, what="the end of what bob may read")

    def test_an_alias(self):
        room = self.alice.create_room()
        path = "/_matrix/client/v3/directory/room/" + quote("#late:cluster.test")
        self.appears(self.bob_there, path, lambda: self.alice.put(path, {"room_id": room}))

    def test_a_profile_and_its_fields(self):
        profile = "/_matrix/client/v3/profile/" + quote(self.bob.user_id)
        newcomer = "/_matrix/client/v3/profile/" + quote("@newcomer:cluster.test")
        self.appears(self.alice_there, newcomer, lambda: self.main.register("newcomer"))
        self.line.late = True
        self.bob.put(profile + "/displayname", {"displayname": "Bob"})
        self.alice_there.get(profile)

    def test_a_device_and_a_token(self):
        self.line.late = True
        again = self.main.client().login(self.alice.user_id)
        there = self.reader.client(again.token)
        self.assertEqual(there.get("/_matrix/client/v3/account/whoami")["device_id"], again.device_id)
        self.alice_there.get("/_matrix/client/v3/devices/" + again.device_id)

    def test_account_data(self):
        mine = "/_matrix/client/v3/user/%s" % quote(self.alice.user_id)
        self.appears(self.alice_there, mine + "/account_data/org.example.late",
                     lambda: self.alice.put(mine + "/account_data/org.example.late", {"is": "here"}))
        room = self.alice.create_room()
        kind = mine + "/rooms/%s/account_data/org.example.late" % quote(room)
        self.appears(self.alice_there, kind, lambda: self.alice.put(kind, {"is": "here"}))

    def test_a_push_rule(self):
        path = "/_matrix/client/v3/pushrules/global/content/late"
        self.appears(self.alice_there, path,
                     lambda: self.alice.put(path, {"pattern": "late", "actions": ["notify"]}))
        self.appears(self.alice_there, path + "2/enabled",
                     lambda: self.alice.put(path + "2", {"pattern": "late", "actions": ["notify"]}))

    def test_a_key_backup_and_a_filter(self):
        version = "/_matrix/client/v3/room_keys/version"
        self.appears(self.alice_there, version, lambda: self.alice.post(version, {
            "algorithm": "m.megolm_backup.v1.curve25519-aes-sha2", "auth_data": {"public_key": "abc", "signatures": {}}}))
        filters = "/_matrix/client/v3/user/%s/filter" % quote(self.alice.user_id)
        self.line.late = True
        made = self.alice.post(filters, {"room": {"timeline": {"limit": 3}}})["filter_id"]
        self.alice_there.get(filters + "/" + made)


if __name__ == "__main__":
    unittest.main(verbosity=2)
