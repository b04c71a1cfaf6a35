# SPDX-License-Identifier: Apache-2.0
"""Right bodies with one field made wrong, and paths and queries with one long value: whatever a server is told, it may refuse
and may not fail. What it refuses for a field of another JSON type it calls so."""

import copy
import random
import re
import unittest

from lares_test import Postgres, Server

from bodies import LOGIN, bodies
from exceptions import FieldTypes
from walk import describe, is_dialogue, is_matrix_error, load, one_of_each

# Random, so that no database makes it shorter: PostgreSQL takes some 2,700 bytes into an index.
LONG = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", k=3000))
DEEP = current = {}
for _ in range(60):
    current["a"] = current = {}

WRONG = {
    "null": None, "number": 5, "negative": -1, "fraction": 1.5, "huge": 2**53, "beyond 64 bits": 2**64, "true": True,
    "empty": "", "text": "x", "NUL": "a\0b", "3 KB": LONG, "user of 3 KB": "@" + LONG + ":hs.test",
    "room of 3 KB": "!" + LONG, "event of 3 KB": "$" + LONG, "list": [], "list of lists": [[]], "list of 3 KB": [LONG],
    "object": {}, "3 KB as a name": {LONG: LONG}, "deep": DEEP,
}
# As the name of a member where its name means something: a user, a device, a key.
NAMES = ["", LONG, "@" + LONG + ":hs.test", "a:" + LONG, "!" + LONG, "a\0b"]
# Where a right body is refused all the same, for what does not lie in it.
REFUSED = {("POST", "/_matrix/client/*/" + what) for what in (
    "account/deactivate", "delete_devices", "keys/device_signing/upload", "knock/{roomIdOrAlias}", "publicRooms", "refresh",
    "rooms/{roomId}/forget", "rooms/{roomId}/kick", "rooms/{roomId}/unban")} | {("POST", "/_synapse/admin/*/register")}
PASSWORD = ("POST", "/_matrix/client/*/account/password")
LONG_QUERIES = ("from", "since", "filter", "version", "via", "user_id", "order_by", "membership", "username")


def places(value, path=()):
    """The path of each value inside of `value`."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield (*path, key)
        yield from places(child, (*path, key))


def changed(body, path, change):
    """A copy of a body, with `change(parent, key)` done to the place."""
    result = copy.deepcopy(body)
    parent = result
    for key in path[:-1]:
        parent = parent[key]
    change(parent, path[-1])
    return result


def json_type(value):
    return {type(None): "null", bool: "boolean", str: "string", list: "array", dict: "object"}.get(type(value), "number")


def variants(body):
    """(what is wrong, a body, whether the answer that the field is of a wrong type may be expected) for each single thing that can
    be wrong. The first of each place is the body without it, since `null` may be read as that."""
    for path in places(body):
        where = ".".join(map(str, path))
        right = body
        for key in path:
            right = right[key]
        yield where + " left out", changed(body, path, lambda parent, key: parent.pop(key)), False
        for name, wrong in WRONG.items():
            yield "%s: %s" % (where, name), changed(
                body, path, lambda parent, key: parent.__setitem__(key, wrong)), json_type(wrong) != json_type(right)
        if isinstance(path[-1], str):
            for name in NAMES:
                yield "%s named %.20r" % (where, name), changed(
                    body, path, lambda parent, key: parent.__setitem__(name, parent.pop(key))), False


class Fields:
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(Server(database=cls.make_database(), config={
            "password_hash": {"memory": "8K", "passes": 1}, "worker_replication_secret": "x" * 20}))
        cls.routes = [route for route in one_of_each(load(cls.server.config_path))
                      if route.access in ("public", "guest", "user", "admin")]
        cls.client, cls.other = cls.server.register_admin("wrong"), cls.server.register("other")

    def setUp(self):
        self.asked, self.faults = 0, []
        self.table, self.version = {}, "1"
        self.types = FieldTypes()

    def bodies(self, route):
        """Those of a route, in a session and a room of its own, since some end with one or the other."""
        self.client.login("wrong", device_id="DEVICE")
        self.room = self.client.create_room("public_chat")
        self.event = self.client.send(self.room, "x")
        if "room_keys" in route.pattern:
            self.version = self.client.post("/_matrix/client/v3/room_keys/version", {
                "algorithm": "m.megolm_backup.v1.curve25519-aes-sha2", "auth_data": {}})["version"]
        self.table = bodies(self.client.user_id, self.client.device_id, self.room, self.event, self.other.user_id,
                            self.version)
        return self.table.get(route.operation, []) if route.writes else []

    def values(self):
        return {"userId": self.client.user_id, "roomId": self.room, "roomIdOrAlias": self.room, "eventId": self.event,
                "deviceId": self.client.device_id, "eventType": "m.room.message", "stateKey": "", "roomAlias": "#wrong:hs.test",
                "receiptType": "m.read", "relType": "m.thread", "type": "x.test", "tag": "u.x", "scope": "global",
                "kind": "override", "ruleId": "x", "version": self.version, "sessionId": "s", "keyName": "displayname", "token": "wrong"}

    def ask(self, route, body=None, values=None, query=""):
        self.asked += 1
        values = {**self.values(), "txnId": "x%d" % self.asked, **(values or {})}
        # What there may be once has another name each time.
        for field in ("username", "room_alias_name", "token"):
            if isinstance(body, dict) and body.get(field) == "wrong-fields":
                body = {**body, field: "wrong-fields-%d" % self.asked}
        path = route.path(values) + query
        response = self.client.raw(route.method, path, body, timeout=30)
        if response.status == 401 and route.asks_for_a_token and not is_dialogue(response):
            # The request before has ended the session.
            self.client.login("wrong", device_id=self.client.device_id)
            response = self.client.raw(route.method, path, body, timeout=30)
        return response

    def judge(self, route, what, response):
        ok = response.status < 500 and (response.status < 400 or is_matrix_error(response) or is_dialogue(response))
        if not ok:
            self.faults.append("%s, %s: %s" % (route, what, describe(response)))

    def put_password_back(self, new):
        self.client.post("/_matrix/client/v3/account/password", {
            "new_password": LOGIN["password"], "logout_devices": False, "auth": {**LOGIN, "password": new}})

    def judge_type(self, route, what, response, others):
        """Of a body in which a field has another type. `others` are the answers to the right body and to one without the field:
        what says the same as they do does not come to the type."""
        def said(answer):
            return answer.status, (answer.json or {}).get("errcode") if isinstance(answer.json, dict) else None
        if response.status < 400 or said(response) in [(400, "M_BAD_JSON"), (413, "M_TOO_LARGE"), *map(said, others)]:
            return
        # Of a stage of a dialogue it is said in the next question of the dialogue.
        if is_dialogue(response) and said(response)[1] in (None, "M_BAD_JSON"):
            return
        if not self.types.allow(route, what, said(response)[1]):
            self.faults.append("%s, %s, of another type: %s" % (route, what, describe(response)))

    def finish(self):
        self.assertEqual(self.faults, [], "%d of %d:\n%s" % (len(self.faults), self.asked, "\n".join(self.faults[:60])))
        bad = [line for line in self.server.process.log_text().splitlines() if re.search(r" - (ERROR|CRITICAL) - ", line)]
        self.assertEqual(bad, [], "\n".join(bad[:20]))

    def test_one_wrong_field_is_never_the_server_s_fault(self):
        self.client.post("/_synapse/admin/v1/registration_tokens/new", {"token": "wrong"})
        for route in self.routes:
            for body in self.bodies(route):
                query = "?version=" + self.version if "/room_keys/keys" in route.pattern else ""
                values = {"eventType": "m.reaction"} if "m.annotation" in str(body) else None
                right = self.ask(route, body, values, query)
                self.judge(route, "a right body", right)
                # What is refused before anything else is looked at shows nothing of what is wrong besides.
                if right.status != 200 and route.operation not in REFUSED:
                    self.faults.append("%s, a right body: %s" % (route, describe(right)))
                for what, wrong, retyped in variants(body):
                    response = self.ask(route, wrong, values, query)
                    self.judge(route, what, response)
                    if route.operation == PASSWORD and response.status == 200:
                        self.put_password_back(wrong["new_password"])
                    if what.endswith(" left out"):
                        left_out = response
                    elif retyped:
                        self.judge_type(route, what, response, [right] + [left_out] * what.endswith(": null"))
        self.assertEqual([str(route) for route in self.routes if route.writes and not route.flags & {"body-optional", "body-raw"}
                          and route.operation not in self.table and route.method != "DELETE"], [], "no right body is known")
        known = {route.operation for route in self.routes}
        self.assertEqual([operation for operation in self.table if operation not in known], [])
        self.assertEqual(self.types.unused(), [], "no route needs these exceptions")
        self.finish()

    def test_one_long_parameter_is_never_the_server_s_fault(self):
        for route in self.routes:
            body = next(iter(self.bodies(route)), {} if route.writes else None)
            query = "?version=" + self.version if "/room_keys/keys" in route.pattern else ""
            for parameter in route.parameters:
                for value in (LONG, "@" + LONG + ":hs.test", "!" + LONG, "$" + LONG, "#" + LONG + ":hs.test", "1" * 40):
                    self.judge(route, "%s is %s" % (parameter, value[:10]), self.ask(route, body, {parameter: value}, query))
            for name in () if route.writes else LONG_QUERIES:
                self.judge(route, name, self.ask(route, None, None, "?%s=%s" % (name, LONG)))
        self.finish()


class FieldsOnSqlite(Fields, unittest.TestCase):
    @classmethod
    def make_database(cls):
        return None


class FieldsOnPostgres(Fields, unittest.TestCase):
    @classmethod
    def make_database(cls):
        return cls.enterClassContext(Postgres()).create_database()


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
