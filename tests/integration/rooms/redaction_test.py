# SPDX-License-Identifier: Apache-2.0
"""What was redacted is no longer shown at once, and no longer in the database once its time is over."""

import sqlite3
import unittest

from engines import EngineTests, on_both_engines
from lares_test import wait_until


class Redaction(EngineTests):
    CONFIG = {"redaction_retention_period": 1}

    def stored(self, event):
        """The event's bytes, as the database has them."""
        args = self.server.config["database"]["args"]
        wanted = "WHERE event_id = %s"
        if "dbname" in args:
            rows = self.postgres.sql("SELECT convert_from(body, 'UTF8') FROM events " +
                                     wanted % ("'\\x%s'::bytea" % event.encode().hex()), args["dbname"])
            return rows[0][0]
        database = sqlite3.connect("file:%s?mode=ro" % args["database"], uri=True)
        try:
            return database.execute("SELECT body FROM events " + wanted % ("X'%s'" % event.encode().hex())).fetchone()[0].decode()
        finally:
            database.close()

    def test_its_bytes_are_rewritten_and_nothing_else_changes(self):
        alice, = self.users("alice")
        room = alice.create_room()
        event = alice.send(room, "a secret")
        kept = alice.send(room, "no secret")
        redaction = alice.redact(room, event)
        shown = alice.get(alice.room_path(room, "event", event))
        self.assertEqual(shown["content"], {})
        self.assertIn("a secret", self.stored(event))
        # It is looked after at each start, and every few minutes.
        self.server.restart()
        wait_until(lambda: "a secret" not in self.stored(event), what="the end of what was redacted")
        self.assertIn("no secret", self.stored(kept))
        again = alice.get(alice.room_path(room, "event", event))
        self.assertEqual({**again, "unsigned": None}, {**shown, "unsigned": None})
        self.assertEqual(again["unsigned"]["redacted_because"]["event_id"], redaction)


on_both_engines(Redaction, globals())

if __name__ == "__main__":
    unittest.main()
