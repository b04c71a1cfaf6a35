# SPDX-License-Identifier: Apache-2.0
"""Messages from device to device: once each, in order, across kills; in each shape of the server."""

import contextlib
import glob
import os
import sqlite3
import unittest
from urllib.parse import quote

from lares_test import wait_until
from shape import SHAPE, ShapeTest

V3 = "/_matrix/client/v3"


def put(client, messages, txn=None, kind="m.dummy"):
    return client.put("%s/sendToDevice/%s/%s" % (V3, quote(kind, safe=""), txn or client.new_txn()),
                      {"messages": messages})


def received(client, **query):
    """What one sync brings for the client's device."""
    return [event["content"] for event in client.sync(**query).get("to_device", {}).get("events", [])]


class ToDeviceTest(ShapeTest):
    def test_a_message_arrives_once_and_wakes_the_device(self):
        alice, bob = self.users("alice", "bob")
        bob.sync()
        put(alice, {bob.user_id: {bob.device_id: {"n": 1}}}, kind="m.room_key_request")
        answer = bob.sync(timeout=20000)
        self.assertEqual(answer["to_device"]["events"],
                         [{"content": {"n": 1}, "sender": alice.user_id, "type": "m.room_key_request"}])
        self.assertNotIn("to_device", bob.sync())

    def test_it_comes_again_until_a_later_token_acknowledges_it(self):
        alice, bob = self.users("alice", "bob")
        bob.sync()
        before = bob.since
        put(alice, {bob.user_id: {bob.device_id: {"n": 1}}})
        self.assertEqual(received(bob, since=before), [{"n": 1}])
        self.server.kill()
        self.server.start()
        self.assertEqual(received(bob, since=before), [{"n": 1}])
        after = bob.since
        self.assertEqual(received(bob, since=after), [])
        # What was acknowledged is deleted.
        self.assertEqual(received(bob, since=before), [])

    def test_a_star_stands_for_every_device(self):
        alice, bob = self.users("alice", "bob")
        tablet = self.server.client().login(bob.name)
        put(alice, {bob.user_id: {"*": {"to": "all"}, tablet.device_id: {"to": "the tablet"}}})
        self.assertEqual(received(bob), [{"to": "all"}])
        self.assertEqual(received(tablet), [{"to": "the tablet"}])

    def test_a_retried_request_sends_nothing_again_also_after_a_kill(self):
        alice, bob = self.users("alice", "bob")
        put(alice, {bob.user_id: {bob.device_id: {"n": 1}}}, txn="same")
        put(alice, {bob.user_id: {bob.device_id: {"n": 1}}}, txn="same")
        self.server.kill()
        self.server.start()
        put(alice, {bob.user_id: {bob.device_id: {"n": 1}}}, txn="same")
        self.assertEqual(received(bob), [{"n": 1}])
        put(bob, {alice.user_id: {alice.device_id: {"n": 2}}}, txn="same")
        self.assertEqual(received(alice), [{"n": 2}])

    def test_a_hundred_at_a_time_in_order(self):
        alice, bob = self.users("alice", "bob")
        bob.sync()
        for n in range(250):
            put(alice, {bob.user_id: {bob.device_id: {"n": n}}})
        pages = []
        while page := received(bob):
            pages.append([content["n"] for content in page])
        self.assertEqual([len(page) for page in pages], [100, 100, 50])
        self.assertEqual(sum(pages, []), list(range(250)))
        self.assertEqual(received(bob), [])

    @unittest.skipIf(SHAPE != "sqlite", "it is the same statement on PostgreSQL")
    def test_of_a_device_that_never_syncs_the_newest_ten_thousand_are_kept(self):
        alice, bob = self.users("alice", "bob")
        path = os.path.join(self.server.folder, "**", "*.db")

        def sql(statement):
            found, = glob.glob(path, recursive=True)
            with contextlib.closing(sqlite3.connect(found)) as connection, connection:
                return connection.execute(statement, {"user": bob.user_id.encode(), "device": bob.device_id.encode()}
                                          ).fetchall()
        self.server.stop()
        sql("WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 9999) INSERT INTO "
            "to_device_messages (account, device_id, position, number, message) SELECT account, :device, x - 10000, x, "
            "x'7b7d' FROM n, accounts WHERE user_id = :user")
        self.server.start()
        for n in range(4):
            put(alice, {bob.user_id: {bob.device_id: {"n": n}}})
        self.server.stop()
        self.assertEqual(sql("SELECT COUNT(*), MIN(number), MAX(number) FROM to_device_messages WHERE device_id = :device"),
                         [(10000, 4, 10003)])
        self.server.start()
        self.assertEqual(received(bob), [{"n": n} for n in range(4)])

    def test_messages_go_with_their_device(self):
        alice, bob = self.users("alice", "bob")
        phone = self.server.client().login(bob.name, device_id="PHONE")
        put(alice, {bob.user_id: {"PHONE": {"n": 1}}})
        phone.post(V3 + "/logout")
        phone = self.server.client().login(bob.name, device_id="PHONE")
        self.assertEqual(received(phone), [])

    def test_messages_that_were_stored_after_their_device_was_deleted_go_with_the_next_start(self):
        alice, bob = self.users("alice", "bob")
        put(alice, {bob.user_id: {bob.device_id: {"n": 1}}})

        def sql(statement, bob=bob.device_id.encode().hex(), gone=b"GONE".hex()):
            if self.postgres is not None:
                form = "decode('%s', 'hex')"
                rows = self.postgres.sql(statement.format(bob=form % bob, gone=form % gone), self.database)
                return [int(row[0]) for row in rows]
            found, = glob.glob(os.path.join(self.server.folder, "**", "*.db"), recursive=True)
            with contextlib.closing(sqlite3.connect(found)) as connection, connection:
                return [row[0] for row in connection.execute(statement.format(bob="x'%s'" % bob, gone="x'%s'" % gone))]
        self.server.kill()
        sql("INSERT INTO to_device_messages (account, device_id, position, number, message) "
            "SELECT account, {gone}, position, number, message FROM to_device_messages WHERE device_id = {bob}")
        self.assertEqual(sql("SELECT COUNT(*) FROM to_device_messages WHERE device_id = {gone}"), [1])
        self.server.start()
        wait_until(lambda: sql("SELECT COUNT(*) FROM to_device_messages WHERE device_id = {gone}") == [0])
        self.assertEqual(received(bob), [{"n": 1}])

    def test_nobody_and_strangers_are_passed_over(self):
        alice, bob = self.users("alice", "bob")
        put(alice, {"@nobody:" + self.server.name: {"*": {}}, "@someone:elsewhere.test": {"*": {}},
                    bob.user_id: {"NOSUCHDEVICE": {}}})
        self.assertEqual(received(bob), [])

    def test_hostile_requests_are_refused(self):
        alice, bob = self.users("alice", "bob")
        path = V3 + "/sendToDevice/m.dummy/hostile"
        for body, status, errcode in (
                ({}, 400, "M_MISSING_PARAM"),
                ({"messages": []}, 400, "M_BAD_JSON"),
                ({"messages": {"no user": {}}}, 400, "M_INVALID_PARAM"),
                ({"messages": {bob.user_id: 1}}, 400, "M_BAD_JSON"),
                ({"messages": {bob.user_id: {bob.device_id: "text"}}}, 400, "M_BAD_JSON"),
                ({"messages": {bob.user_id: {bob.device_id: {"x": "y" * 70000}}}}, 413, "M_TOO_LARGE"),
                ({"messages": {"@u%d:elsewhere.test" % user: {} for user in range(20001)}}, 413, "M_TOO_LARGE"),
                (b"{", 400, "M_NOT_JSON")):
            with self.subTest(body=str(body)[:60]):
                error = alice.error("PUT", path, body)
                self.assertEqual((error.status, error.errcode), (status, errcode))
        error = alice.error("PUT", V3 + "/sendToDevice/m.dummy/" + "x" * 300, {"messages": {}})
        self.assertEqual(error.errcode, "M_INVALID_PARAM")
        self.assertEqual(received(bob), [])


if __name__ == "__main__":
    unittest.main()
