# SPDX-License-Identifier: Apache-2.0
"""Keys of devices and users: uploaded, queried, claimed once, signed; who may see what."""

import http.client
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

from lares_test import MatrixError, wait_until
from shape import ShapeTest
from signing import Identity, Key

V3 = "/_matrix/client/v3"


def one_time_keys(count, start=0):
    return {"signed_curve25519:K%03d" % n: {"key": "key %d" % n, "signatures": {}} for n in range(start, start + count)}


def counts(answer):
    return answer["device_one_time_keys_count"], answer["device_unused_fallback_key_types"]


class KeysTest(ShapeTest):
    def upload(self, client, **fields):
        return client.post(V3 + "/keys/upload", fields)["one_time_key_counts"]

    def query(self, client, *users):
        return client.post(V3 + "/keys/query", {"device_keys": {user.user_id: [] for user in users}})

    def claim(self, client, of, algorithm="signed_curve25519"):
        answer = client.post(V3 + "/keys/claim", {"one_time_keys": {of.user_id: {of.device_id: algorithm}}})
        return answer["one_time_keys"].get(of.user_id, {}).get(of.device_id)

    def set_up(self, client):
        identity = Identity(client)
        self.upload(client, device_keys=identity.device_keys())
        client.post(V3 + "/keys/device_signing/upload", identity.upload())
        return identity

    def sign(self, client, objects):
        return client.post(V3 + "/keys/signatures/upload", objects)["failures"]

    def side_by_side(self, table, waiting, *calls):
        """Makes the calls while the table of PostgreSQL cannot be written, each once those before it wait, until all of them do.
        `waiting` says of a lock that is waited for whether one of them does."""
        until_all_wait = """DO $$ BEGIN
            LOCK TABLE %s IN EXCLUSIVE MODE;
            FOR try IN 1..3000 LOOP
                IF (SELECT count(*) FROM pg_locks WHERE NOT granted AND %s) >= %d THEN RETURN; END IF;
                PERFORM pg_sleep(0.01);
            END LOOP;
            RAISE 'they did not come';
        END $$""" % (table, waiting, len(calls))
        with ThreadPoolExecutor(1 + len(calls)) as pool:
            lock, answers = pool.submit(self.postgres.sql, until_all_wait, self.database), []

            def found(condition):
                return lock.done() or self.postgres.sql("SELECT 1 FROM pg_locks WHERE " + condition, self.database)
            wait_until(lambda: found("granted AND mode = 'ExclusiveLock' AND relation = '%s'::regclass" % table))
            for count, call in enumerate(calls, 1):
                answers.append(pool.submit(call))
                wait_until(lambda: found("NOT granted AND %s HAVING count(*) >= %d" % (waiting, count)))
            lock.result()
            return [answer.result() for answer in answers]

    # -- devices ----------------------------------------------------------------------------------------------------
    def test_device_keys_are_seen_by_others_with_the_device_s_name(self):
        alice, bob = self.users("alice", "bob")
        keys = Identity(alice).device_keys()
        self.upload(alice, device_keys=keys)
        alice.put(V3 + "/devices/" + alice.device_id, {"display_name": "laptop"})
        answer = self.query(bob, alice)
        self.assertEqual(answer["device_keys"][alice.user_id],
                         {alice.device_id: {**keys, "unsigned": {"device_display_name": "laptop"}}})
        named = bob.post(V3 + "/keys/query", {"device_keys": {alice.user_id: ["OTHER"]}})
        self.assertEqual(named["device_keys"][alice.user_id], {})
        nobody = bob.post(V3 + "/keys/query", {"device_keys": {"@nobody:" + self.server.name: [],
                                                              "@someone:elsewhere.test": []}})
        self.assertEqual(nobody["device_keys"], {"@nobody:" + self.server.name: {}})
        self.assertEqual(list(nobody["failures"]), ["elsewhere.test"])

    def test_keys_go_with_their_device(self):
        alice, bob = self.users("alice", "bob")
        phone = self.server.client().login(alice.name, device_id="PHONE")
        self.upload(phone, device_keys=Identity(phone).device_keys(), one_time_keys=one_time_keys(2))
        phone.post(V3 + "/logout")
        self.assertEqual(self.query(bob, alice)["device_keys"][alice.user_id], {})
        phone = self.server.client().login(alice.name, device_id="PHONE")
        self.assertEqual(self.upload(phone), {"signed_curve25519": 0})
        self.assertEqual(counts(phone.sync()), ({"signed_curve25519": 0}, []))

    def test_new_keys_are_news_and_the_same_keys_are_not(self):
        alice, bob = self.users("alice", "bob")
        bob.join(alice.create_room())
        bob.sync()
        keys = Identity(alice).device_keys()
        self.upload(alice, device_keys=keys)
        self.assertEqual(bob.sync(timeout=20000)["device_lists"]["changed"], [alice.user_id])
        self.upload(alice, device_keys=keys, one_time_keys=one_time_keys(1))
        self.assertNotIn("device_lists", bob.sync())

    # -- one-time keys ----------------------------------------------------------------------------------------------
    def test_each_one_time_key_is_handed_out_once_the_oldest_first(self):
        alice, bob = self.users("alice", "bob")
        self.assertEqual(self.upload(alice, one_time_keys=one_time_keys(3)), {"signed_curve25519": 3})
        self.assertEqual([list(self.claim(bob, alice)) for _ in range(3)],
                         [["signed_curve25519:K000"], ["signed_curve25519:K001"], ["signed_curve25519:K002"]])
        self.assertIsNone(self.claim(bob, alice))

    def test_a_key_that_was_handed_out_is_not_taken_again(self):
        alice, bob = self.users("alice", "bob")
        keys = one_time_keys(2)
        self.upload(alice, one_time_keys=keys)
        taken = self.claim(bob, alice)
        self.assertEqual(self.upload(alice, one_time_keys=keys), {"signed_curve25519": 1})
        self.server.kill()
        self.server.start()
        self.assertEqual(self.upload(alice, one_time_keys=keys), {"signed_curve25519": 1})
        self.assertNotEqual(self.claim(bob, alice), taken)
        self.assertIsNone(self.claim(bob, alice))

    def test_claims_at_once_never_get_the_same_key(self):
        alice, *others = self.users("alice", "bob", "carol", "dave", "eve")
        self.upload(alice, one_time_keys=one_time_keys(60))
        got, lock = [], threading.Lock()

        def claim(client):
            for _ in range(15):
                key = self.claim(client, alice)
                with lock:
                    got.append(list(key)[0])
        threads = [threading.Thread(target=claim, args=(client,)) for client in others]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(set(got)), 60)

    def test_no_key_is_handed_out_twice_across_kills(self):
        alice, *others = self.users("alice", "bob", "carol", "dave")
        for start in range(0, 300, 100):
            self.upload(alice, one_time_keys=one_time_keys(100, start))
        got, lock, stop = [], threading.Lock(), threading.Event()

        def claim(client):
            while not stop.is_set():
                try:
                    key = self.claim(client, alice)
                except (OSError, http.client.HTTPException, MatrixError) as error:
                    # A proxy answers for who is away.
                    if isinstance(error, MatrixError) and error.status not in (502, 503):
                        raise
                    time.sleep(0.01)
                    continue
                if key is None:
                    return
                with lock:
                    got.append(list(key)[0])
        threads = [threading.Thread(target=claim, args=(client,)) for client in others]
        for thread in threads:
            thread.start()
        for goal in (20, 60, 120):
            wait_until(lambda: len(got) >= goal or not any(thread.is_alive() for thread in threads))
            self.server.kill()
            self.server.start()
        stop.set()
        for thread in threads:
            thread.join()
        left = self.upload(alice)["signed_curve25519"]
        self.assertEqual(len(got), len(set(got)))
        # A claim whose answer was lost costs its key, and no more than that: one for each of three, three times.
        self.assertLessEqual(len(got) + left, 300)
        self.assertGreaterEqual(len(got) + left, 300 - 9)

    def test_the_same_key_again_is_nothing_and_another_of_its_name_is_refused(self):
        alice, = self.users("alice")
        self.upload(alice, one_time_keys=one_time_keys(1))
        self.assertEqual(self.upload(alice, one_time_keys=one_time_keys(1)), {"signed_curve25519": 1})
        error = alice.error("POST", V3 + "/keys/upload", {"one_time_keys": {"signed_curve25519:K000": {"key": "x"}}})
        self.assertEqual((error.status, error.errcode), (400, "M_UNKNOWN"))

    def test_a_fallback_key_is_given_when_there_is_no_other_and_is_then_used(self):
        alice, bob = self.users("alice", "bob")
        fallback = {"signed_curve25519:F1": {"key": "fallback", "fallback": True, "signatures": {}}}
        self.upload(alice, one_time_keys=one_time_keys(1), fallback_keys=fallback)
        self.assertEqual(counts(alice.sync()), ({"signed_curve25519": 1}, ["signed_curve25519"]))
        self.assertEqual(list(self.claim(bob, alice)), ["signed_curve25519:K000"])
        self.assertEqual(counts(alice.sync()), ({"signed_curve25519": 0}, ["signed_curve25519"]))
        for _ in range(2):
            self.assertEqual(self.claim(bob, alice), fallback)
        self.assertEqual(counts(alice.sync()), ({"signed_curve25519": 0}, []))
        self.upload(alice, fallback_keys={"signed_curve25519:F2": {"key": "newer", "fallback": True}})
        self.assertEqual(counts(alice.sync()), ({"signed_curve25519": 0}, ["signed_curve25519"]))

    def test_every_answer_of_sync_has_the_counts_after_a_restart_too(self):
        alice, = self.users("alice")
        self.upload(alice, one_time_keys=one_time_keys(7))
        for _ in range(3):
            self.assertEqual(counts(alice.sync()), ({"signed_curve25519": 7}, []))
        self.server.kill()
        self.server.start()
        self.assertEqual(counts(alice.sync()), ({"signed_curve25519": 7}, []))
        self.assertEqual(counts(alice.sync(timeout=100)), ({"signed_curve25519": 7}, []))

    # -- users ------------------------------------------------------------------------------------------------------
    def test_cross_signing_keys_are_seen_as_far_as_they_concern_one(self):
        alice, bob = self.users("alice", "bob")
        identity = self.set_up(alice)
        upload = identity.upload()
        mine, theirs = self.query(alice, alice), self.query(bob, alice)
        for answer in (mine, theirs):
            self.assertEqual(list(answer["master_keys"][alice.user_id]["keys"].values()), [identity.master.public])
            self.assertEqual(answer["self_signing_keys"][alice.user_id], upload["self_signing_key"])
        self.assertEqual(mine["user_signing_keys"][alice.user_id], upload["user_signing_key"])
        self.assertEqual(theirs["user_signing_keys"], {})

    def test_the_first_keys_and_the_same_ones_need_no_password_and_others_do(self):
        alice, = self.users("alice")
        identity = self.set_up(alice)
        alice.post(V3 + "/keys/device_signing/upload", identity.upload())
        other = Identity(alice)
        path = V3 + "/keys/device_signing/upload"
        asked = alice.error("POST", path, other.upload())
        self.assertEqual(asked.status, 401)
        auth = {"type": "m.login.password", "session": asked.body["session"], "password": alice.password,
                "identifier": {"type": "m.id.user", "user": alice.name}}
        alice.post(path, {**other.upload(), "auth": auth})
        self.assertEqual(list(self.query(alice, alice)["master_keys"][alice.user_id]["keys"].values()),
                         [other.master.public])

    def test_keys_that_come_while_their_device_is_deleted_go_with_it(self):
        if self.postgres is None:
            self.skipTest("there is no table to be locked")
        alice, = self.users("alice")
        device = self.server.client().login(alice.name)
        keys = {"device_keys": Identity(device).device_keys(), "one_time_keys": one_time_keys(3)}
        upload, logout = self.side_by_side(
            "one_time_keys", "mode IN ('RowExclusiveLock', 'ShareLock')",
            lambda: device.raw("POST", V3 + "/keys/upload", keys),
            lambda: self.server.client(device.token).raw("POST", V3 + "/logout"))
        self.assertEqual((upload.status, logout.status), (200, 200))
        for table in ("device_keys", "one_time_keys"):
            self.assertEqual(self.postgres.sql("SELECT count(*) FROM %s WHERE device_id = convert_to('%s', 'UTF8')"
                                               % (table, device.device_id), self.database), [["0"]])

    def test_of_two_first_uploads_at_the_same_time_one_needs_the_password(self):
        if self.postgres is None:
            self.skipTest("there is no table to be locked")
        alice, = self.users("alice")
        path = V3 + "/keys/device_signing/upload"
        uploads = [Identity(alice).upload() for _ in range(2)]
        # Both have seen that there are no keys when the first one writes.
        answers = self.side_by_side("cross_signing_keys", "mode = 'RowExclusiveLock'", *[
            lambda upload=upload: self.server.client(alice.token).raw("POST", path, upload) for upload in uploads])
        self.assertEqual(sorted(answer.status for answer in answers), [200, 401])
        refused = next(answer for answer in answers if answer.status == 401)
        self.assertEqual(refused.json["flows"], [{"stages": ["m.login.password"]}])
        first, second = (uploads[at] for at in sorted((0, 1), key=lambda at: answers[at].status))
        self.assertEqual(self.query(alice, alice)["master_keys"][alice.user_id]["keys"], first["master_key"]["keys"])
        alice.post(path, {**second, "auth": {
            "type": "m.login.password", "session": refused.json["session"], "password": alice.password,
            "identifier": {"type": "m.id.user", "user": alice.name}}})
        self.assertEqual(self.query(alice, alice)["master_keys"][alice.user_id]["keys"], second["master_key"]["keys"])

    def test_keys_that_the_master_key_did_not_sign_are_refused(self):
        alice, = self.users("alice")
        identity = Identity(alice)
        path = V3 + "/keys/device_signing/upload"
        alone = {"self_signing_key": identity.upload()["self_signing_key"]}
        self.assertEqual(alice.error("POST", path, alone).errcode, "M_INVALID_PARAM")
        forged = {**identity.upload(), "self_signing_key": Identity(alice).upload()["self_signing_key"]}
        self.assertEqual(alice.error("POST", path, forged).errcode, "M_INVALID_SIGNATURE")
        stranger = {"master_key": {**identity.master_key(), "user_id": "@other:" + self.server.name}}
        self.assertEqual(alice.error("POST", path, stranger).errcode, "M_INVALID_PARAM")
        self.assertEqual(alice.error("POST", path, {"master_key": 5}).errcode, "M_BAD_JSON")

    def test_signatures_of_own_devices_own_master_key_and_other_users(self):
        alice, bob, carol = self.users("alice", "bob", "carol")
        of_alice, of_bob = self.set_up(alice), self.set_up(bob)
        room = alice.create_room()
        for client in (bob, carol):
            client.join(room)
        for client in (alice, bob, carol):
            client.sync()
        device = of_alice.self_signing.sign(of_alice.device_keys(), alice.user_id)
        master = of_alice.device.sign(of_alice.master_key(), alice.user_id, alice.device_id)
        self.assertEqual(self.sign(alice, {alice.user_id: {alice.device_id: device,
                                                           of_alice.master.public: master}}), {})
        seen = self.query(bob, alice)
        self.assertEqual(seen["device_keys"][alice.user_id][alice.device_id]["signatures"], device["signatures"])
        self.assertEqual(seen["master_keys"][alice.user_id]["signatures"], master["signatures"])
        self.assertEqual(bob.sync()["device_lists"]["changed"], [alice.user_id])

        carol.sync()
        verified = of_bob.user_signing.sign(of_alice.master_key(), bob.user_id)
        self.assertEqual(self.sign(bob, {alice.user_id: {of_alice.master.public: verified}}), {})
        self.assertIn(bob.user_id, self.query(bob, alice)["master_keys"][alice.user_id]["signatures"])
        # Whom Bob has verified is seen by Bob alone.
        self.assertNotIn(bob.user_id, self.query(carol, alice)["master_keys"][alice.user_id]["signatures"])
        self.assertEqual(bob.sync()["device_lists"]["changed"], [alice.user_id])
        self.assertNotIn("device_lists", carol.sync())

    def test_signatures_go_with_the_keys_that_they_are_of(self):
        alice, bob = self.users("alice", "bob")
        identity = self.set_up(alice)
        name = "ed25519:" + identity.self_signing.public

        def signatures():
            seen = self.query(bob, alice)["device_keys"][alice.user_id][alice.device_id]
            return seen["signatures"][alice.user_id]
        signed = identity.self_signing.sign(identity.device_keys(), alice.user_id)
        self.assertEqual(self.sign(alice, {alice.user_id: {alice.device_id: signed}}), {})
        # The same keys once more, with another signature beside.
        self.upload(alice, device_keys=Key().sign(identity.device_keys(), alice.user_id))
        self.assertIn(name, signatures())
        identity.device = Key()
        self.upload(alice, device_keys=identity.device_keys())
        self.assertNotIn(name, signatures())

    def test_bad_signatures_fail_one_by_one(self):
        alice, bob = self.users("alice", "bob")
        of_alice, of_bob = self.set_up(alice), self.set_up(bob)
        good = of_alice.self_signing.sign(of_alice.device_keys(), alice.user_id)
        failures = self.sign(alice, {alice.user_id: {
            alice.device_id: good, "NODEVICE": good,
            of_alice.master.public: of_alice.device.sign({**of_alice.master_key(), "usage": ["other"]}, alice.user_id,
                                                         alice.device_id)},
            bob.user_id: {of_bob.master.public: Key().sign(of_bob.master_key(), alice.user_id), "x": 5},
            "@nobody:" + self.server.name: {"x": {}}})
        self.assertEqual({(user, key): failure["errcode"] for user, keys in failures.items()
                          for key, failure in keys.items()},
                         {(alice.user_id, "NODEVICE"): "M_NOT_FOUND",
                          (alice.user_id, of_alice.master.public): "M_INVALID_PARAM",
                          (bob.user_id, of_bob.master.public): "M_INVALID_SIGNATURE",
                          (bob.user_id, "x"): "M_BAD_JSON",
                          ("@nobody:" + self.server.name, "x"): "M_NOT_FOUND"})
        self.assertIn("ed25519:" + of_alice.self_signing.public,
                      self.query(alice, alice)["device_keys"][alice.user_id][alice.device_id]["signatures"][alice.user_id])
        forged = Key().sign(of_alice.device_keys(), alice.user_id)
        forged["signatures"][alice.user_id]["ed25519:" + of_alice.self_signing.public] = "AAAA"
        failures = self.sign(alice, {alice.user_id: {alice.device_id: forged}})
        self.assertEqual(failures[alice.user_id][alice.device_id]["errcode"], "M_INVALID_SIGNATURE")

    # -- hostile input ----------------------------------------------------------------------------------------------
    def test_hostile_requests_are_refused(self):
        alice, bob = self.users("alice", "bob")
        keys = Identity(alice).device_keys()
        for path, body, errcode in (
                ("upload", {"device_keys": 1}, "M_BAD_JSON"),
                ("upload", {"device_keys": {**keys, "user_id": bob.user_id}}, "M_INVALID_PARAM"),
                ("upload", {"device_keys": {**keys, "device_id": "OTHER"}}, "M_INVALID_PARAM"),
                ("upload", {"device_keys": {**keys, "keys": {"a": 1}}}, "M_BAD_JSON"),
                ("upload", {"device_keys": {**keys, "signatures": {"a": "b"}}}, "M_BAD_JSON"),
                ("upload", {"device_keys": {**keys, "algorithms": "all"}}, "M_BAD_JSON"),
                ("upload", {"one_time_keys": []}, "M_BAD_JSON"),
                ("upload", {"one_time_keys": {"nocolon": "x"}}, "M_INVALID_PARAM"),
                ("upload", {"one_time_keys": {"a:b": 5}}, "M_BAD_JSON"),
                ("upload", {"one_time_keys": {"a:b": "x" * 70000}}, "M_TOO_LARGE"),
                ("upload", {"one_time_keys": one_time_keys(1001)}, "M_TOO_LARGE"),
                ("upload", {"fallback_keys": {"a%d:b" % n: "x" for n in range(11)}}, "M_TOO_LARGE"),
                ("query", {}, "M_MISSING_PARAM"),
                ("query", {"device_keys": {"x": []}}, "M_INVALID_PARAM"),
                ("query", {"device_keys": {bob.user_id: 5}}, "M_BAD_JSON"),
                ("query", {"device_keys": {bob.user_id: [5]}}, "M_BAD_JSON"),
                ("claim", {}, "M_MISSING_PARAM"),
                ("claim", {"one_time_keys": {"x": {}}}, "M_INVALID_PARAM"),
                ("claim", {"one_time_keys": {bob.user_id: {"D": 5}}}, "M_BAD_JSON"),
                ("signatures/upload", {bob.user_id: []}, "M_BAD_JSON")):
            with self.subTest(path=path, body=str(body)[:80]):
                error = alice.error("POST", V3 + "/keys/" + path, body)
                self.assertEqual(error.errcode, errcode)
        # Nothing of what was refused is there.
        self.assertEqual(self.upload(alice), {"signed_curve25519": 0})
        self.assertEqual(counts(alice.sync()), ({"signed_curve25519": 0}, []))


if __name__ == "__main__":
    unittest.main()
