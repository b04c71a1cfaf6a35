# SPDX-License-Identifier: Apache-2.0
"""Who is there, as those who share a room see it."""

import json
import threading
import time
import unittest
from urllib.parse import quote

from engines import V3, OnPostgres, OnSqlite, OnWorkers
from lares_test import Server, wait_until


def status_path(client):
    return V3 + "/presence/" + quote(client.user_id, safe="") + "/status"


def seen(answer):
    """user -> content."""
    return {event["sender"]: event["content"] for event in answer.get("presence", {}).get("events", [])}


class PresenceBehaviour:
    config = {"presence": {"sync_online_timeout": "1500ms", "last_active_granularity": "1s", "idle_timeout": "4s"}}
    names = iter("p%d" % number for number in range(1000))

    def pair(self):
        """Two users of one room; the first watches without being seen."""
        watcher, other = (self.server.register(next(self.names)) for _ in range(2))
        room = watcher.create_room()
        other.join(room)
        watcher.sync(set_presence="offline")
        return watcher, other, room

    def becomes(self, watcher, other, state, timeout=15, **content):
        def found(answer):
            got = seen(answer).get(other.user_id)
            return got if got and got["presence"] == state and content.items() <= got.items() else None
        return watcher.sync_until(found, timeout=timeout, set_presence="offline")

    def test_who_syncs_is_online_and_goes_offline_after_the_last_sync(self):
        watcher, other, _ = self.pair()
        other.sync()
        content = self.becomes(watcher, other, "online")
        self.assertTrue(content["currently_active"])
        self.assertLess(content["last_active_ago"], 5000)
        began = time.monotonic()
        self.becomes(watcher, other, "offline")
        self.assertGreater(time.monotonic() - began, 1.0)

    def test_a_first_sync_shows_its_user_which_is_no_news_to_the_next(self):
        client = self.server.register(next(self.names))
        self.shows(client, lambda answer: seen(answer).get(client.user_id, {}).get("presence"), "online")
        self.assertEqual(seen(client.sync()), {})

    def test_who_waits_in_a_sync_stays_online(self):
        watcher, other, _ = self.pair()
        other.sync()
        waiting = threading.Thread(target=lambda: self.stay(other, 3.5))
        waiting.start()
        self.becomes(watcher, other, "online")
        for _ in range(6):
            self.assertNotEqual(seen(watcher.sync(timeout=400, set_presence="offline")).get(other.user_id, {})
                                .get("presence"), "offline")
        waiting.join()
        self.becomes(watcher, other, "offline")

    @staticmethod
    def stay(client, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            client.sync(timeout=2000)

    def test_who_does_nothing_becomes_idle_and_comes_back_with_a_message(self):
        watcher, other, room = self.pair()
        stop = threading.Event()
        def syncing():
            while not stop.is_set():
                other.sync(timeout=500)
        thread = threading.Thread(target=syncing)
        thread.start()
        try:
            self.becomes(watcher, other, "online", currently_active=True)
            self.becomes(watcher, other, "online", currently_active=False)
            self.becomes(watcher, other, "unavailable")
            other.send(room, "I am back")
            self.becomes(watcher, other, "online", currently_active=True)
        finally:
            stop.set()
            thread.join()

    def test_set_presence_decides_what_a_sync_says(self):
        watcher, other, _ = self.pair()
        other.sync(set_presence="offline")
        self.assertEqual(watcher.get(status_path(other))["presence"], "offline")
        other.sync(set_presence="unavailable")
        self.becomes(watcher, other, "unavailable")
        self.refused(400, "M_INVALID_PARAM", other, "GET", V3 + "/sync?set_presence=away")

    def test_what_a_user_says_is_seen_at_once_and_the_status_is_kept(self):
        watcher, other, _ = self.pair()
        other.put(status_path(other), {"presence": "unavailable", "status_msg": "im Garten"})
        expected = {"presence": "unavailable", "status_msg": "im Garten"}
        for client in (other, watcher):
            self.gives(lambda: client.get(status_path(other)), expected)
        self.shows(watcher, lambda answer: seen(answer).get(other.user_id), expected, set_presence="offline")
        first = self.server.client(watcher.token).sync(set_presence="offline")
        self.assertEqual(seen(first)[other.user_id], expected)
        self.server.kill()
        self.server.start()
        self.gives(lambda: watcher.get(status_path(other)), {"presence": "offline", "status_msg": "im Garten"})
        other.sync()
        self.becomes(watcher, other, "online", status_msg="im Garten")
        other.put(status_path(other), {"presence": "offline"})
        self.gives(lambda: "status_msg" in watcher.get(status_path(other)), False)

    def test_who_comes_into_a_room_is_seen_there_and_sees_who_is_there(self):
        watcher, other, room = self.pair()
        newcomer = self.server.register(next(self.names))
        newcomer.sync()
        self.stay(other, 0.1)
        self.assertEqual(seen(watcher.sync(set_presence="offline")).get(newcomer.user_id), None)
        newcomer.join(room)
        for client, one, query in ((watcher, newcomer, {"set_presence": "offline"}), (newcomer, other, {})):
            self.shows(client, lambda answer: seen(answer).get(one.user_id, {}).get("presence"), "online", **query)

    def test_strangers_see_nothing_of_each_other(self):
        watcher, other, _ = self.pair()
        stranger = self.server.register(next(self.names))
        stranger.sync()
        other.put(status_path(other), {"presence": "online", "status_msg": "hello"})
        self.assertNotIn(other.user_id, seen(stranger.sync()))
        self.assertNotIn(other.user_id, seen(self.server.client(stranger.token).sync()))
        self.refused(403, "M_FORBIDDEN", stranger, "GET", status_path(other))
        self.refused(403, "M_FORBIDDEN", stranger, "PUT", status_path(other), {"presence": "online"})

    def test_filters_leave_presence_out(self):
        watcher, other, _ = self.pair()
        other.put(status_path(other), {"presence": "online"})
        none = json.dumps({"presence": {"not_types": ["m.presence"]}})
        self.assertEqual(seen(self.server.client(watcher.token).sync(filter=none, set_presence="offline")), {})

    def test_nothing_happens_while_nothing_changes(self):
        watcher, other, _ = self.pair()
        other.put(status_path(other), {"presence": "unavailable"})
        self.gives(lambda: watcher.get(status_path(other))["presence"], "unavailable")
        watcher.sync(set_presence="offline")
        since = watcher.since
        for _ in range(50):
            other.sync(set_presence="unavailable")
        self.assertEqual(watcher.sync(set_presence="offline")["next_batch"], since)

    def test_hostile_requests_are_answered(self):
        path = status_path(self.alice)
        self.refused(400, "M_MISSING_PARAM", self.alice, "PUT", path, {})
        self.refused(400, "M_BAD_JSON", self.alice, "PUT", path, {"presence": "asleep"})
        self.refused(400, "M_BAD_JSON", self.alice, "PUT", path, {"presence": 5})
        self.refused(400, "M_BAD_JSON", self.alice, "PUT", path, {"presence": "online", "status_msg": ["x"]})
        self.refused(413, "M_TOO_LARGE", self.alice, "PUT", path, {"presence": "online", "status_msg": "x" * 2000})
        self.refused(400, "M_INVALID_PARAM", self.alice, "GET", V3 + "/presence/nobody/status")
        self.refused(403, "M_FORBIDDEN", self.alice, "GET", V3 + "/presence/%40nobody%3Anowhere/status")


class PresenceOnSqliteTest(PresenceBehaviour, OnSqlite, unittest.TestCase):
    def test_where_presence_is_off_everyone_is_offline(self):
        for value in (False, "untracked"):
            with self.subTest(enabled=value), Server(config={"presence": {"enabled": value}}) as server:
                alice = server.register("alice")
                alice.put(status_path(alice), {"presence": "online"})
                self.assertEqual(alice.get(status_path(alice)), {"presence": "offline"})
                self.assertEqual(seen(alice.sync()), {})


class PresenceOnPostgresTest(PresenceBehaviour, OnPostgres, unittest.TestCase):
    pass


class PresenceOnWorkersTest(PresenceBehaviour, OnWorkers, unittest.TestCase):
    pass


if __name__ == "__main__":
    unittest.main(verbosity=2)
