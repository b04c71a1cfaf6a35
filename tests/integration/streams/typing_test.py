# SPDX-License-Identifier: Apache-2.0
"""Who types in a room, as the others see it."""

import threading
import unittest

from engines import OnPostgres, OnSqlite, OnWorkers, events, joined
from lares_test import wait_until


def typing(answer, room):
    """The users of the last m.typing of a room, or None without one."""
    found = [event["content"]["user_ids"] for event in events(joined(answer, room), "ephemeral")
             if event["type"] == "m.typing"]
    return found[-1] if found else None


class TypingBehaviour:
    def types(self, client, room, typing=True, **fields):
        client.put(client.room_path(room, "typing", client.user_id), {"typing": typing, **fields})

    def shows_typing(self, client, room, *users):
        self.shows(client, lambda answer: typing(answer, room), list(users))

    def test_typing_ends_the_waiting_syncs_of_the_room_and_stops(self):
        room = self.room_of(self.alice, self.bob)
        answers = []
        waiting = threading.Thread(target=lambda: answers.append(self.bob.sync(timeout=20_000)))
        waiting.start()
        self.types(self.alice, room)
        waiting.join(15)
        self.assertFalse(waiting.is_alive())
        self.assertEqual(typing(answers[0], room), [self.alice.user_id])
        self.types(self.alice, room, timeout=60_000)
        self.assertIsNone(typing(self.bob.sync(), room), "who goes on typing is no news")
        self.types(self.bob, room)
        self.shows_typing(self.bob, room, *sorted([self.alice.user_id, self.bob.user_id]))
        self.types(self.alice, room, False)
        self.shows_typing(self.bob, room, self.bob.user_id)
        first = self.server.client(self.alice.token).sync()
        self.assertEqual(typing(first, room), [self.bob.user_id])
        self.types(self.bob, room, False)
        self.shows_typing(self.bob, room)
        self.assertIsNone(typing(self.server.client(self.alice.token).sync(), room))

    def test_typing_ends_by_itself(self):
        room = self.room_of(self.alice, self.bob)
        self.types(self.alice, room, timeout=1000)
        self.shows_typing(self.bob, room, self.alice.user_id)
        self.bob.sync_until(lambda answer: typing(answer, room) == [], timeout=10)

    def test_who_leaves_types_no_more(self):
        room = self.room_of(self.alice, self.bob)
        self.types(self.alice, room, timeout=100_000)
        self.shows_typing(self.bob, room, self.alice.user_id)
        self.alice.leave(room)
        self.bob.sync_until(lambda answer: typing(answer, room) == [], timeout=10)

    def test_who_joins_sees_who_types(self):
        room = self.room_of(self.alice)
        self.types(self.alice, room)
        self.carol.sync()
        self.carol.join(room)
        self.shows_typing(self.carol, room, self.alice.user_id)
        self.types(self.alice, room, False)

    def test_hostile_requests_are_answered(self):
        room = self.room_of(self.alice)
        own = self.alice.room_path(room, "typing", self.alice.user_id)
        stranger = self.bob.room_path(room, "typing", self.bob.user_id)
        self.refused(403, "M_FORBIDDEN", self.bob, "PUT", own, {"typing": True})
        self.refused(403, "M_FORBIDDEN", self.bob, "PUT", stranger, {"typing": True})
        self.refused(400, "M_MISSING_PARAM", self.alice, "PUT", own, {})
        self.refused(400, "M_BAD_JSON", self.alice, "PUT", own, {"typing": "yes"})
        self.refused(400, "M_BAD_JSON", self.alice, "PUT", own, {"typing": True, "timeout": "long"})
        self.refused(400, "M_BAD_JSON", self.alice, "PUT", own, {"typing": True, "timeout": -5})
        self.refused(400, "M_INVALID_PARAM", self.alice, "PUT",
                     self.alice.room_path("no room", "typing", self.alice.user_id), {"typing": True})
        self.refused(413, "M_TOO_LARGE", self.alice, "PUT", own, {"typing": True, "much": "x" * 10_000})
        self.types(self.alice, room, timeout=2 ** 53)
        self.types(self.alice, room, False)

    def test_a_restart_leaves_nobody_typing(self):
        room = self.room_of(self.alice, self.bob)
        self.types(self.alice, room)
        self.bob.sync()
        self.server.kill()
        self.server.start()
        self.types(self.bob, room)
        wait_until(lambda: typing(self.alice.sync(timeout=1000), room) == [self.bob.user_id])


class TypingOnSqliteTest(OnSqlite, TypingBehaviour, unittest.TestCase):
    pass


class TypingOnPostgresTest(OnPostgres, TypingBehaviour, unittest.TestCase):
    pass


class TypingOnWorkersTest(OnWorkers, TypingBehaviour, unittest.TestCase):
    pass


if __name__ == "__main__":
    unittest.main(verbosity=2)
