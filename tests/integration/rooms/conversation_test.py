# SPDX-License-Identifier: Apache-2.0
"""The conversation's thread through a real server: register, create, join, send, sync, across a SIGKILL."""

import threading
import unittest

from engines import V3, EngineTests, on_both_engines


class Conversation(EngineTests):
    def setUp(self):
        self.alice, self.bob = self.users("alice", "bob")

    def put_message(self, client, room, txn, body="hello"):
        return client.call("PUT", client.room_path(room, "send", "m.room.message", txn),
                           {"msgtype": "m.text", "body": body})["event_id"]

    def room_of_both(self):
        room = self.alice.create_room()
        self.bob.join(room)
        return room

    def test_every_supported_room_version_can_be_created_and_talked_in(self):
        for version in ("10", "11", "12"):
            with self.subTest(version=version):
                room = self.alice.call("POST", V3 + "/createRoom",
                                       {"room_version": version, "preset": "public_chat"})["room_id"]
                self.assertEqual(":" in room, version != "12")
                self.bob.join(room)
                event = self.put_message(self.bob, room, "v" + version)
                found = self.alice.call("GET", self.alice.room_path(room, "event", event))
                self.assertEqual(found["sender"], self.bob.user_id)

    def test_a_waiting_sync_is_woken_by_the_message_and_shows_it_once(self):
        room = self.room_of_both()
        client = self.server.client(self.bob.token)
        client.sync()
        seen = []
        # What else wakes it, such as somebody's presence, is passed over.
        waiter = threading.Thread(target=lambda: seen.append(client.sync_until(
            lambda answer: client.timeline(answer, room))))
        waiter.start()
        event = self.put_message(self.alice, room, "wake")
        waiter.join(25)
        self.assertEqual([entry["event_id"] for entry in seen[0]], [event])
        self.assertNotIn(room, client.sync().get("rooms", {}).get("join", {}))

    def test_a_retried_request_finds_the_first_event_also_after_a_kill(self):
        room = self.room_of_both()
        first = self.put_message(self.alice, room, "once")
        self.assertEqual(self.put_message(self.alice, room, "once"), first)
        self.server.kill()
        self.server.start()
        self.assertEqual(self.put_message(self.alice, room, "once"), first)
        history = self.bob.call("GET", self.bob.room_path(room, "messages"), query={"dir": "b"})
        self.assertEqual([entry["event_id"] for entry in history["chunk"]].count(first), 1)

    def test_a_stranger_neither_reads_nor_writes(self):
        room = self.alice.call("POST", V3 + "/createRoom", {"preset": "private_chat"})["room_id"]
        for method, path in (("GET", "messages"), ("GET", "members"), ("GET", "state"), ("GET", "joined_members")):
            error = self.bob.error(method, self.bob.room_path(room, path))
            self.assertEqual((error.status, error.errcode), (403, "M_FORBIDDEN"), path)
        for path in (("send", "m.room.message", "x"), ("state", "m.room.name")):
            error = self.bob.error("PUT", self.bob.room_path(room, *path), {"body": "x"})
            self.assertEqual((error.status, error.errcode), (403, "M_FORBIDDEN"), path)
        error = self.bob.error("POST", self.bob.room_path(room, "join"), {})
        self.assertEqual((error.status, error.errcode), (403, "M_FORBIDDEN"))

    def test_an_invited_user_sees_the_room_s_stripped_state_and_may_join(self):
        room = self.alice.call("POST", V3 + "/createRoom", {"preset": "private_chat", "name": "Parlour"})["room_id"]
        since = self.bob.call("GET", V3 + "/sync")["next_batch"]
        self.alice.call("POST", self.alice.room_path(room, "invite"), {"user_id": self.bob.user_id})
        invited = self.bob.call("GET", V3 + "/sync", query={"since": since})
        stripped = invited["rooms"]["invite"][room]["invite_state"]["events"]
        self.assertIn("Parlour", [event["content"].get("name") for event in stripped])
        self.bob.join(room)
        joined = self.bob.call("GET", V3 + "/sync", query={"since": invited["next_batch"]})
        self.assertIn(room, joined["rooms"]["join"])

    def test_a_redacted_message_loses_its_body_for_everyone(self):
        room = self.room_of_both()
        event = self.put_message(self.alice, room, "secret", "nobody should see this")
        self.alice.call("PUT", self.alice.room_path(room, "redact", event, "r1"), {"reason": "slip"})
        seen = self.bob.call("GET", self.bob.room_path(room, "event", event))
        self.assertEqual(seen["content"], {})
        self.assertEqual(seen["unsigned"]["redacted_because"]["content"]["reason"], "slip")

    def test_who_leaves_is_told_and_sees_nothing_later(self):
        room = self.room_of_both()
        since = self.bob.call("GET", V3 + "/sync")["next_batch"]
        self.bob.call("POST", self.bob.room_path(room, "leave"), {})
        later = self.put_message(self.alice, room, "later")
        left = self.bob.call("GET", V3 + "/sync", query={"since": since})
        self.assertIn(room, left["rooms"]["leave"])
        history = self.bob.call("GET", self.bob.room_path(room, "messages"), query={"dir": "b"})
        self.assertNotIn(later, [entry["event_id"] for entry in history["chunk"]])

    def test_what_is_no_event_is_refused(self):
        room = self.room_of_both()
        path = self.alice.room_path(room, "send", "m.room.message", "bad")
        for body, status, errcode in (({"body": "x" * 70000}, 413, "M_TOO_LARGE"), ({"n": 1.5}, 400, "M_BAD_JSON")):
            error = self.alice.error("PUT", path, body)
            self.assertEqual((error.status, error.errcode), (status, errcode))

    def test_a_logged_out_token_is_refused_at_once(self):
        token = self.alice.call("POST", V3 + "/login", {
            "type": "m.login.password", "identifier": {"type": "m.id.user", "user": self.alice.name},
            "password": self.alice.password})["access_token"]
        other = self.server.client(token)
        other.call("GET", V3 + "/account/whoami")
        other.call("POST", V3 + "/logout", {})
        error = other.error("GET", V3 + "/account/whoami")
        self.assertEqual((error.status, error.errcode), (401, "M_UNKNOWN_TOKEN"))


on_both_engines(Conversation, globals())

if __name__ == "__main__":
    unittest.main()
