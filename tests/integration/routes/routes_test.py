# SPDX-License-Identifier: Apache-2.0
"""Walks every route that the server says it has, as everybody who should not get through, and with what should not be
sent."""

import contextlib
import http.client
import json
import re
import sqlite3
import unittest

from lares_test import Postgres, Server, wait_until

from exceptions import excepted, unused
from walk import PLAUSIBLE, PLAUSIBLE_QUERY, describe, is_dialogue, is_matrix_error, load, one_of_each

SECRET = "the replication secret of the tests"
LARGEST_BODY = 128 * 1024
PRIVATE = "what only the members may read"

# What an account that was suspended may not do. spec: Client-Server API, "Account suspension"
FORBIDDEN_TO_SUSPENDED = re.compile(
    r"^(PUT \S+/rooms/{roomId}/(send|state)/|POST \S+/(createRoom|rooms/{roomId}/(invite|join|kick|ban|unban|upgrade)|"
    r"join/{\w+}|knock/{\w+})$|(PUT|DELETE) \S+/profile/{userId})")

# A parameter that is an identifier by its grammar: nothing else may be let through.
IDENTIFIERS = {"roomId", "roomIdOrAlias", "userId", "eventId", "roomAlias"}
HOSTILE = {
    "parent folder": "..", "parent folder, encoded": "%2e%2e%2f%2e%2e", "NUL": "%00", "NUL inside": "%21a%00b:hs.test",
    "no UTF-8": "%ff%fe", "half a character": "%21%e2%82:hs.test", "10 KB": "a" * 10000,
    "10 KB with a sigil": "%21" + "a" * 10000 + ":hs.test", "emoji": "%F0%9F%92%A9", "no sigil": "room:hs.test",
    "sigil alone": "%21", "no server": "%40user", "other server": "%40user:elsewhere.test",
    "unknown room": "%21unknown:hs.test", "unknown event": "%24unknown", "unknown alias": "%23unknown:hs.test",
    "half an escape": "%4", "quotes": "'%22;--", "newline": "%0d%0aX-Injected:%201", "slashes": "%2f%2f%2f",
    "JSON": "%7b%22a%22:1%7d", "number": "9223372036854775808",
}


class Walk:
    """The server, its routes, and who walks them. One for each engine."""

    database = None

    @classmethod
    def setUpClass(cls):
        cls.stack = contextlib.ExitStack()
        cls.addClassCleanup(cls.stack.close)
        cls.server = Server(database=cls.make_database(), config={
            "allow_guest_access": True, "worker_replication_secret": SECRET, "session_lifetime": None,
            "http": {"max_body_size": LARGEST_BODY}, "password_hash": {"memory": "8K", "passes": 1}})
        cls.server.config["listeners"][0]["resources"] = [{"names": ["client", "federation", "replication", "metrics"]}]
        cls.server.write_config()
        cls.stack.callback(cls.server.close)
        cls.server.start()
        cls.populate()
        cls.admin = cls.server.register_admin("admin")
        cls.process = cls.server.client(SECRET)
        cls.pid = cls.server.process.pid
        cls.routes = load(cls.server.config_path)
        cls.operations = one_of_each(cls.routes)

    @classmethod
    def populate(cls):
        server = cls.server
        cls.alice, cls.stranger = server.register("alice"), server.register("stranger")
        cls.locked, cls.suspended = server.register("locked"), server.register("suspended")
        guest = server.client()
        cls.guest = guest.logged_in(guest.call("POST", "/_matrix/client/v3/register?kind=guest", {}))
        cls.gone = server.register("gone")
        cls.room = cls.alice.create_room("private_chat", name=PRIVATE, topic=PRIVATE)
        cls.event = cls.alice.send(cls.room, PRIVATE)
        cls.gone.post("/_matrix/client/v3/logout")
        cls.moderated = cls.suspended.create_room("public_chat")
        cls.alice.join(cls.moderated)
        cls.of_suspended = cls.suspended.send(cls.moderated, "what is to be taken back")
        cls.of_another = cls.alice.send(cls.moderated, "what a moderator may take back")

        server.stop()
        server.config["session_lifetime"] = "20ms"
        server.write_config()
        server.start()
        cls.expired = server.register("expired")
        expired = wait_until(lambda: cls.error_of(cls.expired, "GET", "/_matrix/client/v3/account/whoami"))
        assert expired.json["errcode"] == "M_UNKNOWN_TOKEN", describe(expired)
        server.stop()
        server.config["session_lifetime"] = None
        server.write_config()
        cls.sql("UPDATE accounts SET locked = TRUE WHERE user_id = %s" % cls.blob("@locked:hs.test"))
        cls.sql("UPDATE accounts SET suspended = TRUE WHERE user_id = %s" % cls.blob("@suspended:hs.test"))
        server.start()

    @staticmethod
    def error_of(client, method, path):
        answer = client.raw(method, path)
        return answer if answer.status >= 400 else None

    # -- requests ---------------------------------------------------------------------------------------------------
    def values(self):
        return {"roomId": self.room, "roomIdOrAlias": self.room, "eventId": self.event, "userId": self.alice.user_id,
                "eventType": "m.room.name", "stateKey": "", "txnId": "walk", "roomAlias": "#walk:hs.test",
                "deviceId": self.alice.device_id or "X", "receiptType": "m.read", "relType": "m.thread",
                "type": "x.test.walk", "tag": "u.walk", "scope": "global", "kind": "override", "ruleId": "x.walk"}

    def body(self):
        return {**PLAUSIBLE, "user_id": self.stranger.user_id, "event_id": self.event, "room_id": self.room,
                "m.fully_read": self.event, "m.read": self.event}

    def ask(self, client, route, values=None, raw=None, body=None, headers=None):
        if body is None and route.writes:
            body = {"order": 0.5} if route.pattern.endswith("/tags/{tag}") else self.body()
        path = route.path({**self.values(), **(values or {})}, raw)
        return client.raw(route.method, path if route.writes else path + "?" + PLAUSIBLE_QUERY, body, headers, timeout=20)

    def fitting(self, route, user=None):
        """Who may call a route: `user`, by default alice, the administrator or another process of the server."""
        return {"worker": self.process, "admin": self.admin}.get(route.access, user or self.alice)

    def nobody(self):
        return self.server.client()

    def of_accounts(self):
        return [route for route in self.routes if route.access in ("user", "guest", "admin")]

    def refused(self, client, routes, check, status, errcode, headers=None):
        """Asks each of `routes`, which must all refuse in one way."""
        faults = []
        statuses = status if isinstance(status, tuple) else (status,)
        errcodes = errcode if isinstance(errcode, tuple) else (errcode,)
        for route in routes:
            response = self.ask(client, route, headers=headers)
            if (response.status not in statuses or not is_matrix_error(response)
                    or response.json["errcode"] not in errcodes) and not excepted(check, route):
                faults.append("%s: %s" % (route, describe(response)))
        self.assertEqual(faults, [], "\n".join([check] + faults))

    def survived(self):
        """Still the same process, answering, and nothing went wrong inside."""
        self.assertEqual(self.server.process.pid, self.pid)
        self.assertTrue(self.server.process.running())
        self.assertEqual(self.alice.get("/_matrix/client/v3/account/whoami")["user_id"], self.alice.user_id)
        errors = [line for line in self.server.process.log_text().splitlines()
                  if re.search(r" - (ERROR|CRITICAL) - ", line)]
        self.assertEqual(errors, [], "\n".join(errors[:40]))

    def tearDown(self):
        self.survived()

    # -- who gets through -------------------------------------------------------------------------------------------
    def test_there_are_routes_of_every_kind(self):
        self.assertGreater(len(self.routes), 50)
        self.assertLessEqual({"public", "user", "guest"}, {route.access for route in self.routes})

    def test_without_a_token(self):
        routes = [route for route in self.routes if route.asks_for_a_token]
        self.refused(self.nobody(), routes, "no token", 401, "M_MISSING_TOKEN")

    def test_with_something_else_than_a_token(self):
        routes = [route for route in self.routes if route.asks_for_a_token]
        for value in ("Basic YWxpY2U6eA==", "Bearer", "Bearer ", self.alice.token):
            self.refused(self.nobody(), routes, "no token", 401, "M_MISSING_TOKEN", {"Authorization": value})

    def test_with_a_forged_token(self):
        routes = [route for route in self.routes if route.asks_for_a_token]
        token = self.alice.token
        for forged in (token[:-1] + ("a" if token[-1] != "a" else "b"), "lst_" + "a" * 37, "syt_" + "a" * 30, "x",
                       "x" * 8000, "'; --"):
            self.refused(self.server.client(forged), routes, "forged token", 401, "M_UNKNOWN_TOKEN")

    def test_with_an_expired_token(self):
        routes = [route for route in self.routes if route.asks_for_a_token]
        self.refused(self.expired, routes, "expired token", 401, "M_UNKNOWN_TOKEN")
        answer = self.expired.raw("GET", "/_matrix/client/v3/account/whoami")
        self.assertIs(answer.json["soft_logout"], True, "a client must keep its keys")

    def test_with_a_token_that_was_logged_out(self):
        routes = [route for route in self.routes if route.asks_for_a_token]
        self.refused(self.gone, routes, "logged out", 401, "M_UNKNOWN_TOKEN")

    def test_as_a_guest(self):
        routes = [route for route in self.routes if route.access in ("user", "admin", "appservice")]
        self.refused(self.guest, routes, "guest", 403, ("M_GUEST_ACCESS_FORBIDDEN", "M_FORBIDDEN"))
        self.refused(self.guest, [route for route in routes if route.access == "user"], "guest", 403,
                     "M_GUEST_ACCESS_FORBIDDEN")

    def test_with_a_locked_account(self):
        routes = [route for route in self.of_accounts() if "locked-too" not in route.flags]
        self.refused(self.locked, routes, "locked", 401, "M_USER_LOCKED")
        answer = self.locked.raw("GET", "/_matrix/client/v3/account/whoami")
        self.assertIs(answer.json["soft_logout"], True, "a client must keep its keys")

    def test_a_locked_account_can_log_out_and_nothing_else(self):
        allowed = {route.operation[1] for route in self.routes if "locked-too" in route.flags}
        self.assertEqual(allowed, {"/_matrix/client/*/logout", "/_matrix/client/*/logout/all"})

    def test_with_a_suspended_account(self):
        routes = [route for route in self.of_accounts() if "not-suspended" in route.flags and route.access != "admin"]
        self.refused(self.suspended, routes, "suspended", 403, "M_USER_SUSPENDED")
        self.assertEqual(self.suspended.get("/_matrix/client/v3/account/whoami")["user_id"], self.suspended.user_id)

    def test_a_suspended_account_takes_back_what_is_its_own_and_nothing_else(self):
        error = self.suspended.error("PUT", self.suspended.room_path(self.moderated, "redact", self.of_another, "1"), {})
        self.assertEqual((error.status, error.errcode), (403, "M_USER_SUSPENDED"))
        shown = self.alice.get(self.alice.room_path(self.moderated, "event", self.of_another))
        self.assertEqual(shown["content"]["body"], "what a moderator may take back")
        self.suspended.redact(self.moderated, self.of_suspended)
        shown = self.alice.get(self.alice.room_path(self.moderated, "event", self.of_suspended))
        self.assertEqual(shown["content"], {})

    def test_what_a_suspended_account_may_not_do_is_declared_so(self):
        open_to_them = [str(route) for route in self.of_accounts()
                        if FORBIDDEN_TO_SUSPENDED.match(str(route)) and "not-suspended" not in route.flags
                        and not excepted("suspended", route)]
        self.assertEqual(open_to_them, [])

    def test_administrators_alone_reach_what_is_theirs(self):
        self.refused(self.stranger, [route for route in self.routes if route.access == "admin"], "no administrator", 403,
                     "M_FORBIDDEN")
        self.refused(self.stranger, [route for route in self.routes if route.access == "appservice"],
                     "no application service", 403, "M_FORBIDDEN")

    def test_other_servers_have_to_show_who_they_are(self):
        routes = [route for route in self.routes if route.access == "server"]
        self.refused(self.nobody(), routes, "no signature", (401, 403), ("M_UNAUTHORIZED", "M_FORBIDDEN"))
        self.refused(self.alice, routes, "a user's token", (400, 401, 403), ("M_UNAUTHORIZED", "M_FORBIDDEN"))
        forged = 'X-Matrix origin="elsewhere.test",destination="hs.test",key="ed25519:a",sig="%s"' % ("A" * 86)
        self.refused(self.nobody(), routes, "forged signature", (401, 403), ("M_UNAUTHORIZED", "M_FORBIDDEN"),
                     {"Authorization": forged})

    def test_processes_of_the_server_have_to_know_the_secret(self):
        routes = [route for route in self.routes if route.access == "worker"]
        self.assertTrue(routes)
        for client, headers in ((self.nobody(), None), (self.alice, None), (self.server.client(SECRET + "x"), None),
                                (self.server.client(SECRET[:-1]), None),
                                (self.nobody(), {"Authorization": "Bearer "})):
            self.refused(client, routes, "wrong secret", 403, "M_FORBIDDEN", headers)

    # -- what is another's ------------------------------------------------------------------------------------------
    def test_as_a_stranger_to_the_room(self):
        faults = []
        for route in self.routes:
            if not route.of_a_room or route.access not in ("public", "user", "guest"):
                continue
            # In paths that begin with a user the room is the other's, and the user oneself.
            for user in (self.alice.user_id, self.stranger.user_id):
                response = self.ask(self.stranger, route, {"userId": user})
                wrong = response.status not in (403, 404) or not is_matrix_error(response)
                if PRIVATE in response.text or (wrong and not excepted("stranger", route)):
                    faults.append("%s: %s" % (route, describe(response)))
        self.assertEqual(faults, [], "\n".join(faults))
        self.assertNotIn(self.room, json.dumps(self.stranger.sync()))

    def test_an_unknown_room_answers_like_one_that_is_closed_to_the_user(self):
        faults = []
        for route in one_of_each(self.routes):
            if not route.of_a_room or route.access not in ("public", "user", "guest"):
                continue
            unknown = "!nowhere:hs.test"
            closed = self.ask(self.stranger, route)
            nowhere = self.ask(self.stranger, route, {"roomId": unknown, "roomIdOrAlias": unknown})
            same = (closed.status, closed.json.get("errcode")) == (nowhere.status, nowhere.json.get("errcode"))
            if not same and not excepted("unknown room", route):
                faults.append("%s: unknown %s, closed %s" % (route, describe(nowhere), describe(closed)))
        self.assertEqual(faults, [], "\n".join(faults))

    def test_what_a_user_keeps_is_closed_to_others(self):
        routes = [route for route in self.routes if "/user/{userId}/" in route.pattern and route.asks_for_a_token]
        self.refused(self.stranger, routes, "another's", (403, 404), ("M_FORBIDDEN", "M_NOT_FOUND"))

    # -- what is no request -----------------------------------------------------------------------------------------
    def test_methods_that_a_path_does_not_have(self):
        methods = {}
        for route in self.routes:
            methods.setdefault(re.sub(r"{\w+\*?}", "{}", route.pattern), (route, set()))[1].add(route.method)
        faults = []
        for route, known in methods.values():
            for method in ("GET", "PUT", "POST", "DELETE", "PATCH", "TRACE"):
                if method in known:
                    continue
                response = self.alice.raw(method, route.path(self.values()), timeout=20)
                if response.status == 405:
                    if not is_matrix_error(response) or response.json["errcode"] != "M_UNRECOGNIZED":
                        faults.append("%s %s: %s" % (method, route.pattern, describe(response)))
                # A word of one path may be a parameter's value in another.
                elif not any(other.method == method and self.overlaps(other, route) for other in self.routes):
                    faults.append("%s %s: %s" % (method, route.pattern, describe(response)))
        self.assertEqual(faults, [], "\n".join(faults))

    @staticmethod
    def overlaps(other, route):
        ours, theirs = route.pattern.split("/"), other.pattern.split("/")
        if theirs[-1].endswith("*}"):
            ours = ours[:len(theirs)]
        return len(ours) == len(theirs) and all(a == b or a[:1] == "{" or b[:1] == "{" for a, b in zip(ours, theirs))

    def bodies(self, name, body, status, errcode, headers=None):
        faults = []
        for route in self.operations:
            if not route.writes or "body-raw" in route.flags or route.access in ("server", "appservice"):
                continue
            if route.body_limit is not None and route.body_limit < len(body):
                continue
            client = self.fitting(route)
            response = self.ask(client, route, body=body, headers=headers)
            wrong = response.status != status or not is_matrix_error(response) or response.json["errcode"] != errcode
            if wrong and not excepted(name, route):
                faults.append("%s: %s" % (route, describe(response)))
        self.assertEqual(faults, [], "\n".join([name] + faults))

    def test_bodies_that_are_no_json(self):
        for body in (b"{", b"nonsense", b'{"a": 1} x', b"{'a': 1}", b'{"a": NaN}', b"\xef\xbb\xbf{}", b'{"a": 01}',
                     b'{"a": "\x01"}', b'{"a":1,}', b"\x00"):
            self.bodies("no JSON", body, 400, "M_NOT_JSON")

    def test_bodies_that_are_no_utf8(self):
        for body in (b'{"a": "\xff"}', b'{"\xc0\xaf": 1}', b'{"a": "\xed\xa0\x80"}'):
            self.bodies("no UTF-8", body, 400, "M_NOT_JSON")

    def test_bodies_that_are_no_object(self):
        for body in (b"[]", b'"text"', b"1", b"null", b"true"):
            self.bodies("no object", body, 400, "M_BAD_JSON")

    def test_bodies_that_nest_deeply(self):
        for body in (b'{"a":' * 400 + b"1" + b"}" * 400, b'{"a":' + b"[" * 30000 + b"]" * 30000 + b"}"):
            self.bodies("deep", body, 400, "M_BAD_JSON")

    def test_bodies_that_are_too_large(self):
        for route in self.operations:
            limit = route.body_limit or LARGEST_BODY
            if not route.writes or route.access in ("server", "appservice") or limit > 1 << 20:
                continue
            try:
                response = self.ask(self.fitting(route), route, body=b'{"a": "' + b"x" * limit + b'"}')
            except (BrokenPipeError, ConnectionResetError, http.client.HTTPException) as error:
                # It may stop reading, but must have said why, which a client that only writes cannot see.
                self.fail("%s: %r" % (route, error))
            self.assertEqual((response.status, response.json["errcode"]), (413, "M_TOO_LARGE"), route)

    @staticmethod
    def sane(route, response, what):
        """The fault of an answer that may be a success or a refusal."""
        if response.status >= 500 or (response.status >= 400 and not is_matrix_error(response)
                                      and not is_dialogue(response)):
            return "%s with %s: %s" % (route, what, describe(response))
        return None

    def test_values_of_the_wrong_type(self):
        client = self.server.register("wrong")
        values = {"userId": client.user_id, "roomId": client.create_room(), "deviceId": client.device_id or "X"}
        values["eventId"] = client.send(values["roomId"], "x")
        values["roomIdOrAlias"] = values["roomId"]
        faults = []
        for route in self.operations:
            if not route.writes or route.access in ("server", "appservice"):
                continue
            for wrong in (5, -1, 1e300, 2**63, "x", "", [], [[]], [{}], {}, {"a": {"b": 1}}, None, True, ["x"]):
                body = {key: wrong for key in self.body()}
                response = self.ask(self.fitting(route, client), route, values, body=body)
                if response.status == 401 and response.json and response.json.get("errcode") == "M_UNKNOWN_TOKEN":
                    client.login("wrong")
                    response = self.ask(client, route, values, body=body)
                faults.append(self.sane(route, response, "every value %r" % (wrong,)))
        faults = [fault for fault in faults if fault]
        self.assertEqual(faults, [], "\n".join(faults))

    def test_identifiers_that_are_none(self):
        client = self.server.register("hostile")
        faults = []
        for route in self.operations:
            if route.access in ("server", "appservice"):
                continue
            for parameter in route.parameters:
                for name, value in HOSTILE.items():
                    response = self.ask(self.fitting(route, client), route, {"userId": client.user_id},
                                        {parameter: value})
                    if "X-Injected" in response.headers:
                        faults.append("%s with %s in %s: wrote a header" % (route, name, parameter))
                    if (parameter in IDENTIFIERS and response.status < 400 and not excepted("identifier", route)):
                        faults.append("%s with %s in %s: %s" % (route, name, parameter, describe(response)))
                    faults.append(self.sane(route, response, "%s in %s" % (name, parameter)))
        faults = [fault for fault in faults if fault]
        self.assertEqual(faults, [], "\n".join(faults))

    def test_query_parameters_that_are_none(self):
        client = self.server.register("queries")
        room = client.create_room()
        values = {"userId": client.user_id, "roomId": room, "roomIdOrAlias": room, "eventId": client.send(room, "x")}
        names = ("from", "to", "since", "limit", "dir", "filter", "timeout", "at", "ts", "set_presence", "full_state",
                 "membership", "not_membership", "order_by", "next_batch", "only", "include", "version", "format", "via",
                 "server_name", "rel_type", "max_depth", "recurse", "user_id", "kind", "username", "key")
        faults = []
        for route in self.operations:
            if route.method != "GET" or route.access not in ("public", "user", "guest", "admin"):
                continue
            for value in ("", "%00", "%ff", "-1", "99999999999999999999", "x" * 5000, "%7b", "%7b%7d", "%5b%5d", "s1_2_3",
                          "NaN", "%F0%9F%92%A9"):
                # A long poll would answer in time, which the test has not.
                query = "&".join("%s=%s" % (name, value) for name in names
                                 if not (name == "timeout" and value.startswith("9")))
                path = route.path({**self.values(), **values}) + "?" + query
                response = self.fitting(route, client).raw("GET", path, timeout=20)
                faults.append(self.sane(route, response, "query values " + value[:20]))
        faults = [fault for fault in faults if fault]
        self.assertEqual(faults, [], "\n".join(faults))


class WalkOnSqlite(Walk, unittest.TestCase):
    @classmethod
    def make_database(cls):
        return None

    @staticmethod
    def blob(text):
        return "X'%s'" % text.encode().hex()

    @classmethod
    def sql(cls, statement):
        with contextlib.closing(sqlite3.connect(cls.server.config["database"]["args"]["database"])) as connection:
            with connection:
                changed = connection.execute(statement).rowcount
        assert changed == 1, statement


class WalkOnPostgres(Walk, unittest.TestCase):
    @classmethod
    def make_database(cls):
        cls.postgres = cls.stack.enter_context(Postgres())
        cls.settings = cls.postgres.create_database()
        return cls.settings

    @staticmethod
    def blob(text):
        return "'\\x%s'::bytea" % text.encode().hex()

    @classmethod
    def sql(cls, statement):
        assert len(cls.postgres.sql(statement + " RETURNING 1", cls.settings["args"]["dbname"])) == 1, statement


class Exceptions(unittest.TestCase):
    """Runs after the walks, which make use of the table."""

    def test_every_exception_is_needed(self):
        self.assertEqual(unused(WalkOnSqlite.routes), [])


def load_tests(loader, _tests, _pattern):
    cases = (WalkOnSqlite, WalkOnPostgres, Exceptions)
    return unittest.TestSuite(loader.loadTestsFromTestCase(case) for case in cases)


if __name__ == "__main__":
    unittest.main(warnings="ignore")
