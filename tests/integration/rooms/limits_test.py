# SPDX-License-Identifier: Apache-2.0
"""Rate limits that depend on more than who asks for what: whose event a redaction is for, how many a new room invites."""

import os
import re
import unittest
from concurrent.futures import ThreadPoolExecutor

from engines import V3
from lares_test import Postgres, Redis, Server, source_dir, wait_until

PLENTY = {"per_second": 1000, "burst_count": 1000}


def bucket(burst):
    return {"per_second": 0.001, "burst_count": burst}


class LimitsTest(unittest.TestCase):
    def server(self, **limits):
        return self.enterContext(Server(config={"rate_limits": True, "rc_registration": PLENTY, "rc_room_creation": PLENTY,
                                                **limits}))

    def too_many(self, error):
        self.assertEqual((error.status, error.errcode), (429, "M_LIMIT_EXCEEDED"), error)

    def more_than_ever(self, error):
        self.assertEqual((error.status, error.errcode), (400, "M_UNKNOWN"), error)

    def redact_path(self, client, room, event):
        return client.room_path(room, "redact", event, client.new_txn())

    def test_redactions_of_what_others_sent_have_a_limit_of_their_own(self):
        server = self.server(rc_message=bucket(3), rc_admin_redaction=bucket(2))
        host, guest = server.register("host"), server.register("guest")
        room = host.create_room()
        guest.join(room)
        events = [guest.send(room, "flood") for _ in range(3)]
        own = host.send(room, "mine")
        host.redact(room, events[0])
        host.put(host.room_path(room, "send", "m.room.redaction", "1"), {"redacts": events[1]})
        self.too_many(host.error("PUT", self.redact_path(host, room, events[2]), {}))
        # Both limits are apart: two are left of what may be written, redactions of one's own events among it.
        host.redact(room, own)
        host.send(room, "still here")
        self.too_many(host.error("PUT", self.redact_path(host, room, own), {}))

    def test_redactions_count_as_messages_where_no_limit_of_theirs_is_given(self):
        server = self.server(rc_message=bucket(3))
        host, guest = server.register("host"), server.register("guest")
        room = host.create_room()
        guest.join(room)
        events = [guest.send(room, "flood") for _ in range(3)]
        host.redact(room, events[0])
        host.redact(room, events[1])
        host.send(room, "enough")
        self.too_many(host.error("PUT", self.redact_path(host, room, events[2]), {}))

    def test_a_room_is_not_made_with_more_invitations_than_the_burst_allows(self):
        users = ["@u%d:hs.test" % i for i in range(5)]
        issuer = self.server(rc_invites={"per_issuer": bucket(3), "per_room": PLENTY, "per_user": PLENTY})
        host = issuer.register("host")
        self.more_than_ever(host.error("POST", V3 + "/createRoom", {"invite": users[:4]}))
        self.assertEqual(host.get(V3 + "/joined_rooms")["joined_rooms"], [])
        room = host.create_room(invite=users[:1], initial_state=[
            {"type": "m.room.member", "state_key": users[1], "content": {"membership": "invite"}}])
        # As many as may be invited at once, but not now: this is worth waiting for.
        self.too_many(host.error("POST", V3 + "/createRoom", {"invite": users[:3]}))
        host.invite(room, users[2])
        self.too_many(host.error("POST", host.room_path(room, "invite"), {"user_id": users[3]}))

    def test_invitations_with_a_new_room_are_of_those_of_the_room(self):
        users = ["@u%d:hs.test" % i for i in range(5)]
        server = self.server(rc_invites={"per_room": bucket(3), "per_issuer": PLENTY, "per_user": PLENTY})
        host = server.register("host")
        self.more_than_ever(host.error("POST", V3 + "/createRoom", {"invite": users[:4]}))
        room = host.create_room(invite=users[:2])
        host.invite(room, users[2])
        self.too_many(host.error("POST", host.room_path(room, "invite"), {"user_id": users[3]}))

    def test_what_changes_memberships_and_profiles_counts_as_messages(self):
        server = self.server(rc_message=bucket(3))
        host, guest = server.register("host"), server.register("guest")
        room = host.create_room()
        for deed in ("ban", "unban", "kick"):
            host.raw("POST", host.room_path(room, deed), {"user_id": guest.user_id})
        self.too_many(host.error("POST", host.room_path(room, "ban"), {"user_id": guest.user_id}))
        self.too_many(host.error("POST", host.room_path(room, "leave"), {}))
        for number in range(3):
            guest.put(V3 + "/profile/%s/displayname" % guest.user_id, {"displayname": "Guest %d" % number})
        self.too_many(guest.error("PUT", V3 + "/profile/%s/displayname" % guest.user_id, {"displayname": "Guest"}))

    def test_joins_that_are_refused_use_up_nobodys(self):
        server = self.server(rc_joins={"local": PLENTY, "remote": PLENTY}, rc_message=PLENTY, rc_joins_per_room=bucket(3),
                             rc_invites={"per_issuer": PLENTY, "per_room": PLENTY, "per_user": PLENTY})
        host, guest, stranger = (server.register(name) for name in ("host", "guest", "stranger"))
        room = host.create_room(preset="private_chat")
        host.invite(room, guest.user_id)
        for _ in range(5):
            error = stranger.error("POST", stranger.room_path(room, "join"), {})
            self.assertEqual((error.status, error.errcode), (403, "M_FORBIDDEN"), error)
        for _ in range(3):
            guest.join(room)
            guest.leave(room)
            host.invite(room, guest.user_id)
        self.too_many(guest.error("POST", guest.room_path(room, "join"), {}))

    def test_aliases_count_as_messages(self):
        server = self.server(rc_message=bucket(3))
        host = server.register("host")
        room = host.create_room()
        path = V3 + "/directory/room/%%23number-%d%%3Ahs.test"
        for number in range(2):
            host.put(path % number, {"room_id": room})
        host.call("DELETE", path % 0)
        self.too_many(host.error("PUT", path % 2, {"room_id": room}))
        self.too_many(host.error("DELETE", path % 1))
        self.assertEqual(len(host.get(host.room_path(room, "aliases"))["aliases"]), 1)

    def test_presence_that_comes_with_a_sync_changes_as_often_as_its_user_may_say_so(self):
        server = self.server(rc_presence={"per_user": bucket(2)})
        user, other = server.register("user"), server.register("other")

        def path(client):
            return V3 + "/presence/%s/status" % client.user_id

        def becomes(client, state):
            wait_until(lambda: client.get(path(client))["presence"] == state, what="%s is %s" % (client.user_id, state))
        user.sync()
        becomes(user, "online")
        for state in ("unavailable", "online"):
            for _ in range(3):
                user.sync(set_presence=state)
            becomes(user, state)
        user.sync(set_presence="unavailable")
        # What is told after it is there.
        other.sync()
        becomes(other, "online")
        self.assertEqual(user.get(path(user))["presence"], "online")
        self.too_many(user.error("PUT", path(user), {"presence": "unavailable"}))

    def register(self, client, name, auth=None):
        body = {"username": name, "password": "correct horse", **({"auth": auth} if auth else {})}
        return client.raw("POST", V3 + "/register", body)

    def test_a_dialogue_of_registration_takes_one_account_at_its_end(self):
        anyone = self.server(rc_registration=bucket(2)).client()
        for name in ("first", "second"):
            session = self.register(anyone, name).json["session"]
            steps = [self.register(anyone, name, {"session": session}).status for _ in range(5)]
            self.assertEqual(steps, [401] * 5)
            done = self.register(anyone, name, {"session": session, "type": "m.login.dummy"})
            self.assertEqual((done.status, done.json.get("user_id")), (200, "@%s:hs.test" % name))
        # Who has none left hears it at once, and not at the end of a dialogue.
        self.too_many(anyone.error("POST", V3 + "/register", {}))
        self.assertEqual(anyone.raw("GET", V3 + "/register/available?username=third").status, 200)

    def test_dialogues_that_are_begun_and_names_take_no_account(self):
        anyone = self.server(rc_registration=bucket(2)).client()
        begun = [self.register(anyone, "new") for _ in range(5)]
        self.assertEqual([answer.status for answer in begun], [401] * 4 + [429])
        names = [anyone.raw("GET", V3 + "/register/available?username=new").status for _ in range(3)]
        self.assertEqual(names, [200, 200, 429])
        for name, answer in (("new", begun[0]), ("newer", begun[1])):
            done = self.register(anyone, name, {"session": answer.json["session"], "type": "m.login.dummy"})
            self.assertEqual(done.status, 200)

    def test_guesses_at_registration_tokens_in_a_dialogue_have_their_limit(self):
        anyone = self.server(rc_registration=PLENTY, rc_registration_token_validity=bucket(2),
                             registration_requires_token=True).client()
        session = self.register(anyone, "new").json["session"]
        guesses = [self.register(anyone, "new", {"type": "m.login.registration_token", "token": "guess%d" % number,
                                                 "session": session}).status for number in range(3)]
        self.assertEqual(guesses, [401, 401, 429])

    def test_wrong_passwords_of_a_dialogue_end_at_the_limit(self):
        server = self.server(rc_login={"failed_attempts": bucket(2), "address": PLENTY, "account": PLENTY})
        user = server.register("user")
        wrong = {"new_password": "another one", "auth": {
            "type": "m.login.password", "identifier": {"type": "m.id.user", "user": "user"}, "password": "wrong"}}
        for _ in range(2):
            self.assertEqual(user.error("POST", V3 + "/account/password", wrong).status, 401)
        self.too_many(user.error("POST", V3 + "/account/password", wrong))

    def login(self, server, password):
        return server.client().raw("POST", V3 + "/login", {
            "type": "m.login.password", "identifier": {"type": "m.id.user", "user": "user"}, "password": password}).status

    def test_wrong_passwords_use_up_nobodys_logins(self):
        server = self.server(rc_login={"failed_attempts": PLENTY, "address": PLENTY, "account": bucket(2)})
        server.register("user")
        for _ in range(3):
            self.assertEqual(self.login(server, "wrong"), 403)
        self.assertEqual([self.login(server, "correct horse") for _ in range(3)], [200, 200, 429])

    def test_guesses_at_the_same_time_are_counted_all(self):
        server = self.server(rc_login={"failed_attempts": bucket(2), "address": PLENTY, "account": PLENTY})
        server.register("user")
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: self.login(server, "wrong"), range(8)))
        self.assertEqual(sorted(answers), [403] * 2 + [429] * 6)

    def test_beside_other_processes_a_wrong_password_counts_once_too(self):
        database = self.enterContext(Postgres()).create_database()
        redis = self.enterContext(Redis()).config()
        server = self.enterContext(Server(database=database, config={
            "redis": redis, "rate_limits": True, "rc_registration": PLENTY,
            "rc_login": {"failed_attempts": bucket(3), "address": PLENTY, "account": PLENTY}}))
        server.register("user")
        self.assertEqual([self.login(server, "wrong") for _ in range(4)], [403, 403, 403, 429])


class EveryLimitTest(unittest.TestCase):
    """Each limit by itself: a third request of what it counts is refused where two may come at once."""

    @staticmethod
    def declared():
        with open(os.path.join(source_dir(), "docs", "reference", "configuration.md")) as file:
            return re.findall(r"^\| `(rc_[\w.]+)\.burst_count`", file.read(), re.MULTILINE)

    @staticmethod
    def config(keys, small):
        config = {"rate_limits": True, "password_hash": {"memory": "8K", "passes": 1}}
        for key in keys:
            first, *second = key.split(".")
            place = config.setdefault(first, {})
            for name in second:
                place = place.setdefault(name, {})
            place.update(bucket(2) if key == small else PLENTY)
        return config

    @staticmethod
    def log_in(client, user, password):
        return client.raw("POST", V3 + "/login", {
            "type": "m.login.password", "identifier": {"type": "m.id.user", "user": user}, "password": password})

    def ways(self):
        """What each limit counts, as a request that is made again and again: by `host`, whose `room` it is, by `guest`, or by
        `anyone`, with a `number` of its own."""

        def redact_other(host, guest, room, number, **_):
            event = guest.send(room, "x")
            return host.raw("PUT", host.room_path(room, "redact", event, "r%d" % number), {})

        def join_again(guest, room, **_):
            guest.raw("POST", guest.room_path(room, "leave"), {})
            return guest.raw("POST", guest.room_path(room, "join"), {})

        def invite_elsewhere(host, guest, **_):
            room = host.create_room(preset="private_chat")
            return host.raw("POST", host.room_path(room, "invite"), {"user_id": guest.user_id})

        def invite_another(host, room, number, **_):
            return host.raw("POST", host.room_path(room, "invite"), {"user_id": "@u%d:hs.test" % number})

        return {
            "rc_message": lambda host, room, number, **_: host.raw(
                "PUT", host.room_path(room, "send", "m.room.message", "m%d" % number), {"body": "x"}),
            "rc_registration": lambda anyone, number, **_: anyone.raw(
                "POST", V3 + "/register", {"username": "new%d" % number, "password": "correct horse",
                                           "auth": {"type": "m.login.dummy"}}),
            "rc_registration_token_validity": lambda anyone, number, **_: anyone.raw(
                "GET", "/_matrix/client/v1/register/m.login.registration_token/validity?token=guess%d" % number),
            "rc_login.address": lambda anyone, number, **_: self.log_in(anyone, "nobody%d" % number, "x"),
            "rc_login.account": lambda anyone, **_: self.log_in(anyone, "host", "correct horse"),
            "rc_login.failed_attempts": lambda anyone, **_: self.log_in(anyone, "host", "wrong"),
            "rc_admin_redaction": redact_other,
            "rc_joins.local": join_again,
            "rc_joins_per_room": join_again,
            "rc_invites.per_room": invite_another,
            "rc_invites.per_user": invite_elsewhere,
            "rc_invites.per_issuer": invite_another,
            "rc_presence.per_user": lambda host, **_: host.raw(
                "PUT", V3 + "/presence/%s/status" % host.user_id, {"presence": "online"}),
            "rc_room_creation": lambda guest, **_: guest.raw("POST", V3 + "/createRoom", {}),
            "rc_key_requests": lambda host, guest, number, **_: host.raw(
                "PUT", V3 + "/sendToDevice/m.room_key_request/k%d" % number,
                {"messages": {guest.user_id: {"*": {"action": "request"}}}}),
        }

    def test_each_limit_refuses_what_is_beyond_it(self):
        keys, ways = self.declared(), self.ways()
        self.assertEqual(sorted(keys), sorted(ways))
        for key, way in ways.items():
            with self.subTest(key), Server(config=self.config(keys, key)) as server:
                host, guest = (server.register_admin(name, admin=False) for name in ("host", "guest"))
                room = host.create_room()
                if "joins" not in key:
                    guest.join(room)
                answers = [way(host=host, guest=guest, anyone=server.client(), room=room, number=number)
                           for number in range(3)]
                said = [(answer.status, answer.text) for answer in answers]
                self.assertEqual([status == 429 for status, _ in said], [False, False, True], said)
                self.assertEqual(answers[2].json["errcode"], "M_LIMIT_EXCEEDED")
                wait = answers[2].json["retry_after_ms"]
                self.assertGreater(wait, 0)
                self.assertEqual(int(answers[2].headers["Retry-After"]), -(-wait // 1000))


if __name__ == "__main__":
    unittest.main()
