# SPDX-License-Identifier: Apache-2.0
"""Who is told that somebody's devices or keys changed, and that somebody is gone."""

import contextlib
import glob
import os
import sqlite3
import unittest
from urllib.parse import quote

from shape import ShapeTest
from signing import Identity

V3 = "/_matrix/client/v3"


def lists(answer):
    section = answer.get("device_lists", {})
    return set(section.get("changed", [])), set(section.get("left", []))


class DeviceListsTest(ShapeTest):
    def sql(self, statement, text):
        """Changes the database while no server runs."""
        literal = text.encode().hex()
        if self.database:
            self.postgres.sql(statement % ("'\\x%s'" % literal), self.database)
            return
        path, = glob.glob(os.path.join(self.server.folder, "**", "*.db"), recursive=True)
        with contextlib.closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(statement % ("x'%s'" % literal))

    def test_a_new_device_is_news_to_those_who_share_a_room_and_to_nobody_else(self):
        alice, bob, carol = self.users("alice", "bob", "carol")
        room = alice.create_room()
        bob.join(room)
        for user in (alice, bob, carol):
            user.sync()
        self.server.client().login(alice.name)
        self.assertEqual(lists(bob.sync(timeout=20000)), ({alice.user_id}, set()))
        self.assertEqual(lists(alice.sync()), ({alice.user_id}, set()))
        self.assertEqual(lists(carol.sync()), (set(), set()))
        self.assertEqual(lists(bob.sync()), (set(), set()))

    def test_renaming_and_deleting_a_device_are_news(self):
        alice, bob = self.users("alice", "bob")
        room = alice.create_room()
        bob.join(room)
        phone = self.server.client().login(alice.name)
        bob.sync()
        alice.put(V3 + "/devices/" + phone.device_id, {"display_name": "old phone"})
        self.assertEqual(lists(bob.sync()), ({alice.user_id}, set()))
        phone.post(V3 + "/logout")
        self.assertEqual(lists(bob.sync(timeout=20000)), ({alice.user_id}, set()))

    def test_who_comes_into_a_room_is_news_and_so_are_all_in_a_room_that_one_comes_into(self):
        alice, bob = self.users("alice", "bob")
        room = alice.create_room()
        alice.sync()
        bob.sync()
        bob.join(room)
        self.assertEqual(lists(alice.sync()), ({bob.user_id}, set()))
        self.assertIn(alice.user_id, lists(bob.sync())[0])

    def test_who_shares_no_room_any_more_has_left(self):
        alice, bob, carol = self.users("alice", "bob", "carol")
        first, second = alice.create_room(), alice.create_room()
        for room in (first, second):
            bob.join(room)
        carol.join(first)
        for user in (alice, bob, carol):
            user.sync()
        bob.leave(first)
        # They still share the second room.
        self.assertEqual(lists(alice.sync())[1], set())
        self.assertEqual(lists(carol.sync()), (set(), {bob.user_id}))
        self.assertEqual(lists(bob.sync())[1], {carol.user_id})
        bob.leave(second)
        self.assertEqual(lists(alice.sync())[1], {bob.user_id})

    def test_changes_between_two_tokens(self):
        alice, bob = self.users("alice", "bob")
        room = alice.create_room()
        bob.join(room)
        bob.sync()
        start = bob.since
        self.server.client().login(alice.name)
        bob.sync()
        middle = bob.since
        path = V3 + "/keys/changes?from=%s&to=%s"
        changes = bob.get(path % (quote(start), quote(middle)))
        self.assertEqual((changes["changed"], changes["left"]), ([alice.user_id], []))
        alice.leave(room)
        bob.sync()
        changes = bob.get(path % (quote(middle), quote(bob.since)))
        self.assertEqual((changes["changed"], changes["left"]), ([], [alice.user_id]))
        self.assertEqual(bob.error("GET", V3 + "/keys/changes").errcode, "M_MISSING_PARAM")
        self.assertEqual(bob.error("GET", path % ("x", "y")).errcode, "M_INVALID_PARAM")

    def test_what_was_noted_and_not_said_is_said_at_the_next_start(self):
        alice, bob = self.users("alice", "bob")
        bob.join(alice.create_room())
        bob.sync()
        # As a process leaves it that ends between its commit and the announcement.
        self.server.stop()
        self.sql("INSERT INTO device_list_pending SELECT account FROM accounts WHERE user_id = %s", alice.user_id)
        self.server.start()
        bob.sync_until(lambda answer: lists(answer) == ({alice.user_id}, set()))

    def test_what_was_refused_when_it_should_be_said_is_said_without_another_start(self):
        if not self.database:
            self.skipTest("a database that refuses is made of triggers while the server runs")
        alice, bob = self.users("alice", "bob")
        bob.join(alice.create_room())
        bob.sync()
        keys = {"device_keys": Identity(alice).device_keys()}
        # As with a database that goes away between the commit of the keys and the announcement.
        self.postgres.sql("""
            CREATE FUNCTION refuse() RETURNS trigger AS $$ BEGIN RAISE EXCEPTION 'refused'; END $$ LANGUAGE plpgsql;
            CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON device_list_changes FOR EACH ROW EXECUTE FUNCTION refuse()
            """, self.database)
        try:
            self.assertGreaterEqual(alice.error("POST", V3 + "/keys/upload", keys).status, 500)
            # The client tries again, and nothing is new any more.
            alice.post(V3 + "/keys/upload", keys)
            self.assertEqual(lists(bob.sync()), (set(), set()))
        finally:
            self.postgres.sql("DROP FUNCTION refuse CASCADE", self.database)
        self.assertEqual(lists(bob.sync(timeout=30000)), ({alice.user_id}, set()))

    def test_what_happened_before_a_kill_is_told_after_it(self):
        alice, bob = self.users("alice", "bob")
        room = alice.create_room()
        bob.join(room)
        bob.sync()
        phone = self.server.client().login(alice.name)
        self.assertEqual(lists(bob.sync()), ({alice.user_id}, set()))
        phone.post(V3 + "/logout")
        self.server.kill()
        self.server.start()
        self.assertEqual(lists(bob.sync()), ({alice.user_id}, set()))


if __name__ == "__main__":
    unittest.main()
