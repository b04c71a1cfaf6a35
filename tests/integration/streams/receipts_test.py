# SPDX-License-Identifier: Apache-2.0
"""Read receipts and read markers, from one client to the others."""

import json
import threading
import unittest

from engines import OnPostgres, OnSqlite, OnWorkers, contents, events, joined, user_path


def receipts(answer, room):
    """(event, type, user) -> data."""
    found = {}
    for event in events(joined(answer, room), "ephemeral"):
        if event["type"] == "m.receipt":
            for event_id, types in event["content"].items():
                for kind, users in types.items():
                    for user, data in users.items():
                        found[event_id, kind, user, data.get("thread_id")] = data
    return found


class ReceiptBehaviour:
    def read(self, client, room, event, kind="m.read", **body):
        client.post(client.room_path(room, "receipt", kind, event), body)

    def keys(self, client, room, **query):
        return set(receipts(client.sync(**query), room))

    def test_a_receipt_ends_the_waiting_syncs_of_the_room(self):
        room = self.room_of(self.alice, self.bob)
        event = self.alice.send(room, "read me")
        self.alice.sync()
        answers = []
        waiting = threading.Thread(target=lambda: answers.append(self.alice.sync(timeout=20_000)))
        waiting.start()
        self.read(self.bob, room, event)
        waiting.join(15)
        self.assertFalse(waiting.is_alive())
        found = receipts(answers[0], room)
        self.assertEqual(set(found), {(event, "m.read", self.bob.user_id, None)})
        self.assertIsInstance(found[event, "m.read", self.bob.user_id, None]["ts"], int)
        self.assertEqual(self.keys(self.alice, room), set())
        first = self.server.client(self.carol_in(room).token).sync()
        self.assertIn((event, "m.read", self.bob.user_id, None), receipts(first, room))

    def carol_in(self, room):
        self.carol.join(room)
        return self.carol

    def test_who_joins_later_sees_the_receipts_of_the_room(self):
        room = self.room_of(self.alice, self.bob)
        event = self.alice.send(room, "before carol")
        self.read(self.bob, room, event)
        self.carol.sync()
        self.carol.join(room)
        self.assertIn((event, "m.read", self.bob.user_id, None), receipts(self.carol.sync(), room))

    def test_private_receipts_are_seen_by_their_owner_alone(self):
        room = self.room_of(self.alice, self.bob)
        event = self.alice.send(room, "secretly read")
        self.alice.sync(), self.bob.sync()
        self.read(self.bob, room, event, "m.read.private")
        self.assertEqual(self.keys(self.bob, room), {(event, "m.read.private", self.bob.user_id, None)})
        self.assertEqual(self.keys(self.alice, room), set())
        first = self.server.client(self.alice.token).sync()
        self.assertEqual([key for key in receipts(first, room) if key[1] != "m.read"], [])

    def test_receipts_do_not_go_back(self):
        room = self.room_of(self.alice, self.bob)
        early, late = self.alice.send(room, "one"), self.alice.send(room, "two")
        self.read(self.bob, room, late)
        self.assertEqual(self.keys(self.alice, room), {(late, "m.read", self.bob.user_id, None)})
        self.read(self.bob, room, early)
        self.assertEqual(self.keys(self.alice, room), set())
        first = receipts(self.server.client(self.alice.token).sync(), room)
        self.assertEqual({key[0] for key in first if key[2] == self.bob.user_id}, {late})

    def test_each_thread_has_a_receipt_of_its_own(self):
        room = self.room_of(self.alice, self.bob)
        root = self.alice.send(room, "root")
        reply = self.alice.send(room, {"msgtype": "m.text", "body": "in the thread",
                                       "m.relates_to": {"rel_type": "m.thread", "event_id": root}})
        aside = self.alice.send(room, "aside")
        self.alice.sync(), self.bob.sync()
        self.read(self.bob, room, reply, thread_id=root)
        self.read(self.bob, room, aside, thread_id="main")
        self.read(self.bob, room, aside)
        bob = self.bob.user_id
        self.assertEqual(self.keys(self.alice, room),
                         {(reply, "m.read", bob, root), (aside, "m.read", bob, "main"), (aside, "m.read", bob, None)})
        for event, thread in ((aside, root), (reply, "main"), (reply, aside), (reply, ""), (reply, 5), (reply, None)):
            self.refused(400, "M_INVALID_PARAM", self.bob, "POST",
                         self.bob.room_path(room, "receipt", "m.read", event), {"thread_id": thread})

    def test_read_markers_set_all_three(self):
        room = self.room_of(self.alice, self.bob)
        one, two = self.alice.send(room, "one"), self.alice.send(room, "two")
        self.bob.sync()
        self.bob.post(self.bob.room_path(room, "read_markers"),
                      {"m.fully_read": two, "m.read": two, "m.read.private": one})
        answer = self.bob.sync()
        self.assertEqual(contents(joined(answer, room), "account_data"), {"m.fully_read": {"event_id": two}})
        self.assertEqual(set(receipts(answer, room)), {(two, "m.read", self.bob.user_id, None),
                                                       (one, "m.read.private", self.bob.user_id, None)})
        # The marker does not go back.
        self.read(self.bob, room, one, "m.fully_read")
        marker = user_path(self.bob, "rooms", room, "account_data", "m.fully_read")
        self.assertEqual(self.bob.get(marker), {"event_id": two})
        three = self.alice.send(room, "three")
        self.read(self.bob, room, three, "m.fully_read")
        self.assertEqual(self.bob.get(marker), {"event_id": three})

    def test_ignored_users_and_filters_leave_receipts_out(self):
        room = self.room_of(self.alice, self.bob)
        event = self.alice.send(room, "hello")
        dave = self.server.register("dave" + event[1:6].lower().replace("_", "x").replace("-", "y"))
        dave.join(room)
        dave.put(user_path(dave, "account_data", "m.ignored_user_list"), {"ignored_users": {self.bob.user_id: {}}})
        dave.sync()
        self.read(self.bob, room, event)
        self.read(self.alice, room, event)
        self.assertEqual(self.keys(dave, room), {(event, "m.read", self.alice.user_id, None)})
        quiet = json.dumps({"room": {"ephemeral": {"not_types": ["m.receipt"]}}})
        self.assertEqual(receipts(self.server.client(self.alice.token).sync(filter=quiet), room), {})

    def test_hostile_requests_are_answered(self):
        room = self.room_of(self.alice, self.bob)
        event = self.alice.send(room, "hello")
        elsewhere = self.alice.send(self.room_of(self.alice), "elsewhere")
        path = lambda *parts: self.bob.room_path(room, "receipt", *parts)
        self.refused(400, "M_INVALID_PARAM", self.bob, "POST", path("m.like", event), {})
        self.refused(404, "M_NOT_FOUND", self.bob, "POST", path("m.read", "$nothing"), {})
        self.refused(404, "M_NOT_FOUND", self.bob, "POST", path("m.read", elsewhere), {})
        self.refused(403, "M_FORBIDDEN", self.carol, "POST", path("m.read", event), {})
        self.refused(400, "M_INVALID_PARAM", self.bob, "POST", self.bob.room_path("no room", "receipt", "m.read", event))
        self.refused(413, "M_TOO_LARGE", self.bob, "POST", path("m.read", event), {"much": "x" * 100_000})
        self.refused(400, "M_BAD_JSON", self.bob, "POST", path("m.read", event), [])
        markers = self.bob.room_path(room, "read_markers")
        self.refused(400, "M_BAD_JSON", self.bob, "POST", markers, {"m.read": 5})
        self.refused(404, "M_NOT_FOUND", self.bob, "POST", markers, {"m.read": event, "m.fully_read": "$no"})
        self.refused(403, "M_FORBIDDEN", self.carol, "POST", markers, {"m.read": event})
        self.assertEqual(self.bob.raw("POST", path("m.read", event)).status, 200, "a body may be empty")

    def test_receipts_are_there_after_a_kill(self):
        room = self.room_of(self.alice, self.bob)
        event = self.alice.send(room, "kept")
        self.read(self.bob, room, event)
        self.alice.sync()
        self.server.kill()
        self.server.start()
        self.assertEqual(self.keys(self.alice, room), set())
        first = self.server.client(self.alice.token).sync()
        self.assertIn((event, "m.read", self.bob.user_id, None), receipts(first, room))


class ReceiptsOnSqliteTest(OnSqlite, ReceiptBehaviour, unittest.TestCase):
    pass


class ReceiptsOnPostgresTest(OnPostgres, ReceiptBehaviour, unittest.TestCase):
    pass


class ReceiptsOnWorkersTest(OnWorkers, ReceiptBehaviour, unittest.TestCase):
    pass


if __name__ == "__main__":
    unittest.main(verbosity=2)
