# SPDX-License-Identifier: Apache-2.0
"""Edits, reactions, references and threads: listed, bundled, and once only."""

import os
import unittest
from urllib.parse import quote

from engines import V1, V3, EngineTests, on_both_engines
from lares_test import MatrixError, wait_until


class Relations(EngineTests):
    def relate(self, client, room, rel_type, event, body="x", kind="m.room.message", **fields):
        relates_to = {"rel_type": rel_type, "event_id": event, **fields}
        content = {"m.relates_to": relates_to}
        if kind == "m.room.message":
            content.update(msgtype="m.text", body=body)
        if rel_type == "m.replace":
            content["m.new_content"] = {"msgtype": "m.text", "body": body}
        return client.send(room, content, kind=kind)

    def react(self, client, room, event, key="+1", txn=None):
        return client.send(room, {"m.relates_to": {"rel_type": "m.annotation", "event_id": event, "key": key}}, txn,
                           kind="m.reaction")

    def relations(self, client, room, event, *parts, **query):
        path = "/".join([V1 + "/rooms", quote(room, safe=""), "relations", quote(event, safe=""), *parts])
        return client.get(path, **query)

    def ids(self, answer):
        return [event["event_id"] for event in answer["chunk"]]

    def bundle(self, client, room, event):
        return client.get(client.room_path(room, "event", event))["unsigned"].get("m.relations")

    def test_a_reaction_s_key_is_short(self):
        alice, = self.users("alice")
        room = alice.create_room()
        event = alice.send(room, "root")
        with self.assertRaises(MatrixError) as caught:
            self.react(alice, room, event, os.urandom(1500).hex())
        self.check_error(caught.exception, 400, "M_INVALID_PARAM")
        self.assertTrue(self.react(alice, room, event, "x" * 500))

    def test_what_relates_to_an_event_is_listed_by_kind_and_page(self):
        alice, bob = self.users("alice", "bob")
        room = alice.create_room()
        bob.join(room)
        event = alice.send(room, "root")
        references = [self.relate(bob, room, "m.reference", event, str(i)) for i in range(3)]
        reaction = self.react(bob, room, event)
        self.assertEqual(self.ids(self.relations(alice, room, event)), [reaction] + references[::-1])
        self.assertEqual(self.ids(self.relations(alice, room, event, "m.annotation")), [reaction])
        self.assertEqual(self.ids(self.relations(alice, room, event, "m.annotation", "m.room.message")), [])
        self.assertEqual(self.ids(self.relations(alice, room, event, "m.reference", dir="f")), references)
        page = self.relations(alice, room, event, "m.reference", limit=2)
        self.assertEqual(self.ids(page), references[:0:-1])
        rest = self.relations(alice, room, event, "m.reference", limit=2, **{"from": page["next_batch"]})
        self.assertEqual(self.ids(rest), references[:1])
        self.assertNotIn("next_batch", rest)
        deeper = self.relate(alice, room, "m.reference", references[0])
        self.assertNotIn(deeper, self.ids(self.relations(alice, room, event)))
        found = self.relations(alice, room, event, recurse="true")
        self.assertEqual((found["chunk"][0]["event_id"], found["recursion_depth"]), (deeper, 3))
        bob.redact(room, reaction)
        self.assertEqual(self.ids(self.relations(alice, room, event, "m.annotation")), [])

    def test_what_relates_to_an_event_is_listed_from_where_a_sync_stood(self):
        alice, = self.users("alice")
        room = alice.create_room()
        event = alice.send(room, "root")
        before = [self.relate(alice, room, "m.reference", event, str(i)) for i in range(2)]
        since = alice.sync()["next_batch"]
        after = [self.relate(alice, room, "m.reference", event, str(i)) for i in range(2)]
        for query, expected in (({"from": since, "dir": "f"}, after), ({"from": since, "dir": "b"}, before[::-1]),
                                ({"to": since, "dir": "f"}, before), ({"to": since, "dir": "b"}, after[::-1])):
            self.assertEqual(self.ids(self.relations(alice, room, event, **query)), expected, query)

    def test_a_reaction_counts_once(self):
        alice, bob = self.users("alice", "bob")
        room = alice.create_room()
        bob.join(room)
        event = alice.send(room, "root")
        first = self.react(alice, room, event, txn="once")
        path = alice.room_path(room, "send", "m.reaction", "again")
        body = {"m.relates_to": {"rel_type": "m.annotation", "event_id": event, "key": "+1"}}
        self.check_error(alice.error("PUT", path, body), 400, "M_DUPLICATE_ANNOTATION")
        self.server.kill()
        self.server.start()
        self.assertEqual(self.react(alice, room, event, txn="once"), first)
        self.check_error(alice.error("PUT", path, body), 400, "M_DUPLICATE_ANNOTATION")
        self.react(alice, room, event, "-1")
        self.react(bob, room, event)
        alice.redact(room, first)
        self.react(alice, room, event)

    def test_the_newest_edit_by_the_sender_is_bundled_wherever_the_event_is_shown(self):
        alice, bob = self.users("alice", "bob")
        room = alice.create_room()
        bob.join(room)
        event = alice.send(room, "frist")
        self.assertIsNone(self.bundle(bob, room, event))
        self.relate(alice, room, "m.replace", event, "first")
        edit = self.relate(alice, room, "m.replace", event, "First")
        self.relate(bob, room, "m.replace", event, "not mine to edit")
        self.assertEqual(self.bundle(bob, room, event)["m.replace"]["event_id"], edit)
        in_sync = {shown["event_id"]: shown for shown in bob.timeline(bob.sync(), room)}
        self.assertEqual(in_sync[event]["unsigned"]["m.relations"]["m.replace"]["content"]["m.new_content"]["body"],
                         "First")
        in_history = {shown["event_id"]: shown for shown in bob.history(room)}
        self.assertEqual(in_history[event]["unsigned"]["m.relations"]["m.replace"]["event_id"], edit)
        in_context = bob.get(bob.room_path(room, "context", event))["event"]
        self.assertEqual(in_context["unsigned"]["m.relations"]["m.replace"]["event_id"], edit)
        alice.redact(room, edit)
        self.assertEqual(self.bundle(bob, room, event)["m.replace"]["content"]["m.new_content"]["body"], "first")

    def test_references_are_bundled_by_id(self):
        alice, = self.users("alice")
        room = alice.create_room()
        event = alice.send(room, "root")
        reference = self.relate(alice, room, "m.reference", event)
        self.assertEqual(self.bundle(alice, room, event)["m.reference"]["chunk"], [{"event_id": reference}])

    def test_a_thread_is_summed_up_at_its_root_and_listed(self):
        alice, bob = self.users("alice", "bob")
        room = alice.create_room()
        bob.join(room)
        roots = [alice.send(room, "root %d" % i) for i in range(3)]
        for root in roots:
            self.relate(alice, room, "m.thread", root, "reply")
        newest = self.relate(bob, room, "m.thread", roots[0], "last")
        edit = self.relate(bob, room, "m.replace", newest, "Last")
        thread = self.bundle(alice, room, roots[0])["m.thread"]
        self.assertEqual((thread["count"], thread["current_user_participated"]), (2, True))
        self.assertEqual(thread["latest_event"]["event_id"], newest)
        self.assertEqual(thread["latest_event"]["unsigned"]["m.relations"]["m.replace"]["event_id"], edit)
        self.assertFalse(self.bundle(bob, room, roots[1])["m.thread"]["current_user_participated"])
        path = V1 + "/rooms/%s/threads" % quote(room, safe="")
        listed = bob.get(path, limit=2)
        self.assertEqual(self.ids(listed), [roots[0], roots[2]])
        self.assertEqual(self.ids(bob.get(path, **{"from": listed["next_batch"]})), [roots[1]])
        self.assertEqual(self.ids(bob.get(path, include="participated")), [roots[0]])
        self.assertEqual(listed["chunk"][0]["unsigned"]["m.relations"]["m.thread"]["count"], 2)
        alice.put(V3 + "/user/%s/account_data/m.ignored_user_list" % alice.user_id,
                  {"ignored_users": {bob.user_id: {}, "@nobody:where": {}}})
        wait_until(lambda: self.bundle(alice, room, roots[0])["m.thread"]["count"] == 1, what="the thread without the ignored")
        send = alice.room_path(room, "send", "m.room.message", "nested")
        self.check_error(alice.error("PUT", send, {"msgtype": "m.text", "body": "x", "m.relates_to": {
            "rel_type": "m.thread", "event_id": newest}}), 400, "M_UNKNOWN")

    def test_relations_that_cannot_be_understood_are_messages_like_others(self):
        alice, bob = self.users("alice", "bob")
        room, other = alice.create_room(), alice.create_room()
        event, elsewhere = alice.send(room, "root"), alice.send(other, "elsewhere")
        for relates_to in ([], 5, "x", {"rel_type": 5}, {"rel_type": "m.thread", "event_id": "$unknown"},
                           {"rel_type": "m.thread", "event_id": elsewhere}, {"rel_type": "x" * 300, "event_id": event},
                           {"m.in_reply_to": []}):
            alice.send(room, {"msgtype": "m.text", "body": "x", "m.relates_to": relates_to})
        self.assertEqual(self.ids(self.relations(alice, room, event)), [])
        self.assertIsNone(self.bundle(alice, other, elsewhere))
        base = V1 + "/rooms/" + quote(room, safe="")
        self.check_error(bob.error("GET", base + "/relations/" + quote(event)), 403, "M_FORBIDDEN")
        self.check_error(bob.error("GET", base + "/threads"), 403, "M_FORBIDDEN")
        self.check_error(alice.error("GET", base + "/relations/$unknown"), 404, "M_NOT_FOUND")
        for query in ("?dir=x", "?limit=0", "?limit=x", "?from=zzz"):
            self.assertEqual(alice.error("GET", base + "/relations/" + quote(event) + query).status, 400, query)
        self.assertEqual(alice.error("GET", base + "/threads?include=some").status, 400)

    def test_relations_are_kept_by_a_plain_message_in_a_busy_room_across_a_restart(self):
        alice, = self.users("alice")
        room = alice.create_room()
        event = alice.send(room, "root")
        edit = self.relate(alice, room, "m.replace", event, "edited")
        self.server.restart()
        shown = {entry["event_id"]: entry for entry in alice.history(room)}
        self.assertEqual(shown[event]["unsigned"]["m.relations"]["m.replace"]["event_id"], edit)
        self.assertNotIn("m.relations", shown[edit]["unsigned"])


on_both_engines(Relations, globals(), processes=True)

if __name__ == "__main__":
    unittest.main()
