# SPDX-License-Identifier: Apache-2.0
"""Push rules, and the unread counts that they make."""

import contextlib
import functools
import json
import os
import sqlite3
import threading
import unittest
from urllib.parse import quote, urlencode

from lares_test import Postgres, Server, Workers, wait_until

V3 = "/_matrix/client/v3"
RULES = V3 + "/pushrules/"
THREADS = json.dumps({"room": {"timeline": {"unread_thread_notifications": True}}})


def rule_path(kind, rule_id, *rest):
    return "/".join([V3 + "/pushrules/global", kind, quote(rule_id, safe=""), *rest])


def mention(*users, room=None, body="look"):
    mentions = {"user_ids": [user.user_id for user in users]}
    if room is not None:
        mentions["room"] = room
    return {"msgtype": "m.text", "body": body, "m.mentions": mentions}


def in_thread(root, body="in the thread", **more):
    return {"msgtype": "m.text", "body": body, **more,
            "m.relates_to": {"rel_type": "m.thread", "event_id": root}}


def once_rules_have_travelled(test):
    """An event that is written before a change of rules has reached the process that writes it knows the old rules, and
    nothing says when it has: where processes share the server, such a test may begin again with another room."""

    @functools.wraps(test)
    def attempts(self):
        for _ in range(2 if self.patience else 0):
            try:
                return test(self)
            except AssertionError:
                pass
        return test(self)

    return attempts


class PushRulesBehaviour:
    def refused(self, status, errcode, client, method, path, body=None, query=None):
        def answer():
            sent = path + ("?" + urlencode(query) if query else "")
            response = client.raw(method, sent, body)
            return response.status, (response.json or {}).get("errcode")

        self.becomes((status, errcode), answer, path)

    def becomes(self, expected, look, what=""):
        """Where processes share the server, what one has acknowledged reaches the others a moment later."""
        if self.patience:
            wait_until(lambda: look() == expected, self.patience, what="%s: %r" % (what, expected))
        else:
            self.assertEqual(look(), expected, what)

    def change(self, client, method, path, body=None):
        """Changes rules, and lets the change travel: an event that is written before it arrives knows the old rules."""
        if client.since is None:
            client.sync()
        client.call(method, path, body)
        client.sync_until(lambda answer: any(event["type"] == "m.push_rules" for event in
                                             answer.get("account_data", {}).get("events", [])))

    def someone(self):
        PushRulesBehaviour.people += 1
        client = self.server.register("someone%d" % PushRulesBehaviour.people)
        self.addCleanup(client.disconnect)
        return client

    people = 0
    patience = 0

    def order(self, client, kind):
        return [rule["rule_id"] for rule in client.get(RULES)["global"][kind]]

    def restart(self):
        self.server.restart()

    # -- endpoints --------------------------------------------------------------------------------------------------
    def test_everybody_has_the_predefined_rules(self):
        client = self.someone()
        everything = client.get(RULES)
        self.assertEqual(client.get(RULES + "global/"), everything["global"])
        self.assertEqual(client.get(V3 + "/pushrules"), everything)
        self.assertEqual(self.order(client, "override")[:3],
                         [".m.rule.master", ".m.rule.suppress_notices", ".m.rule.invite_for_me"])
        mention_rule = client.get(rule_path("override", ".m.rule.is_user_mention"))
        self.assertEqual(mention_rule["conditions"][0]["value"], client.user_id)
        self.assertIs(mention_rule["default"], True)
        self.assertEqual(client.get(rule_path("override", ".m.rule.master", "enabled")), {"enabled": False})
        self.assertEqual(client.get(rule_path("underride", ".m.rule.message", "actions")), {"actions": ["notify"]})

    def test_a_rule_is_put_read_moved_changed_and_deleted(self):
        client = self.someone()
        cake = {"pattern": "cake", "actions": ["notify", {"set_tweak": "sound", "value": "cakealarm.wav"}]}
        client.put(rule_path("content", "cake"), cake)
        self.becomes({"rule_id": "cake", "default": False, "enabled": True, **cake},
                     lambda: client.raw("GET", rule_path("content", "cake")).json)
        client.put(rule_path("content", "lie") + "?before=cake", {"pattern": "cake*lie", "actions": []})
        client.put(rule_path("content", "tea") + "?after=cake", {"pattern": "tea", "actions": []})
        client.put(rule_path("content", "new"), {"pattern": "new", "actions": []})
        self.becomes(["new", "lie", "cake", "tea"], lambda: self.order(client, "content"))
        client.put(rule_path("content", "cake", "enabled"), {"enabled": False})
        client.put(rule_path("content", "cake", "actions"), {"actions": ["dont_notify"]})
        self.becomes({"enabled": False}, lambda: client.get(rule_path("content", "cake", "enabled")))
        self.becomes({"actions": ["dont_notify"]}, lambda: client.get(rule_path("content", "cake", "actions")))
        # What is put again stays where it is, and off.
        client.put(rule_path("content", "cake"), cake)
        self.becomes(["new", "lie", "cake", "tea"], lambda: self.order(client, "content"))
        self.assertIs(client.get(rule_path("content", "cake"))["enabled"], False)
        client.delete(rule_path("content", "cake"))
        self.refused(404, "M_NOT_FOUND", client, "GET", rule_path("content", "cake"))
        self.refused(404, "M_NOT_FOUND", client, "DELETE", rule_path("content", "cake"))

    def test_what_is_wrong_is_refused(self):
        client = self.someone()
        good = {"actions": ["notify"]}
        self.refused(400, "M_INVALID_PARAM", client, "PUT", rule_path("room", ".m.rule.mine"), good)
        self.refused(400, "M_INVALID_PARAM", client, "PUT", rule_path("room", "a\\b"), good)
        self.refused(404, "M_NOT_FOUND", client, "PUT", rule_path("song", "a"), good)
        self.refused(404, "M_NOT_FOUND", client, "PUT", V3 + "/pushrules/device/room/a", good)
        self.refused(400, "M_INVALID_PARAM", client, "PUT", rule_path("room", "a"), {})
        self.refused(400, "M_INVALID_PARAM", client, "PUT", rule_path("content", "a"), good)
        self.refused(400, "M_INVALID_PARAM", client, "PUT", rule_path("room", "a"), {"actions": ["shout"]})
        self.refused(400, "M_UNKNOWN", client, "PUT", rule_path("room", "a"), good, {"before": "nobody"})
        self.refused(400, "M_UNKNOWN", client, "PUT", rule_path("override", "a"), good, {"after": ".m.rule.master"})
        self.refused(404, "M_NOT_FOUND", client, "DELETE", rule_path("override", ".m.rule.master"))
        self.refused(404, "M_NOT_FOUND", client, "GET", rule_path("override", "nothing", "enabled"))
        self.refused(404, "M_NOT_FOUND", client, "PUT", rule_path("room", "nothing", "enabled"), {"enabled": True})
        self.refused(404, "M_NOT_FOUND", client, "PUT", rule_path("room", "nothing", "actions"), {"actions": []})
        self.refused(400, "M_BAD_JSON", client, "PUT", rule_path("override", ".m.rule.master", "enabled"),
                     {"enabled": "yes"})
        self.becomes([], lambda: self.order(client, "room"))

    def test_sync_brings_the_rules_first_and_when_they_change(self):
        client = self.someone()

        def rules(answer):
            found = [event for event in answer.get("account_data", {}).get("events", [])
                     if event["type"] == "m.push_rules"]
            return found[0]["content"] if found else None

        self.assertEqual(rules(client.sync()), client.get(RULES))
        self.assertIsNone(rules(client.sync()))
        client.put(rule_path("override", ".m.rule.master", "enabled"), {"enabled": True})
        changed = client.sync_until(rules)
        self.assertIs(changed["global"]["override"][0]["enabled"], True)
        self.assertIsNone(rules(client.sync()))

    # -- counts -----------------------------------------------------------------------------------------------------
    def room(self, count=3):
        """A room of so many people; the first one listens, the others speak."""
        people = [self.someone() for _ in range(count)]
        room = people[0].create_room()
        for other in people[1:]:
            other.join(room)
        people[0].sync()
        return (room, *people)

    def counts(self, client, room, filter=None):
        """What a sync from the start says."""
        query = {"filter": filter} if filter else {}
        fresh = self.server.client(client.token)
        section = fresh.sync(**query).get("rooms", {}).get("join", {}).get(room)
        fresh.disconnect()
        if section is None:
            return None
        unread = section["unread_notifications"]
        threads = section.get("unread_thread_notifications", {})
        shown = (unread["notification_count"], unread["highlight_count"])
        if not filter:
            return shown
        return shown, {root: (one["notification_count"], one["highlight_count"]) for root, one in threads.items()}

    def sees(self, client, room, expected, filter=None):
        self.becomes(expected, lambda: self.counts(client, room, filter), client.user_id)

    def comes_to(self, client, room, expected):
        """What the next sync says; where processes share the server, one of the next."""
        seen = []

        def counts(answer):
            section = answer.get("rooms", {}).get("join", {}).get(room)
            if section:
                unread = section["unread_notifications"]
                seen.append((unread["notification_count"], unread["highlight_count"]))
            return seen and (not self.patience or seen[-1] == expected)

        client.sync_until(counts, self.patience or 20)
        self.assertEqual(seen[-1], expected)

    def read(self, client, room, event_id, thread=None, kind="m.read"):
        client.post(client.room_path(room, "receipt", kind, event_id), {"thread_id": thread} if thread else {})

    def test_messages_count_for_everybody_but_the_sender(self):
        room, alice, bob, carol = self.room()
        bob.send(room, "one")
        carol.send(room, "two")
        self.comes_to(alice, room, (2, 0))
        self.sees(alice, room, (2, 0))
        self.sees(bob, room, (1, 0))
        bob.send(room, {"msgtype": "m.notice", "body": "quiet"})
        bob.set_state(room, "m.room.member", {"membership": "join", "displayname": "Robert"}, bob.user_id)
        self.sees(alice, room, (2, 0))
        self.sees(bob, room, (1, 0))

    def test_a_mention_is_a_highlight_for_whom_it_names(self):
        room, alice, bob, carol = self.room()
        bob.send(room, mention(alice))
        self.sees(alice, room, (1, 1))
        self.sees(carol, room, (1, 0))
        bob.send(room, {"msgtype": "m.notice", "body": "x", "m.mentions": {"user_ids": [alice.user_id]}})
        self.sees(alice, room, (1, 1))

    def test_the_room_is_mentioned_by_who_may(self):
        room, alice, bob, carol = self.room()
        bob.send(room, mention(room=True))
        self.sees(carol, room, (1, 0))
        alice.send(room, mention(room=True))
        self.sees(carol, room, (2, 1))
        self.sees(bob, room, (1, 1))

    @once_rules_have_travelled
    def test_a_muted_room_counts_mentions_alone(self):
        room, alice, bob, carol = self.room()
        self.change(alice, "PUT", rule_path("room", room), {"actions": []})
        bob.send(room, "one")
        bob.send(room, mention(alice))
        self.comes_to(alice, room, (1, 1))
        self.sees(alice, room, (1, 1))
        self.sees(carol, room, (2, 0))
        self.change(alice, "PUT", rule_path("override", "quiet"),
                  {"actions": [], "conditions": [{"kind": "event_match", "key": "room_id", "pattern": room}]})
        bob.send(room, mention(alice))
        self.sees(alice, room, (1, 1))
        self.change(alice, "DELETE", rule_path("room", room))
        self.change(alice, "DELETE", rule_path("override", "quiet"))
        bob.send(room, "again")
        self.sees(alice, room, (2, 1))

    @once_rules_have_travelled
    def test_rules_that_were_there_before_the_join_hold(self):
        room, alice, bob = self.room(2)
        late = self.someone()
        self.change(late, "PUT", rule_path("content", "cake"), {"pattern": "cake", "actions": ["notify", {"set_tweak": "highlight"}]})
        bob.send(room, "early cake")
        late.join(room)
        bob.send(room, "cake")
        bob.send(room, "cupcakes")
        self.sees(late, room, (2, 1))
        late.leave(room)
        bob.send(room, "cake while away")
        late.join(room)
        self.sees(late, room, (0, 0))
        bob.send(room, "cake after all")
        self.sees(late, room, (1, 1))

    @once_rules_have_travelled
    def test_a_name_is_looked_for_where_a_rule_says_so(self):
        room, alice, bob = self.room(2)
        carol = self.someone()
        self.change(carol, "PUT", rule_path("override", "name"),
                  {"actions": ["notify", {"set_tweak": "highlight"}],
                   "conditions": [{"kind": "contains_display_name"}]})
        carol.join(room)
        carol.set_state(room, "m.room.member", {"membership": "join", "displayname": "Caro Lin"}, carol.user_id)
        bob.send(room, "ask caro lin!")
        bob.send(room, "ask caroline")
        self.sees(carol, room, (2, 1))

    def test_receipts_take_counts_back(self):
        room, alice, bob, carol = self.room()
        first = bob.send(room, "one")
        second = bob.send(room, mention(alice))
        bob.send(room, "three")
        self.comes_to(alice, room, (3, 1))
        self.read(alice, room, first)
        self.comes_to(alice, room, (2, 1))
        self.read(alice, room, second, kind="m.read.private")
        self.comes_to(alice, room, (1, 0))
        self.sees(alice, room, (1, 0))
        bob.send(room, "four")
        self.comes_to(alice, room, (2, 0))
        self.sees(carol, room, (4, 0))

    def test_threads_are_counted_by_themselves_where_asked(self):
        room, alice, bob, carol = self.room()
        root = bob.send(room, "root")
        other = bob.send(room, "other root")
        carol.send(room, in_thread(root))
        reply = carol.send(room, in_thread(root, **{"m.mentions": {"user_ids": [alice.user_id]}}))
        carol.send(room, in_thread(other))
        self.sees(alice, room, (5, 1))
        self.sees(alice, room, ((2, 0), {root: (2, 1), other: (1, 0)}), THREADS)
        self.read(alice, room, other, "main")
        self.sees(alice, room, ((0, 0), {root: (2, 1), other: (1, 0)}), THREADS)
        self.read(alice, room, reply, root)
        self.sees(alice, room, ((0, 0), {other: (1, 0)}), THREADS)
        last = bob.send(room, "last")
        self.sees(alice, room, ((1, 0), {other: (1, 0)}), THREADS)
        self.read(alice, room, last)
        self.sees(alice, room, ((0, 0), {}), THREADS)

    @once_rules_have_travelled
    def test_nothing_is_lost_or_counted_twice_while_many_speak_at_once(self):
        room, alice, *others = self.room(5)
        self.change(others[0], "PUT", rule_path("room", room), {"actions": []})

        def speak(client):
            for number in range(30):
                client.send(room, mention(alice, *others[:2]) if number % 3 == 0 else "word %d" % number)
            client.disconnect()

        speakers = [threading.Thread(target=speak, args=(client,)) for client in others]
        for speaker in speakers:
            speaker.start()
        while any(speaker.is_alive() for speaker in speakers):
            alice.sync()
            self.counts(others[1], room)
        for speaker in speakers:
            speaker.join()
        self.sees(alice, room, (120, 40))
        self.sees(others[0], room, (30, 30))
        self.sees(others[1], room, (90, 30))
        self.sees(others[2], room, (90, 0))

    def ignore(self, client, *others):
        client.sync()
        client.put(V3 + "/user/%s/account_data/m.ignored_user_list" % client.user_id,
                   {"ignored_users": {other.user_id: {} for other in others}})
        client.sync_until(lambda answer: any(event["type"] == "m.ignored_user_list" for event in
                                             answer.get("account_data", {}).get("events", [])))

    @once_rules_have_travelled
    def test_who_is_ignored_counts_for_nothing(self):
        room, alice, bob, carol = self.room()
        bob.send(room, "not ignored yet")
        self.ignore(alice, bob)
        for _ in range(12):
            bob.send(room, mention(alice))
        carol.send(room, "one")
        self.sees(alice, room, (2, 0))
        self.sees(carol, room, (13, 0))
        other = bob.create_room()
        alice.join(other)
        bob.send(other, "before anybody had looked")
        bob.send(other, mention(alice))
        self.sees(alice, other, (0, 0))
        self.ignore(alice)
        bob.send(room, "heard again")
        self.sees(alice, room, (3, 0))

    @once_rules_have_travelled
    def test_a_redaction_takes_counts_back(self):
        room, alice, bob, carol = self.room()
        self.change(carol, "PUT", rule_path("room", room), {"actions": []})
        bob.send(room, "stays")
        gone = bob.send(room, mention(alice, carol))
        self.comes_to(alice, room, (2, 1))
        self.comes_to(carol, room, (1, 1))
        bob.redact(room, gone)
        self.comes_to(alice, room, (1, 0))
        self.sees(alice, room, (1, 0))
        self.sees(carol, room, (0, 0))
        # Once, however often it is redacted; and what counted for nobody takes nothing back.
        bob.redact(room, gone)
        bob.redact(room, bob.send(room, {"m.relates_to": {"rel_type": "m.annotation", "event_id": gone, "key": "x"}},
                                  kind="m.reaction"))
        self.sees(alice, room, (1, 0))
        self.sees(carol, room, (0, 0))
        # Whose own redaction it is counts less, too.
        spam = bob.send(room, mention(alice))
        self.sees(alice, room, (2, 1))
        alice.redact(room, spam)
        self.sees(alice, room, (1, 0))
        root = bob.send(room, "root")
        inside = bob.send(room, in_thread(root))
        self.sees(alice, room, ((2, 0), {root: (1, 0)}), THREADS)
        bob.redact(room, inside)
        self.sees(alice, room, ((2, 0), {}), THREADS)
        self.restart()
        self.sees(alice, room, (2, 0))
        self.sees(carol, room, (0, 0))

    @once_rules_have_travelled
    def test_a_restart_forgets_nothing(self):
        room, alice, bob, carol = self.room()
        self.change(carol, "PUT", rule_path("room", room), {"actions": []})
        root = bob.send(room, "root")
        bob.send(room, mention(alice))
        bob.send(room, in_thread(root))
        expected = [(alice, ((2, 1), {root: (1, 0)})), (bob, ((0, 0), {})), (carol, ((0, 0), {}))]
        for client, counts in expected:
            self.sees(client, room, counts, THREADS)
        self.restart()
        for client, counts in expected:
            self.sees(client, room, counts, THREADS)
        bob.send(room, mention(carol))
        self.sees(alice, room, (4, 1))
        self.sees(carol, room, (1, 1))
        self.assertEqual(len(carol.get(RULES)["global"]["room"]), 1)


class PushRulesOnSqliteTest(PushRulesBehaviour, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(Server())

    def test_no_row_is_written_where_nobody_differs(self):
        room, alice, bob, carol = self.room()

        def rows():
            with contextlib.closing(sqlite3.connect(os.path.join(self.server.folder, "homeserver.db"))) as database:
                return database.execute("SELECT count(*) FROM push_exceptions").fetchone()[0]

        before = rows()
        for _ in range(5):
            bob.send(room, "plain")
        self.assertEqual(rows(), before)
        bob.send(room, mention(alice, bob, self.someone()))
        self.assertEqual(rows(), before + 1)


class PushRulesOnPostgresTest(PushRulesBehaviour, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        postgres = cls.enterClassContext(Postgres())
        cls.server = cls.enterClassContext(Server(database=postgres.create_database()))


class PushRulesOnWorkersTest(PushRulesBehaviour, unittest.TestCase):
    """Events, push rules and /sync in processes of their own, behind nginx."""

    patience = 10

    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(Workers())

    def restart(self):
        for name in ("event_persister1", "event_persister2", "stream_writer1", "generic_worker1"):
            self.server.kill(name)
        self.server.start()


if __name__ == "__main__":
    unittest.main(verbosity=2)
