# SPDX-License-Identifier: Apache-2.0
"""Account data and tags: what a client stores, its other devices see."""

import json
import threading
import unittest

from engines import OnPostgres, OnSqlite, OnWorkers, contents, events, joined, user_path
from lares_test import wait_until


class AccountDataBehaviour:
    def test_what_was_put_is_read_again_and_replaced(self):
        path = user_path(self.alice, "account_data", "org.example.note")
        self.refused(404, "M_NOT_FOUND", self.alice, "GET", path)
        self.alice.put(path, {"text": "zwölf \u0000", "half": 0.5})
        self.assertEqual(self.alice.get(path), {"text": "zwölf \u0000", "half": 0.5})
        self.alice.put(path, {})
        self.assertEqual(self.alice.get(path), {})

    def test_a_waiting_sync_of_the_same_user_ends_and_no_one_elses(self):
        self.room_of(self.alice, self.bob)
        other = self.server.client(self.alice.token)
        other.since = self.alice.since
        answers = []
        waiting = threading.Thread(target=lambda: answers.append(other.sync(timeout=20_000)))
        waiting.start()
        self.alice.put(user_path(self.alice, "account_data", "org.example.wakes"), {"n": 1})
        waiting.join(15)
        self.assertFalse(waiting.is_alive())
        self.assertEqual(contents(answers[0], "account_data"), {"org.example.wakes": {"n": 1}})
        self.assertNotIn("account_data", other.sync())
        self.assertNotIn("account_data", self.bob.sync())

    def test_data_of_a_room_stands_in_the_rooms_section(self):
        room = self.room_of(self.alice, self.bob)
        path = user_path(self.alice, "rooms", room, "account_data", "org.example.colour")
        self.alice.put(path, {"colour": "red"})
        self.assertEqual(self.alice.get(path), {"colour": "red"})
        self.assertEqual(contents(joined(self.alice.sync(), room), "account_data"),
                         {"org.example.colour": {"colour": "red"}})
        self.assertEqual(joined(self.bob.sync(), room), {})
        first = self.server.client(self.alice.token).sync()
        self.assertEqual(contents(joined(first, room), "account_data")["org.example.colour"], {"colour": "red"})
        self.refused(404, "M_NOT_FOUND", self.bob, "GET",
                     user_path(self.bob, "rooms", room, "account_data", "org.example.colour"))

    def test_filters_choose_types(self):
        client = self.server.register("chooser")
        for kind in ("a.one", "a.two", "b.three"):
            client.put(user_path(client, "account_data", kind), {})
        answer = client.sync(filter=json.dumps({"account_data": {"types": ["a.*"], "not_types": ["a.two"]}}))
        self.assertEqual(list(contents(answer, "account_data")), ["a.one"])

    def test_tags_are_room_account_data(self):
        room = self.room_of(self.alice)
        tags = user_path(self.alice, "rooms", room, "tags")
        self.assertEqual(self.alice.get(tags), {"tags": {}})
        self.alice.put(tags + "/m.favourite", {"order": 0.25})
        self.alice.put(tags + "/u.work", {})
        self.assertEqual(self.alice.get(tags), {"tags": {"m.favourite": {"order": 0.25}, "u.work": {}}})
        self.alice.delete(tags + "/u.work")
        self.alice.delete(tags + "/u.never")
        self.assertEqual(contents(joined(self.alice.sync(), room), "account_data"),
                         {"m.tag": {"tags": {"m.favourite": {"order": 0.25}}}})
        self.refused(400, "M_BAD_JSON", self.alice, "PUT", tags + "/u.bad", {"order": "first"})
        self.refused(400, "M_INVALID_PARAM", self.alice, "PUT", tags + "/" + "x" * 256, {})

    def test_a_room_has_a_hundred_tags_at_most(self):
        room = self.room_of(self.alice)
        for number in range(100):
            self.alice.put(user_path(self.alice, "rooms", room, "tags", "u.%d" % number), {})
        self.refused(400, "M_LIMIT_EXCEEDED", self.alice, "PUT",
                     user_path(self.alice, "rooms", room, "tags", "u.more"), {})
        self.alice.put(user_path(self.alice, "rooms", room, "tags", "u.7"), {"order": 1})

    def test_deleted_data_is_gone_for_other_devices_too(self):
        path = user_path(self.alice, "account_data", "org.example.gone")
        self.alice.put(path, {"here": True})
        self.alice.sync()
        unstable = path.replace("/v3/", "/unstable/org.matrix.msc3391/")
        self.alice.delete(unstable)
        self.refused(404, "M_NOT_FOUND", self.alice, "GET", path)
        self.assertEqual(contents(self.alice.sync(), "account_data"), {"org.example.gone": {}})
        first = self.server.client(self.alice.token).sync()
        self.assertNotIn("org.example.gone", contents(first, "account_data"))

    def test_push_rules_are_read_as_account_data(self):
        client = self.server.register("ruler")
        path = user_path(client, "account_data", "m.push_rules")
        self.assertEqual(client.get(path), client.get("/_matrix/client/v3/pushrules/"))
        client.put("/_matrix/client/v3/pushrules/global/content/cake", {"pattern": "cake", "actions": ["notify"]})
        wait_until(lambda: [rule["rule_id"] for rule in client.get(path)["global"]["content"]][:1] == ["cake"],
                   what="the rule among account data")

    def test_what_is_not_for_clients_to_set_is_refused(self):
        room = self.room_of(self.alice)
        for kind in ("m.fully_read", "m.push_rules"):
            self.refused(405, "M_BAD_JSON", self.alice, "PUT", user_path(self.alice, "account_data", kind), {})
            self.refused(405, "M_BAD_JSON", self.alice, "PUT",
                         user_path(self.alice, "rooms", room, "account_data", kind), {})

    def test_others_data_is_out_of_reach(self):
        room = self.room_of(self.alice)
        for method, body in (("GET", None), ("PUT", {})):
            self.refused(403, "M_FORBIDDEN", self.bob, method, user_path(self.alice, "account_data", "a"), body)
            self.refused(403, "M_FORBIDDEN", self.bob, method,
                         user_path(self.alice, "rooms", room, "account_data", "a"), body)
            # Bob has never been in the room.
            self.refused(403, "M_FORBIDDEN", self.bob, method,
                         user_path(self.bob, "rooms", room, "account_data", "a"), body)
        self.refused(403, "M_FORBIDDEN", self.bob, "GET", user_path(self.alice, "rooms", room, "tags"))
        self.refused(403, "M_FORBIDDEN", self.alice, "PUT",
                     user_path(self.alice, "rooms", "!nowhere:localhost", "account_data", "a"), {})

    def test_hostile_requests_are_answered(self):
        path = user_path(self.alice, "account_data", "org.example.bad")
        self.refused(400, "M_INVALID_PARAM", self.alice, "PUT",
                     user_path(self.alice, "rooms", "no room", "account_data", "a"), {})
        self.refused(400, "M_BAD_JSON", self.alice, "PUT", path, ["a list"])
        self.refused(400, "M_NOT_JSON", self.alice, "PUT", path, b"{\"cut\":")
        self.refused(413, "M_TOO_LARGE", self.alice, "PUT", path, {"much": "x" * 70_000})
        self.refused(400, "M_INVALID_PARAM", self.alice, "PUT", user_path(self.alice, "account_data", "x" * 256), {})
        room = self.room_of(self.alice)
        self.refused(400, "M_BAD_JSON", self.alice, "PUT",
                     user_path(self.alice, "rooms", room, "account_data", "m.tag"), {"tags": 5})
        self.refused(404, "M_NOT_FOUND", self.alice, "GET", path)

    def test_everything_is_there_after_a_kill(self):
        room = self.room_of(self.alice)
        self.alice.put(user_path(self.alice, "account_data", "org.example.kept"), {"n": 7})
        self.alice.put(user_path(self.alice, "rooms", room, "tags", "u.kept"), {})
        since = self.alice.sync()["next_batch"]
        self.server.kill()
        self.server.start()
        self.assertEqual(self.alice.get(user_path(self.alice, "account_data", "org.example.kept")), {"n": 7})
        self.assertEqual(self.alice.get(user_path(self.alice, "rooms", room, "tags")), {"tags": {"u.kept": {}}})
        self.assertNotIn("account_data", self.alice.sync(since=since))
        self.alice.put(user_path(self.alice, "account_data", "org.example.after"), {})
        wait_until(lambda: "org.example.after" in contents(self.alice.sync(since=since), "account_data"))


class AccountDataOnSqliteTest(OnSqlite, AccountDataBehaviour, unittest.TestCase):
    def test_an_account_has_a_thousand_types_at_most(self):
        client = self.server.register("hoarder")
        for number in range(1000):
            client.put(user_path(client, "account_data", "t.%d" % number), {})
        error = self.refused(400, "M_LIMIT_EXCEEDED", client, "PUT", user_path(client, "account_data", "t.more"), {})
        self.assertIn("1000", error.body["error"])
        client.put(user_path(client, "account_data", "t.1"), {"replaced": True})
        kinds = [event["type"] for event in events(client.sync(), "account_data")]
        self.assertEqual(sum(kind.startswith("t.") for kind in kinds), 1000)


class AccountDataOnPostgresTest(OnPostgres, AccountDataBehaviour, unittest.TestCase):
    pass


class AccountDataOnWorkersTest(OnWorkers, AccountDataBehaviour, unittest.TestCase):
    pass


if __name__ == "__main__":
    unittest.main(verbosity=2)
