# SPDX-License-Identifier: Apache-2.0
"""Who reads what of a room's history: each value of m.room.history_visibility, for members, invited users, strangers and
those who have left."""

import unittest

from engines import V3, EngineTests, on_both_engines
from lares_test import wait_until

EVERYTHING = ["before", "while invited", "while joined", "after"]


class HistoryVisibility(EngineTests):
    # What of it one reads who was invited, joined and left again.
    LEFT = {"world_readable": EVERYTHING, "shared": EVERYTHING[:3], "invited": EVERYTHING[1:3], "joined": EVERYTHING[2:3]}

    def room_with(self, alice, visibility):
        return alice.create_room(preset="public_chat", initial_state=[
            {"type": "m.room.history_visibility", "content": {"history_visibility": visibility}}])

    def bodies(self, events):
        return [event["content"]["body"] for event in events if event["type"] == "m.room.message"]

    def reads(self, client, room):
        return self.bodies(client.history(room))

    def refused(self, client, room, event):
        for path in (("messages",), ("state",), ("members",), ("context", event)):
            error = client.error("GET", client.room_path(room, *path))
            self.check_error(error, 403, "M_FORBIDDEN")
        self.check_error(client.error("GET", client.room_path(room, "event", event)), 404, "M_NOT_FOUND")

    def test_each_reads_what_was_theirs_to_read(self):
        alice, bob, carol = self.users("alice", "bob", "carol")
        for visibility, left in self.LEFT.items():
            with self.subTest(visibility=visibility):
                room = self.room_with(alice, visibility)
                sent = [alice.send(room, "before")]
                alice.invite(room, bob.user_id)
                sent.append(alice.send(room, "while invited"))
                for outside in (bob, carol):
                    if visibility == "world_readable":
                        self.assertEqual(self.reads(outside, room), EVERYTHING[:2])
                    else:
                        self.refused(outside, room, sent[0])
                bob.join(room)
                sent.append(alice.send(room, "while joined"))
                self.assertEqual(self.reads(bob, room), [body for body in left if body != "after"])
                shown = self.server.client(bob.token).sync()["rooms"]["join"][room]["timeline"]["events"]
                self.assertEqual(self.bodies(shown), [body for body in left if body != "after"])
                bob.leave(room)
                sent.append(alice.send(room, "after"))
                self.assertEqual(self.reads(alice, room), EVERYTHING)
                self.assertEqual(self.reads(bob, room), left)
                for event, body in zip(sent, EVERYTHING):
                    path = bob.room_path(room, "event", event)
                    if body in left:
                        self.assertEqual(bob.get(path)["content"]["body"], body)
                    else:
                        self.check_error(bob.error("GET", path), 404, "M_NOT_FOUND")
                if visibility == "world_readable":
                    self.assertEqual(self.reads(carol, room), EVERYTHING)
                    self.assertIn("m.room.create", [event["type"] for event in carol.get(carol.room_path(room, "state"))])
                else:
                    self.refused(carol, room, sent[2])
                bob.join(room)
                again = EVERYTHING if visibility in ("world_readable", "shared") else left
                self.assertEqual(self.reads(bob, room), again)

    def test_what_was_sent_under_a_visibility_keeps_it(self):
        alice, bob = self.users("alice", "bob")
        room = self.room_with(alice, "joined")
        alice.send(room, "for those inside")
        alice.set_state(room, "m.room.history_visibility", {"history_visibility": "shared"})
        alice.send(room, "for those to come")
        bob.join(room)
        self.assertEqual(self.reads(bob, room), ["for those to come"])

    def test_a_visibility_that_nobody_knows_is_shared(self):
        alice, bob, carol = self.users("alice", "bob", "carol")
        room = self.room_with(alice, "org.example.unheard")
        event = alice.send(room, "before")
        self.refused(carol, room, event)
        bob.join(room)
        self.assertEqual(self.reads(bob, room), ["before"])

    def test_who_never_came_in_reads_nothing_once_the_invitation_is_gone(self):
        alice, bob = self.users("alice", "bob")
        for end in ("declined", "withdrawn", "banned"):
            with self.subTest(end=end):
                room = alice.create_room(preset="private_chat")
                before = alice.send(room, "before")
                if end != "banned":
                    alice.invite(room, bob.user_id)
                since = self.server.client(bob.token).sync()["next_batch"]
                event = alice.send(room, "while invited")
                alice.set_state(room, "m.room.topic", {"topic": "a secret"})
                if end == "declined":
                    bob.leave(room)
                else:
                    deed = "kick" if end == "withdrawn" else "ban"
                    alice.post(alice.room_path(room, deed), {"user_id": bob.user_id})
                for one in (before, event):
                    self.refused(bob, room, one)
                left = self.server.client(bob.token).sync(since=since)["rooms"]["leave"][room]
                shown = left["timeline"]["events"] + left["state"]["events"]
                self.assertEqual({(one["type"], one.get("state_key")) for one in shown}, {("m.room.member", bob.user_id)})

    def test_who_was_in_the_room_before_its_history_opened_to_a_reader_is_not_told(self):
        alice, bob, carol = self.users("alice", "bob", "carol")
        for visibility in ("joined", "shared"):
            with self.subTest(visibility=visibility):
                room = self.room_with(alice, visibility)
                carol.join(room)
                alice.sync_until(lambda answer: carol.user_id in [
                    event.get("state_key") for event in alice.timeline(answer, room)])
                early = alice.since
                carol.leave(room)
                bob.join(room)
                chunk = bob.get(bob.room_path(room, "members"), at=early)["chunk"]
                members = {event["state_key"]: event["content"]["membership"] for event in chunk}
                shown = {carol.user_id: "join"} if visibility == "shared" else {carol.user_id: "leave", bob.user_id: "join"}
                self.assertEqual(members, {alice.user_id: "join", **shown})
                late = self.server.client(bob.token).sync()["next_batch"]
                bob.put(V3 + "/profile/%s/displayname" % bob.user_id, {"displayname": "Robert"})
                chunk = bob.get(bob.room_path(room, "members"), at=late)["chunk"]
                self.assertEqual(len(chunk), 3)

    def test_who_declines_an_invitation_is_promised_no_history_that_is_refused(self):
        alice, bob = self.users("alice", "bob")
        for readable in (False, True):
            with self.subTest(world_readable=readable):
                room = alice.create_room()
                if readable:
                    alice.set_state(room, "m.room.history_visibility", {"history_visibility": "world_readable"})
                since = self.server.client(bob.token).sync()["next_batch"]
                alice.invite(room, bob.user_id)
                for i in range(12):
                    alice.send(room, str(i))
                bob.leave(room)
                timeline = self.server.client(bob.token).sync(since=since)["rooms"]["leave"][room]["timeline"]
                self.assertEqual(timeline["events"][-1]["content"]["membership"], "leave")
                self.assertEqual(timeline["limited"], readable)
                self.assertEqual("prev_batch" in timeline, readable)
                if readable:
                    older = bob.messages(room, **{"from": timeline["prev_batch"]})["chunk"]
                    self.assertIn("0", [event["content"].get("body") for event in older])
                else:
                    self.check_error(bob.error("GET", bob.room_path(room, "messages") + "?dir=b"), 403, "M_FORBIDDEN")

    def test_who_forgets_a_room_is_promised_no_history_of_it(self):
        alice, bob = self.users("alice", "bob")
        room = alice.create_room()
        bob.join(room)
        since = self.server.client(bob.token).sync()["next_batch"]
        for i in range(12):
            alice.send(room, str(i))
        bob.leave(room)
        bob.post(bob.room_path(room, "forget"), {})

        def timeline():
            return self.server.client(bob.token).sync(since=since)["rooms"]["leave"][room]["timeline"]

        # Another process hears of it a moment later.
        wait_until(lambda: not timeline()["limited"], what="a timeline without a gap")
        self.assertNotIn("prev_batch", timeline())
        self.assertEqual(len(timeline()["events"]), 10)

    def test_who_left_and_is_banned_later_reads_what_was_there_until_then(self):
        alice, bob = self.users("alice", "bob")
        room = alice.create_room(preset="private_chat")
        alice.set_state(room, "m.room.topic", {"topic": "before"})
        alice.invite(room, bob.user_id)
        bob.join(room)
        alice.send(room, "while joined")
        bob.leave(room)
        since = self.server.client(bob.token).sync()["next_batch"]
        after = alice.send(room, "after")
        alice.set_state(room, "m.room.topic", {"topic": "after"})
        alice.post(alice.room_path(room, "ban"), {"user_id": bob.user_id})
        self.assertEqual(self.reads(bob, room), ["while joined"])
        self.assertEqual(bob.get(bob.room_path(room, "state", "m.room.topic"))["topic"], "before")
        self.check_error(bob.error("GET", bob.room_path(room, "event", after)), 404, "M_NOT_FOUND")
        left = self.server.client(bob.token).sync(since=since)["rooms"]["leave"][room]
        shown = left["timeline"]["events"] + left["state"]["events"]
        self.assertEqual([one["content"]["membership"] for one in shown if one["type"] == "m.room.member"], ["ban"])
        self.assertEqual(len(shown), 1)

    def test_what_came_for_who_had_left_shows_nothing_of_the_room_then(self):
        alice, bob = self.users("alice", "bob")
        for end in ("banned", "invitation declined"):
            with self.subTest(end=end):
                room = alice.create_room(preset="private_chat")
                alice.set_state(room, "m.room.topic", {"topic": "before"})
                alice.invite(room, bob.user_id)
                bob.join(room)
                bob.leave(room)
                since = self.server.client(bob.token).sync()["next_batch"]
                alice.set_state(room, "m.room.topic", {"topic": "after"})
                if end == "banned":
                    alice.post(alice.room_path(room, "ban"), {"user_id": bob.user_id})
                else:
                    alice.invite(room, bob.user_id)
                    bob.leave(room)
                left = self.server.client(bob.token).sync(since=since)["rooms"]["leave"][room]
                event = left["timeline"]["events"][-1]["event_id"]
                context = bob.get(bob.room_path(room, "context", event))
                self.assertEqual(context["event"]["event_id"], event)
                self.assertEqual([one["content"] for one in context["state"] if one["type"] == "m.room.topic"],
                                 [{"topic": "before"}])


on_both_engines(HistoryVisibility, globals())

if __name__ == "__main__":
    unittest.main()
