# SPDX-License-Identifier: Apache-2.0
"""Accounts through a real server, on SQLite, on PostgreSQL and in the cluster: registration and its proofs, passwords, guests,
profiles as rooms see them, the end of an account."""

import contextlib
import hashlib
import hmac
import os
import sqlite3
import threading
import time
import unittest

from lares_test import MatrixError, Postgres, Server, SettledWorkers, wait_until

V3 = "/_matrix/client/v3"
REGISTER = V3 + "/register"
TOKENS = "/_synapse/admin/v1/registration_tokens"


class AccountTests:
    """Run once for each engine."""

    CONFIG = {"allow_guest_access": True}
    database = None

    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(Server(config=cls.CONFIG, database=cls.make_database()))

    @classmethod
    def make_database(cls):
        return None

    def check_error(self, error, status, errcode):
        self.assertEqual((error.status, error.errcode), (status, errcode), error)

    def member(self, client, room, user):
        return client.get(client.room_path(room, "state", "m.room.member", user))

    def test_a_display_name_reaches_the_rooms_that_its_user_is_in(self):
        alice, bob = self.server.register("name1"), self.server.register("name2")
        rooms = [alice.create_room() for _ in range(3)]
        for room in rooms:
            bob.join(room)
        left = alice.create_room()
        bob.join(left)
        bob.leave(left)
        bob.put(V3 + "/profile/%s/displayname" % bob.user_id, {"displayname": "Bob the Second"})
        for room in rooms:
            wait_until(lambda: self.member(alice, room, bob.user_id).get("displayname") == "Bob the Second",
                       what="the name in the room")
        self.assertEqual(self.member(alice, left, bob.user_id)["membership"], "leave")
        profile = alice.get(V3 + "/profile/" + bob.user_id)
        self.assertEqual(profile["displayname"], "Bob the Second")

    def test_a_profile_has_fields_of_the_users_own(self):
        user, other = self.server.register("profiled"), self.server.register("onlooker")
        path = V3 + "/profile/%s" % user.user_id
        user.put(path + "/m.tz", {"m.tz": "Europe/Berlin"})
        user.put(path + "/org.example.job", {"org.example.job": {"title": "cook", "since": 1.5}})
        user.put(path + "/displayname", {"displayname": "Profiled"})
        self.assertEqual(other.get(path), {"m.tz": "Europe/Berlin", "org.example.job": {"title": "cook", "since": 1.5},
                                           "displayname": "Profiled"})
        self.assertEqual(other.get(path + "/m.tz"), {"m.tz": "Europe/Berlin"})
        user.put(path + "/org.example.job", {"org.example.job": None})
        self.assertEqual(other.get(path + "/org.example.job"), {"org.example.job": None})
        for field in ("m.tz", "org.example.job", "displayname", "avatar_url"):
            user.delete(path + "/" + field)
        self.assertEqual(other.get(path), {})
        self.check_error(other.error("GET", path + "/m.tz"), 404, "M_NOT_FOUND")
        self.check_error(user.error("PUT", path + "/displayname", {"avatar_url": "mxc://a/b"}), 400, "M_MISSING_PARAM")
        self.check_error(user.error("PUT", path + "/nonsense", {"nonsense": 1}), 400, "M_INVALID_PARAM")
        self.check_error(user.error("PUT", path + "/Org.Example", {"Org.Example": 1}), 400, "M_INVALID_PARAM")
        long = "m." + "x" * 300
        self.check_error(user.error("PUT", path + "/" + long, {long: 1}), 400, "M_KEY_TOO_LARGE")
        self.check_error(user.error("PUT", path + "/m.big", {"m.big": "x" * 64_000}), 400, "M_PROFILE_TOO_LARGE")
        self.check_error(other.error("DELETE", path + "/displayname"), 403, "M_FORBIDDEN")
        user.put(path + "/displayname", {"displayname": "Again"})
        user.put(path + "/displayname", {"displayname": ""})
        self.assertEqual(other.get(path), {})

    def test_refreshed_tokens_do_not_pile_up(self):
        alice = self.server.register("refreshing", refresh_token=True)
        tables = ("access_tokens", "refresh_tokens")
        before = [self.count(table) for table in tables]
        for _ in range(10):
            answer = alice.post(V3 + "/refresh", {"refresh_token": alice.refresh_token})
            alice.token, old, alice.refresh_token = answer["access_token"], alice.refresh_token, answer["refresh_token"]
            self.assertEqual(alice.get(V3 + "/account/whoami")["user_id"], alice.user_id)
            self.check_error(alice.error("POST", V3 + "/refresh", {"refresh_token": old}), 401, "M_UNKNOWN_TOKEN")
        # The one in use and the one before it.
        self.assertEqual([self.count(table) for table in tables], [count + 1 for count in before])

    def test_whoever_asks_for_nonces_leaves_nothing_behind(self):
        path, secret = "/_synapse/admin/v1/register", self.server.config["registration_shared_secret"]
        client = self.server.client()

        def body(name, nonce):
            text = "\0".join([nonce, name, "correct horse", "notadmin"])
            return {"nonce": nonce, "username": name, "password": "correct horse",
                    "mac": hmac.new(secret.encode(), text.encode(), hashlib.sha1).hexdigest()}
        before = self.count("registration_nonces")
        nonce = client.get(path)["nonce"]
        self.assertNotEqual(client.get(path)["nonce"], nonce)
        self.check_error(client.error("POST", path, {**body("nonce1", nonce), "mac": "0" * 40}), 403, "M_FORBIDDEN")
        self.assertEqual(self.count("registration_nonces"), before)
        client.post(path, body("nonce1", nonce))
        for other in (nonce, "1" + nonce, nonce + "0", nonce.rsplit(".", 1)[0], "x", "", "a\0b", "9" * 15 + ".x.y"):
            self.check_error(client.error("POST", path, body("nonce2", other)), 400, "M_UNKNOWN")

    def test_a_name_may_be_typed_in_capitals(self):
        user = self.server.register("capitals", password="a secret")
        other = self.server.client()
        for typed in ("Capitals", user.user_id.replace("capitals", "CAPITALS")):
            other.login(typed, "a secret")
            self.assertEqual(other.get(V3 + "/account/whoami")["user_id"], user.user_id)

    def test_nobody_proves_who_they_are_by_anothers_password(self):
        user, other = self.server.register("prover"), self.server.register("helper")
        path = V3 + "/devices/" + user.device_id
        session = user.error("DELETE", path).body["session"]
        self.check_error(user.error("DELETE", path, {"auth": {
            "type": "m.login.password", "session": session, "password": other.password,
            "identifier": {"type": "m.id.user", "user": other.user_id}}}), 403, "M_FORBIDDEN")
        user.delete(path, {"auth": {"type": "m.login.password", "session": session, "password": user.password,
                                    "identifier": {"type": "m.id.user", "user": "Prover"}}})

    def test_a_password_change_asks_who_is_there_and_ends_other_sessions(self):
        user = self.server.register("changer", password="old secret")
        other = self.server.client()
        other.login("changer", "old secret")
        body = {"new_password": "new secret"}
        first = user.error("POST", V3 + "/account/password", body)
        self.assertEqual(first.status, 401)
        self.assertEqual(first.body["flows"], [{"stages": ["m.login.password"]}])
        auth = {"type": "m.login.password", "session": first.body["session"], "user": user.user_id}
        wrong = user.error("POST", V3 + "/account/password", {**body, "auth": {**auth, "password": "guess"}})
        self.check_error(wrong, 401, "M_FORBIDDEN")
        user.post(V3 + "/account/password", {**body, "auth": {**auth, "password": "old secret"}})
        self.check_error(other.error("GET", V3 + "/account/whoami"), 401, "M_UNKNOWN_TOKEN")
        user.get(V3 + "/account/whoami")
        self.server.client().login("changer", "new secret")
        with self.assertRaises(MatrixError):
            self.server.client().login("changer", "old secret")

    def test_to_log_out_everywhere_ends_every_session_and_nobody_elses(self):
        first, other = self.server.register("everywhere"), self.server.register("elsewhere")
        second = self.server.client().login("everywhere", refresh_token=True)
        third = self.server.client().login("everywhere", device_id="THIRD")
        first.post(V3 + "/logout/all")
        # Also after a start, when nothing of it is remembered.
        for again in (False, True):
            if again:
                self.server.kill()
                self.server.start()
            for session in (first, second, third):
                self.check_error(session.error("GET", V3 + "/account/whoami"), 401, "M_UNKNOWN_TOKEN")
            self.check_error(self.server.client().error("POST", V3 + "/refresh", {"refresh_token": second.refresh_token}),
                             401, "M_UNKNOWN_TOKEN")
            self.assertEqual(other.get(V3 + "/account/whoami")["user_id"], other.user_id)
        back = self.server.client().login("everywhere")
        self.assertEqual([device["device_id"] for device in back.get(V3 + "/devices")["devices"]], [back.device_id])

    def test_a_deactivated_account_is_gone_from_rooms_and_sessions_also_across_a_kill(self):
        alice, gone = self.server.register("stays"), self.server.register("goes", password="the end")
        joined = [alice.create_room() for _ in range(4)]
        for room in joined:
            gone.join(room)
        invited = alice.create_room(preset="private_chat")
        alice.invite(invited, gone.user_id)
        gone.put(V3 + "/profile/%s/displayname" % gone.user_id, {"displayname": "Soon gone"})
        gone.post(V3 + "/account/deactivate", {"auth": {
            "type": "m.login.password", "password": "the end",
            "identifier": {"type": "m.id.user", "user": gone.user_id}}})
        self.server.kill()
        self.server.start()
        self.check_error(gone.error("GET", V3 + "/account/whoami"), 401, "M_UNKNOWN_TOKEN")
        error = self.server.client().error("POST", V3 + "/login", {
            "type": "m.login.password", "identifier": {"type": "m.id.user", "user": "goes"}, "password": "the end"})
        self.check_error(error, 403, "M_USER_DEACTIVATED")
        for room in joined + [invited]:
            wait_until(lambda: self.member(alice, room, gone.user_id)["membership"] == "leave",
                       what="the end of a membership")
        self.check_error(alice.error("GET", V3 + "/profile/" + gone.user_id), 404, "M_NOT_FOUND")
        error = self.server.client().error("POST", REGISTER, {"username": "goes", "password": "again"})
        self.check_error(error, 400, "M_USER_IN_USE")

    def test_an_erased_account_leaves_only_its_name_and_what_others_heard(self):
        stays, gone = self.server.register("witness"), self.server.register("erased", password="the end")
        room = stays.create_room(name="Shared")
        gone.join(room)
        heard = gone.send(room, "to whoever is here")
        user = V3 + "/user/%s" % gone.user_id
        gone.put(user + "/account_data/x.test", {"a": 1})
        gone.put(V3 + "/profile/%s/displayname" % gone.user_id, {"displayname": "Soon gone"})
        refused = gone.error("POST", V3 + "/account/deactivate", {"erase": "yes", "auth": {
            "type": "m.login.password", "password": "the end", "user": gone.user_id}})
        self.check_error(refused, 400, "M_BAD_JSON")
        gone.post(V3 + "/account/deactivate", {"erase": True, "auth": {
            "type": "m.login.password", "password": "the end", "user": gone.user_id}})
        wait_until(lambda: self.member(stays, room, gone.user_id)["membership"] == "leave", what="the end of a membership")
        late = self.server.register("late")
        late.join(room)
        for reader, content in ((stays, {"msgtype": "m.text", "body": "to whoever is here"}), (late, {})):
            event = reader.get(reader.room_path(room, "event", heard))
            self.assertEqual((event["content"], event["sender"]), (content, gone.user_id))
            page = reader.get(reader.room_path(room, "messages"), dir="b", limit=100)["chunk"]
            self.assertEqual([e["content"] for e in page if e["event_id"] == heard], [content])
        timeline = late.sync()["rooms"]["join"][room]["timeline"]["events"]
        self.assertEqual([e["content"] for e in timeline if e["event_id"] == heard], [{}])
        self.assertNotIn("Soon gone", str(timeline))
        # What the room is stays, whoever made it so.
        self.assertEqual(self.member(late, room, gone.user_id)["membership"], "leave")
        error = self.server.client().error("POST", REGISTER, {"username": "erased", "password": "again"})
        self.check_error(error, 400, "M_USER_IN_USE")
        error = self.server.client().error("POST", V3 + "/login", {
            "type": "m.login.password", "identifier": {"type": "m.id.user", "user": "erased"}, "password": "the end"})
        self.check_error(error, 403, "M_USER_DEACTIVATED")

    def test_a_guest_enters_where_guests_may_and_nowhere_else(self):
        alice = self.server.register("host")
        open_room = alice.create_room(initial_state=[
            {"type": "m.room.guest_access", "content": {"guest_access": "can_join"}}])
        closed = alice.create_room(preset="public_chat")
        guest = self.server.client()
        guest.logged_in(guest.call("POST", REGISTER + "?kind=guest", {}))
        self.assertTrue(guest.get(V3 + "/account/whoami")["is_guest"])
        guest.join(open_room)
        self.check_error(guest.error("POST", guest.room_path(closed, "join"), {}), 403, "M_GUEST_ACCESS_FORBIDDEN")
        guest.send(open_room, "hello from a guest")
        self.check_error(guest.error("POST", V3 + "/createRoom", {}), 403, "M_GUEST_ACCESS_FORBIDDEN")
        guest.put(V3 + "/profile/%s/displayname" % guest.user_id, {"displayname": "Passer-by"})
        device = V3 + "/devices/" + guest.device_id
        guest.put(device, {"display_name": "a borrowed browser"})
        self.assertEqual(guest.get(device)["display_name"], "a borrowed browser")
        self.assertEqual(len(guest.get(V3 + "/devices")["devices"]), 1)
        self.check_error(guest.error("PUT", V3 + "/profile/%s/avatar_url" % guest.user_id, {"avatar_url": "mxc://a/b"}),
                         403, "M_GUEST_ACCESS_FORBIDDEN")

    def test_guests_leave_a_room_that_is_closed_to_them(self):
        alice = self.server.register("closes")
        access = {"type": "m.room.guest_access", "content": {"guest_access": "can_join"}}
        closes, stays = (alice.create_room(initial_state=[access]) for _ in range(2))
        guests = [self.server.client() for _ in range(3)]
        for guest in guests:
            guest.logged_in(guest.call("POST", REGISTER + "?kind=guest", {}))
            guest.join(closes)
            guest.join(stays)
        alice.set_state(closes, "m.room.guest_access", {"guest_access": "forbidden"})

        def inside(room):
            return set(alice.get(alice.room_path(room, "joined_members"))["joined"])

        # What is left over from before a crash is done afterwards.
        self.server.kill()
        self.server.start()
        wait_until(lambda: inside(closes) == {alice.user_id}, what="the guests' leaving")
        self.assertEqual(inside(stays), {alice.user_id, *(guest.user_id for guest in guests)})
        alice.set_state(stays, "m.room.guest_access", {})
        wait_until(lambda: inside(stays) == {alice.user_id}, what="the guests' leaving")

    def test_hostile_bodies_are_refused_with_matrix_errors(self):
        user = self.server.register("hostile")
        for method, path, body in (
                ("POST", REGISTER, {"username": 5}), ("POST", REGISTER, {"auth": {"session": 7}}),
                ("POST", REGISTER, {"auth": {"type": ["x"]}}), ("POST", REGISTER, {"username": "UPPER case!"}),
                ("POST", REGISTER, {"username": "x" * 300}), ("POST", V3 + "/login", {"type": []}),
                ("POST", V3 + "/login", {"type": "m.login.password", "identifier": []}),
                ("PUT", V3 + "/profile/%s/displayname" % user.user_id, {"displayname": 1}),
                ("PUT", V3 + "/profile/%s/displayname" % user.user_id, {"displayname": "x" * 1000}),
                ("POST", REGISTER, {"password": "x" * 600, "inhibit_login": "yes"}),
                ("GET", V3 + "/profile/nobody", None), ("POST", V3 + "/refresh", {"refresh_token": 1})):
            error = user.error(method, path, body)
            self.assertTrue(400 <= error.status < 500 and error.errcode.startswith("M_"), (path, body, error))


class SqliteAccountTest(AccountTests, unittest.TestCase):
    def rows(self, statement, *arguments):
        database = sqlite3.connect(self.server.config["database"]["args"]["database"])
        try:
            return database.execute(statement, arguments).fetchall()
        finally:
            database.close()

    def change(self, *statements):
        with self.server_at_rest():
            database = sqlite3.connect(self.server.config["database"]["args"]["database"])
            with database:
                for statement, arguments in statements:
                    database.executemany(statement, arguments)
            database.close()

    @contextlib.contextmanager
    def server_at_rest(self):
        self.server.stop()
        try:
            yield
        finally:
            self.server.start()

    def test_tasks_that_cannot_be_done_keep_no_other_from_being_done(self):
        user, gone = self.server.register("unhindered"), self.server.register("halfgone")
        room = user.create_room()
        number = self.rows("SELECT account FROM accounts WHERE user_id = CAST(? AS BLOB)", gone.user_id)[0][0]
        # Each waits for one that was noted after all of them; and what a killed process left of an end.
        stuck = range(10 ** 9, 10 ** 9 + 60)
        self.change(
            ("INSERT INTO accounts (account, user_id, guest, admin, deactivated, created_ts) "
             "VALUES (?, CAST(? AS BLOB), FALSE, FALSE, TRUE, 1)", [(n, "@stuck%d:hs.test" % n) for n in stuck]),
            ("INSERT INTO account_tasks (account, task, requested_ts) VALUES (?, 3, 1)", [(n,) for n in stuck]),
            ("INSERT INTO account_tasks (account, task, requested_ts) VALUES (?, 2, 2)", [(n,) for n in stuck]),
            ("UPDATE accounts SET deactivated = TRUE WHERE account = ?", [(number,)]),
            ("INSERT INTO account_tasks (account, task, requested_ts) VALUES (?, 2, 3)", [(number,)]))
        user.put(V3 + "/profile/%s/displayname" % user.user_id, {"displayname": "Free"})
        wait_until(lambda: self.member(user, room, user.user_id).get("displayname") == "Free", what="the name in the room")
        wait_until(lambda: not self.rows("SELECT 1 FROM devices WHERE account = ?", number), what="the devices' end")

    def test_a_hash_that_came_from_another_server_is_made_anew_at_a_login(self):
        user = self.server.register("moved-in")
        stored = "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW"  # of "secret"
        self.change(("UPDATE accounts SET password_hash = ? WHERE user_id = CAST(? AS BLOB)",
                     [(stored, user.user_id)]))

        def kept():
            return self.rows("SELECT password_hash FROM accounts WHERE user_id = CAST(? AS BLOB)",
                             user.user_id)[0][0]
        for wrong in ("correct horse", "Secret"):
            with self.assertRaises(MatrixError) as refused:
                self.server.client().login("moved-in", wrong)
            self.check_error(refused.exception, 403, "M_FORBIDDEN")
        self.assertEqual(kept(), stored)
        self.server.client().login("moved-in", "secret")
        anew = kept()
        self.assertTrue(anew.startswith("$argon2id$"), anew)
        self.server.client().login("moved-in", "secret")
        self.assertEqual(kept(), anew)

    def test_what_an_erased_user_had_is_deleted_and_the_account_stays(self):
        gone = self.server.register("forgotten", password="the end")
        user = V3 + "/user/%s" % gone.user_id
        gone.put(user + "/account_data/x.test", {"a": 1})
        gone.post(user + "/filter", {"room": {}})
        gone.put(V3 + "/profile/%s/displayname" % gone.user_id, {"displayname": "Soon gone"})
        gone.create_room()
        number = self.rows("SELECT account FROM accounts WHERE user_id = CAST(? AS BLOB)", gone.user_id)[0][0]
        tables = ("account_data", "filters", "profiles", "devices", "access_tokens", "account_tasks")
        count = "SELECT %s" % ", ".join("(SELECT count(*) FROM %s WHERE account = %d)" % (table, number)
                                        for table in tables)
        self.assertEqual(self.rows(count)[0][:5], (1, 1, 1, 1, 1))
        gone.post(V3 + "/account/deactivate", {"erase": True, "auth": {
            "type": "m.login.password", "password": "the end", "user": gone.user_id}})
        wait_until(lambda: self.rows(count)[0] == (0,) * len(tables), what="the erasure")
        kept = self.rows("SELECT deactivated, erased, password_hash FROM accounts WHERE account = ?", number)
        self.assertEqual(kept, [(1, 1, None)])

    def count(self, table):
        return self.rows("SELECT COUNT(*) FROM " + table)[0][0]


class PostgresAccountTest(AccountTests, unittest.TestCase):
    @classmethod
    def make_database(cls):
        cls.postgres = cls.enterClassContext(Postgres())
        return cls.postgres.create_database()

    def count(self, table):
        return int(self.postgres.sql("SELECT COUNT(*) FROM " + table, self.server.config["database"]["args"]["dbname"])[0][0])


@unittest.skipUnless(os.environ.get("LARES_E2E_SHAPE") == "workers", "with devices_test in one program, which starts one cluster")
class AccountOnWorkersTest(AccountTests, unittest.TestCase):
    """Processes of their own for reads, for events and for streams, behind nginx."""

    @classmethod
    def setUpClass(cls):
        cls.server = SettledWorkers.shared(cls.CONFIG)

    def count(self, table):
        return int(self.server.sql("SELECT COUNT(*) FROM " + table)[0][0])


class PasswordChangeTest(unittest.TestCase):
    """A password becomes another while requests with the former are under way."""

    def setUp(self):
        self.postgres = self.enterContext(Postgres())
        database = self.postgres.create_database()
        self.name = database["args"]["dbname"]
        self.server = self.enterContext(Server(config={"password_hash": {"memory": "8K", "passes": 1}}, database=database))

    def stored(self, user):
        return self.postgres.sql("SELECT password_hash FROM accounts WHERE user_id = convert_to('%s', 'UTF8')"
                                 % user.user_id, self.name)[0][0]

    def proof(self, user, password):
        return {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": user.user_id}, "password": password}

    def log_in(self, user, password):
        return self.server.client().raw("POST", V3 + "/login", self.proof(user, password))

    def side_by_side(self, *calls):
        answers = []
        threads = [threading.Thread(target=lambda call=call: answers.append(call())) for call in calls]
        for thread in threads:
            thread.start()
        return threads, answers

    def during_change(self, user, changed, call, status, errcode):
        (thread,), answers = self.side_by_side(call)
        time.sleep(0.4)
        self.postgres.sql("UPDATE accounts SET password_hash = '%s' WHERE user_id = convert_to('%s', 'UTF8')"
                          % (changed, user.user_id), self.name)
        self.assertTrue(thread.is_alive(), "the change came too late")
        thread.join()
        self.assertEqual((answers[0].status, answers[0].json.get("errcode")), (status, errcode))
        self.assertEqual(self.stored(user), changed)

    def test_nothing_rests_on_a_former_password(self):
        alice, other = self.server.register("alice", password="old"), self.server.register("other", password="new")
        old, new = self.stored(alice), self.stored(other)
        self.server.stop()
        self.server.config["password_hash"] = {"memory": "32M", "passes": 60}
        self.server.write_config()
        self.server.start()
        # The right password is hashed anew, which takes longer than the change.
        self.during_change(alice, new, lambda: self.log_in(alice, "old"), 403, "M_FORBIDDEN")
        self.server.client().login("alice", "new")
        self.assertNotEqual(self.stored(alice), new)
        # Now it takes as long to see that it is right.
        self.during_change(alice, old, lambda: self.log_in(alice, "new"), 403, "M_FORBIDDEN")
        # Nor does who knew it take the account back.
        self.during_change(alice, new, lambda: alice.raw("POST", V3 + "/account/password", {
            "new_password": "mine", "auth": self.proof(alice, "old")}), 400, "M_UNKNOWN")
        # Two that hash the same password anew do not stand in each other's way.
        threads, answers = self.side_by_side(*[lambda: self.log_in(alice, "new")] * 2)
        for thread in threads:
            thread.join()
        self.assertEqual([answer.status for answer in answers], [200, 200])


class TokenTest(unittest.TestCase):
    """Registration that asks for a token and for agreement."""

    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(Server(config={
            "registration_requires_token": True,
            "registration_terms": {"privacy": {"version": "2", "name": "Privacy & <more>", "url": "https://hs.test/privacy"}}}))
        cls.admin = cls.server.register_admin("admin")

    def register(self, name, token, agree=True):
        client = self.server.client()
        body = {"username": name, "password": "correct horse"}
        first = client.error("POST", REGISTER, body)
        self.assertEqual(first.body["flows"], [{"stages": ["m.login.registration_token", "m.login.terms"]}])
        session = first.body["session"]
        second = client.error("POST", REGISTER, {**body, "auth": {
            "type": "m.login.registration_token", "token": token, "session": session}})
        if second.errcode or not agree:
            return second
        self.assertEqual(second.body["completed"], ["m.login.registration_token"])
        policy = second.body["params"]["m.login.terms"]["policies"]["privacy"]
        self.assertEqual((policy["version"], policy["en"]["url"]), ("2", "https://hs.test/privacy"))
        return client.logged_in(client.post(REGISTER, {**body, "auth": {"type": "m.login.terms", "session": session}}))

    def valid(self, token):
        return self.server.client().get("/_matrix/client/v1/register/m.login.registration_token/validity",
                                        token=token)["valid"]

    def test_a_token_admits_as_many_as_it_says(self):
        made = self.admin.post(TOKENS + "/new", {"token": "two", "uses_allowed": 2})
        self.assertEqual(made, {"token": "two", "uses_allowed": 2, "pending": 0, "completed": 0, "expiry_time": None})
        self.assertTrue(self.valid("two"))
        self.register("first", "two")
        self.register("half", "two", agree=False)
        self.assertFalse(self.valid("two"))
        refused = self.register("third", "two")
        self.assertEqual((refused.status, refused.errcode), (401, "M_UNAUTHORIZED"))
        found = self.admin.get(TOKENS + "/two")
        self.assertEqual((found["pending"], found["completed"]), (1, 1))

    def test_nothing_is_no_token(self):
        for name, token in (("none1", ""), ("none2", "\0"), ("none3", " ")):
            refused = self.register(name, token)
            self.assertEqual((refused.status, refused.errcode), (401, "M_UNAUTHORIZED"))
        session = self.server.client().error("POST", REGISTER, {"username": "none4", "password": "p"}).body["session"]
        for form in (b"", b"token=", b"other=1"):
            page = self.server.client().raw(
                "POST", V3 + "/auth/m.login.registration_token/fallback/web?session=" + session, form,
                headers={"Content-Type": "application/x-www-form-urlencoded"})
            self.assertEqual(page.status, 401)
            self.assertNotIn("onAuthDone", page.text)

    def test_a_dialogue_that_has_been_passed_makes_one_account(self):
        self.admin.post(TOKENS + "/new", {"token": "single", "uses_allowed": 1})
        client = self.server.client()
        body = {"username": "single1", "password": "correct horse"}
        session = client.error("POST", REGISTER, body).body["session"]
        for auth in ({"type": "m.login.registration_token", "token": "single"}, {"type": "m.login.terms"}):
            client.raw("POST", REGISTER, {**body, "auth": {**auth, "session": session}})
        self.assertEqual(client.raw("GET", REGISTER + "/available?username=single1").status, 400)
        again = client.error("POST", REGISTER, {**body, "username": "single2", "auth": {"session": session}})
        self.assertEqual((again.status, again.errcode), (400, "M_UNKNOWN"))
        self.assertEqual(client.raw("GET", REGISTER + "/available?username=single2").status, 200)
        found = self.admin.get(TOKENS + "/single")
        self.assertEqual((found["pending"], found["completed"]), (0, 1))

    def test_a_client_that_knows_no_stage_shows_pages(self):
        self.admin.post(TOKENS + "/new", {"token": "page~1", "uses_allowed": 1})
        client = self.server.client()
        body = {"username": "pages", "password": "correct horse"}
        session = client.error("POST", REGISTER, body).body["session"]

        def page(method, stage, data=None, session=session):
            answer = client.raw(method, V3 + "/auth/%s/fallback/web?session=%s" % (stage, session), data,
                                headers={"Content-Type": "application/x-www-form-urlencoded"})
            if answer.status == 200:
                self.assertTrue(answer.headers["Content-Type"].startswith("text/html"))
                self.assertIn("default-src 'none'; script-src 'nonce-", answer.headers["Content-Security-Policy"])
            return answer
        token, terms = "m.login.registration_token", "m.login.terms"
        self.assertIn('<input name="token"', page("GET", token).text)
        refused = page("POST", token, b"token=%3Cscript%3E")
        self.assertEqual(refused.status, 401)
        self.assertNotIn("onAuthDone", refused.text)
        self.assertIn("window.onAuthDone", page("POST", token, b"token=page%7E1").text)
        self.assertIn("window.onAuthDone", page("GET", token).text)
        left = client.error("POST", REGISTER, {**body, "auth": {"session": session}})
        self.assertEqual(left.body["completed"], [token])
        shown = page("GET", terms).text
        self.assertIn('href="https://hs.test/privacy"', shown)
        self.assertIn("Privacy &amp; &lt;more&gt;", shown)
        page("POST", terms, b"")
        client.logged_in(client.post(REGISTER, {**body, "auth": {"session": session}}))
        self.assertEqual(self.admin.get(TOKENS + "/page~1")["completed"], 1)
        for method, stage, session, status in (("GET", terms, "no-such", 400), ("POST", terms, "%3Cb%3E", 400),
                                               ("GET", "m.login.password", session, 404)):
            answer = page(method, stage, b"" if method == "POST" else None, session)
            self.assertEqual(answer.status, status)
            self.assertEqual(answer.headers["Content-Type"], "application/json")

    def test_an_administrator_lists_changes_and_removes_tokens(self):
        made = self.admin.post(TOKENS + "/new", {"length": 20})
        self.assertEqual(len(made["token"]), 20)
        soon = int(time.time() * 1000) + 3600_000
        changed = self.admin.put(TOKENS + "/" + made["token"], {"uses_allowed": 0, "expiry_time": soon})
        self.assertEqual((changed["uses_allowed"], changed["expiry_time"]), (0, soon))
        self.assertIn(made["token"], [t["token"] for t in self.admin.get(TOKENS, valid="false")["registration_tokens"]])
        self.assertNotIn(made["token"],
                         [t["token"] for t in self.admin.get(TOKENS, valid="true")["registration_tokens"]])
        self.admin.delete(TOKENS + "/" + made["token"])
        error = self.admin.error("GET", TOKENS + "/" + made["token"])
        self.assertEqual((error.status, error.errcode), (404, "M_NOT_FOUND"))
        for body in ({"token": "no spaces"}, {"length": 65}, {"uses_allowed": -1}, {"uses_allowed": "1"},
                     {"expiry_time": 5}, {"uses_allowed": 1.5}):
            error = self.admin.error("POST", TOKENS + "/new", body)
            self.assertEqual((error.status, error.errcode), (400, "M_INVALID_PARAM"), body)

    def test_only_administrators_make_tokens(self):
        user = self.server.register_admin("plain", admin=False)
        error = user.error("POST", TOKENS + "/new", {})
        self.assertEqual((error.status, error.errcode), (403, "M_FORBIDDEN"))


if __name__ == "__main__":
    unittest.main()
