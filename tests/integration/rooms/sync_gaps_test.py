# SPDX-License-Identifier: Apache-2.0
"""Timelines of /sync with limits: what a filter or an ignored user takes up is no reason to lose what is wanted."""

import json
import unittest

from engines import V3, EngineTests, on_both_engines

MESSAGES = {"types": ["m.room.message"]}
FILLER = "org.example.filler"


class SyncGaps(EngineTests):
    def room_of(self, *clients):
        room = clients[0].create_room()
        for client in clients[1:]:
            client.join(room)
        return room

    def fill(self, client, room, count):
        for i in range(count):
            client.send(room, {"n": i}, kind=FILLER)

    def ignore(self, client, *others):
        client.put(V3 + "/user/%s/account_data/m.ignored_user_list" % client.user_id,
                   {"ignored_users": {other.user_id: {} for other in others}})

    def timeline_filter(self, **timeline):
        return json.dumps({"room": {"timeline": timeline}})

    def fresh(self, client, **query):
        return self.server.client(client.token).sync(**query)

    def joined(self, answer, room):
        return answer.get("rooms", {}).get("join", {}).get(room)

    def bodies(self, section):
        return [event["content"].get("body") for event in section["timeline"]["events"]]

    def test_what_ignored_users_say_takes_nobody_s_place(self):
        alice, bob, dora = self.users("alice", "bob", "dora")
        room = self.room_of(alice, bob, dora)
        self.ignore(alice, bob)
        since = alice.sync()["next_batch"]
        dora.send(room, "from dora")
        for i in range(12):
            bob.send(room, str(i))
        section = self.joined(self.fresh(alice, since=since), room)
        self.assertEqual(self.bodies(section), ["from dora"])
        self.assertFalse(section["timeline"]["limited"])
        self.assertIn("from dora", self.bodies(self.joined(self.fresh(alice), room)))

    def test_what_a_filter_leaves_out_takes_no_place(self):
        alice, bob = self.users("alice", "bob")
        room = self.room_of(alice, bob)
        for timeline, fillers in ((MESSAGES, 11), ({**MESSAGES, "limit": 1}, 10), ({**MESSAGES, "limit": 1}, 130)):
            with self.subTest(timeline=timeline, fillers=fillers):
                since = self.fresh(bob)["next_batch"]
                alice.send(room, "wanted")
                self.fill(alice, room, fillers)
                wanted = self.timeline_filter(**timeline)
                self.assertEqual(self.bodies(self.joined(self.fresh(bob, since=since, filter=wanted), room)), ["wanted"])
                self.assertEqual(self.bodies(self.joined(self.fresh(bob, filter=wanted), room))[-1], "wanted")

    def test_senders_and_urls_are_chosen_before_the_limit_counts(self):
        alice, bob = self.users("alice", "bob")
        room = self.room_of(alice, bob)
        since = self.fresh(bob)["next_batch"]
        for i in range(3):
            alice.send(room, {"msgtype": "m.image", "body": "picture %d" % i, "url": "mxc://a/%d" % i})
        for i in range(15):
            bob.send(room, str(i))
        for timeline in ({"not_senders": [bob.user_id], "limit": 2}, {"contains_url": True, "limit": 2}):
            section = self.joined(self.fresh(bob, since=since, filter=self.timeline_filter(**timeline)), room)
            self.assertEqual(self.bodies(section), ["picture 1", "picture 2"], timeline)
            self.assertTrue(section["timeline"]["limited"], timeline)
            page = bob.messages(room, **{"from": section["timeline"]["prev_batch"]}, limit=1)
            self.assertEqual([event["content"]["body"] for event in page["chunk"]], ["picture 0"], timeline)

    def test_a_room_that_was_left_tells_of_its_last_words(self):
        alice, bob = self.users("alice", "bob")
        room = self.room_of(alice, bob)
        since = self.fresh(bob)["next_batch"]
        alice.send(room, "last words")
        self.fill(alice, room, 11)
        alice.post(alice.room_path(room, "kick"), {"user_id": bob.user_id})
        alice.send(room, "after")
        left = self.fresh(bob, since=since, filter=self.timeline_filter(**MESSAGES))["rooms"]["leave"][room]
        self.assertEqual(self.bodies(left), ["last words"])
        self.assertIn("leave", [event["content"].get("membership") for event in left["state"]["events"]])

    def test_a_gap_that_is_too_long_to_look_through_is_told_of(self):
        alice, bob = self.users("alice", "bob")
        room = self.room_of(alice, bob)
        since = self.fresh(bob)["next_batch"]
        wanted = alice.send(room, "wanted")
        self.fill(alice, room, 1050)
        section = self.joined(self.fresh(bob, since=since, filter=self.timeline_filter(**MESSAGES)), room)
        self.assertEqual((section["timeline"]["events"], section["timeline"]["limited"]), ([], True))
        older = bob.messages(room, **{"from": section["timeline"]["prev_batch"]}, filter=json.dumps(MESSAGES))
        self.assertEqual(older["chunk"][0]["event_id"], wanted)
        # Who wants nothing is not told that there is more.
        for nothing in ({"types": []}, {"limit": 0}):
            self.assertIsNone(self.joined(self.fresh(bob, since=since, filter=self.timeline_filter(**nothing)), room))

    def test_state_that_a_filter_takes_out_of_the_timeline_stands_in_the_state(self):
        alice, bob = self.users("alice", "bob")
        room = self.room_of(alice, bob)
        alice.set_state(room, "m.room.topic", {"topic": "older still"})
        since = self.fresh(bob)["next_batch"]
        alice.send(room, "wanted")
        alice.set_state(room, "m.room.topic", {"topic": "old"})
        alice.set_state(room, "m.room.topic", {"topic": "new"})
        self.fill(alice, room, 20)
        for query in ({"since": since}, {"since": since, "full_state": "true"}, {}):
            section = self.joined(self.fresh(bob, filter=self.timeline_filter(**MESSAGES), **query), room)
            self.assertEqual(self.bodies(section), ["wanted"])
            state = [event for event in section["state"]["events"] if event["type"] == "m.room.topic"]
            self.assertEqual([event["content"]["topic"] for event in state], ["new"], query)
            self.assertEqual("m.room.create" in [event["type"] for event in section["state"]["events"]],
                             query != {"since": since})

    def test_members_are_loaded_lazily_for_what_is_shown(self):
        alice, bob, carol = self.users("alice", "bob", "carol")
        room = self.room_of(alice, bob)
        since = self.fresh(bob)["next_batch"]
        carol.join(room)
        carol.send(room, "hello")
        self.fill(alice, room, 20)
        lazy = self.timeline_filter(**MESSAGES, lazy_load_members=True)
        for query in ({"since": since}, {}):
            section = self.joined(self.fresh(bob, filter=lazy, **query), room)
            self.assertEqual(self.bodies(section), ["hello"])
            members = [event["state_key"] for event in section["state"]["events"] if event["type"] == "m.room.member"]
            self.assertEqual(members.count(carol.user_id), 1, query)
            self.assertEqual(len(members), len(set(members)), query)

    def test_who_joins_where_history_is_hidden_has_the_whole_state(self):
        alice, bob = self.users("alice", "bob")
        room = alice.create_room(initial_state=[
            {"type": "m.room.history_visibility", "content": {"history_visibility": "joined"}}])
        bob.sync()
        alice.set_state(room, "m.room.topic", {"topic": "seen in the state"})
        bob.join(room)
        section = self.joined(bob.sync(), room)
        kinds = [event["type"] for part in ("state", "timeline") for event in section[part]["events"]]
        for kind in ("m.room.create", "m.room.power_levels", "m.room.topic", "m.room.history_visibility"):
            self.assertEqual(kinds.count(kind), 1, kind)

    def test_a_gap_is_closed_by_paging_back(self):
        alice, bob = self.users("alice", "bob")
        room = self.room_of(alice, bob)
        known = alice.send(room, "known")
        since = self.fresh(bob)["next_batch"]
        sent = [alice.send(room, str(i)) for i in range(7)]
        sent.append(alice.set_state(room, "m.room.topic", {"topic": "in the gap"}))
        sent += [alice.send(room, str(i)) for i in range(8, 30)]
        section = self.joined(self.fresh(bob, since=since), room)
        self.assertTrue(section["timeline"]["limited"])
        self.assertEqual([event["event_id"] for event in section["timeline"]["events"]], sent[-10:])
        self.assertEqual([(event["type"], event["content"]) for event in section["state"]["events"]],
                         [("m.room.topic", {"topic": "in the gap"})])
        found, place = [], section["timeline"]["prev_batch"]
        while known not in found:
            page = bob.messages(room, limit=7, **{"from": place})
            found += [event["event_id"] for event in page["chunk"]]
            place = page["end"]
        self.assertEqual(found[:found.index(known) + 1], sent[:-10][::-1] + [known])

    def test_pages_of_few_wanted_events_are_not_empty(self):
        alice, = self.users("alice")
        room = alice.create_room()
        wanted = [alice.send(room, str(i)) for i in range(3)]
        self.fill(alice, room, 71)
        page = alice.messages(room, limit=1, filter=json.dumps(MESSAGES))
        self.assertEqual([event["event_id"] for event in page["chunk"]], wanted[2:])
        page = alice.messages(room, limit=1, filter=json.dumps(MESSAGES), **{"from": page["end"]})
        self.assertEqual([event["event_id"] for event in page["chunk"]], wanted[1:2])
        page = alice.messages(room, "f", limit=2, filter=json.dumps({"types": [FILLER]}))
        self.assertEqual([event["content"]["n"] for event in page["chunk"]], [0, 1])
        page = alice.messages(room, "f", limit=2, filter=json.dumps({"types": [FILLER]}), **{"from": page["end"]})
        self.assertEqual([event["content"]["n"] for event in page["chunk"]], [2, 3])
        nothing = alice.messages(room, limit=0)
        self.assertEqual(nothing["chunk"], [])
        page = alice.messages(room, limit=1, **{"from": nothing["end"]})
        self.assertEqual([event["content"]["n"] for event in page["chunk"]], [70])


on_both_engines(SyncGaps, globals())

if __name__ == "__main__":
    unittest.main()
