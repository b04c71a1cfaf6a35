# SPDX-License-Identifier: Apache-2.0
"""A server on SQLite whose disk is full for a while."""

import contextlib
import os
import sqlite3
import tempfile
import unittest

from disk import DATABASE, server_with_disk
from lares_test import wait_until

V3 = "/_matrix/client/v3"


class FullDiskTest(unittest.TestCase):
    def test_sends_are_refused_with_503_reads_go_on_and_nothing_is_lost(self):
        folder = self.enterContext(tempfile.TemporaryDirectory())
        full = os.path.join(folder, "full")
        with server_with_disk({"LARES_TEST_FULL_IF": full}) as server:
            alice, bob = server.register("alice"), server.register("bob")
            room = alice.create_room()
            bob.join(room)
            bob.sync()
            sent = [alice.send(room, "before")]
            open(full, "w").close()
            # What is written within the length that the files have is no matter to a full disk; small messages take what
            # room large ones leave.
            for size in (30000, 10):
                refused = False
                while not refused:
                    last = alice.room_path(room, "send", "m.room.message", "full%d" % len(sent))
                    answer = alice.raw("PUT", last, {"msgtype": "m.text", "body": "x" * size})
                    refused = answer.status != 200
                    if not refused:
                        sent.append(answer.json["event_id"])
                    self.assertLess(len(sent), 2000)
                self.assertEqual((answer.status, answer.json["errcode"]), (503, "M_UNKNOWN"), answer.text)
            for method, path, body in (
                    ("PUT", "%s/user/%s/account_data/test" % (V3, alice.user_id), {"x": "y" * 30000}),
                    ("POST", V3 + "/createRoom", {"topic": "x" * 30000}),
                    ("PUT", alice.room_path(room, "state", "m.room.topic"), {"topic": "x" * 30000})):
                answer = alice.raw(method, path, body)
                self.assertEqual((answer.status, answer.json["errcode"]), (503, "M_UNKNOWN"), answer.text)

            self.assertEqual(bob.get(V3 + "/account/whoami")["user_id"], bob.user_id)
            self.assertEqual([event["event_id"] for event in bob.history(room)][-len(sent):], sent)
            self.assertTrue(bob.sync()["rooms"]["join"][room]["timeline"]["events"])

            os.unlink(full)
            sent.append(alice.put(last, {"msgtype": "m.text", "body": "again"})["event_id"])
            sent.append(alice.send(room, "after"))
            wait_until(lambda: [event["event_id"] for event in bob.history(room)][-len(sent):] == sent)
            server.kill()
            server.start()
            self.assertEqual([event["event_id"] for event in bob.history(room)][-len(sent):], sent)
            server.stop()
            with contextlib.closing(sqlite3.connect(os.path.join(server.folder, DATABASE))) as database:
                self.assertEqual(database.execute("PRAGMA integrity_check").fetchall(), [("ok",)])


if __name__ == "__main__":
    unittest.main(verbosity=2)
