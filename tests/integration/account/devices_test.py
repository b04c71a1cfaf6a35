# SPDX-License-Identifier: Apache-2.0
"""What a real server knows of devices: their names, and when and from where they were last used."""

import os
import sqlite3
import time
import unittest

from lares_test import Postgres, Server, SettledWorkers, wait_until

V3 = "/_matrix/client/v3"


class SeenTests:
    """Run once for each engine."""

    @classmethod
    def setUpClass(cls):
        server = Server(database=cls.make_database())
        server.config["listeners"][0]["x_forwarded"] = True
        server.write_config()
        cls.server = cls.enterClassContext(server)

    @classmethod
    def make_database(cls):
        return None

    def shown_address(self, said):
        """The address of a client whose proxy has said this one."""
        return said

    def device(self, client, device_id):
        return client.get(V3 + "/devices/" + device_id)

    def test_a_device_says_when_and_from_where_it_was_last_used(self):
        user = self.server.register("seen")
        watcher = self.server.client()
        watcher.login("seen", user.password)
        other = self.server.client()
        other.login("seen", user.password, device_id="UNUSED")
        self.assertEqual(self.device(watcher, "UNUSED"), {"device_id": "UNUSED", "user_id": user.user_id,
                                                          "last_seen_ts": None, "last_seen_ip": None})
        before = int(time.time() * 1000)
        user.raw("GET", V3 + "/account/whoami", headers={"X-Forwarded-For": "192.0.2.7", "User-Agent": "A phone"})
        seen = wait_until(lambda: (d := self.device(watcher, user.device_id))["last_seen_ts"] and d)
        self.assertTrue(before <= seen["last_seen_ts"] <= int(time.time() * 1000), seen)
        self.assertEqual(seen["last_seen_ip"], self.shown_address("192.0.2.7"))
        self.assertEqual(seen, next(d for d in watcher.get(V3 + "/devices")["devices"]
                                    if d["device_id"] == user.device_id))
        # Within two minutes it is not noted again, whatever it does and from wherever.
        user.raw("GET", V3 + "/account/whoami", headers={"X-Forwarded-For": "192.0.2.8"})
        late = self.server.register("seen-late")
        late.get(V3 + "/account/whoami")
        wait_until(lambda: self.device(late, late.device_id)["last_seen_ts"])
        self.assertEqual(self.device(watcher, user.device_id), seen)

    def test_a_session_begins_with_a_device_id_and_a_name_that_can_be(self):
        user = self.server.register("named")
        login = {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": "named"},
                 "password": user.password}
        register = {"username": "unnamed", "password": "correct horse", "auth": {"type": "m.login.dummy"}}
        for path, body in ((V3 + "/login", login), (V3 + "/register", register)):
            for fields, status, errcode in (({"device_id": "D" * 513}, 400, "M_INVALID_PARAM"),
                                            ({"device_id": 5}, 400, "M_BAD_JSON"),
                                            ({"refresh_token": "yes"}, 400, "M_BAD_JSON"),
                                            ({"initial_device_display_name": "n" * 101}, 413, "M_TOO_LARGE"),
                                            ({"initial_device_display_name": "名" * 101}, 413, "M_TOO_LARGE")):
                error = self.server.client().error("POST", path, {**body, **fields})
                self.assertEqual((error.status, error.errcode), (status, errcode), (path, fields))
            made = self.server.client().call("POST", path, {**body, "device_id": "",
                                                            "initial_device_display_name": "名" * 100})
            self.assertTrue(made["device_id"], path)
        device = V3 + "/devices/" + user.device_id
        error = user.error("PUT", device, {"display_name": "名" * 101})
        self.assertEqual((error.status, error.errcode), (413, "M_TOO_LARGE"))
        user.put(device, {"display_name": "名" * 100})
        # A name that is not given stays as it is.
        user.put(device, {})
        self.assertEqual(user.get(device)["display_name"], "名" * 100)
        self.assertEqual(user.error("PUT", V3 + "/devices/none", {}).errcode, "M_NOT_FOUND")
        long = self.server.client().call("POST", V3 + "/login", {**login, "device_id": "D" * 512})
        self.assertEqual(long["device_id"], "D" * 512)

    def test_what_was_noted_is_written_at_the_end(self):
        user = self.server.register("ends")
        user.raw("GET", V3 + "/account/whoami", headers={"X-Forwarded-For": "192.0.2.9"})
        self.server.restart()
        self.assertEqual(self.device(user, user.device_id)["last_seen_ip"],
                         self.shown_address("192.0.2.9"))


class SqliteSeenTest(SeenTests, unittest.TestCase):
    def test_old_addresses_are_forgotten(self):
        user = self.server.register("old")
        user.raw("GET", V3 + "/account/whoami", headers={"User-Agent": "A phone"})
        self.server.stop()
        with sqlite3.connect(self.server.config["database"]["args"]["database"]) as database:
            mine = "FROM devices WHERE device_id = CAST('%s' AS BLOB)" % user.device_id
            ip, agent, seen = database.execute("SELECT last_seen_ip, user_agent, last_seen_ts " + mine).fetchone()
            self.assertEqual((ip, agent), ("127.0.0.1", b"A phone"))
            database.execute("UPDATE devices SET last_seen_ts = ?", (seen - 29 * 86400_000,))
        database.close()
        self.server.start()

        def forgotten():
            with sqlite3.connect(self.server.config["database"]["args"]["database"]) as database:
                row = database.execute("SELECT last_seen_ip, user_agent, last_seen_ts " + mine).fetchone()
            database.close()
            return row == (None, None, seen - 29 * 86400_000)
        wait_until(forgotten)


class PostgresSeenTest(SeenTests, unittest.TestCase):
    @classmethod
    def make_database(cls):
        cls.postgres = cls.enterClassContext(Postgres())
        return cls.postgres.create_database()


@unittest.skipUnless(os.environ.get("LARES_E2E_SHAPE") == "workers", "with account_test in one program, which starts one cluster")
class SeenOnWorkersTest(SeenTests, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = SettledWorkers.shared({"allow_guest_access": True})

    def shown_address(self, said):
        # The cluster's nginx believes nobody.
        return "127.0.0.1"

    def test_a_worker_writes_what_it_has_seen(self):
        user, watcher = self.server.register("seen-by-worker"), self.server.client()
        watcher.login("seen-by-worker", user.password)
        # The device's only request, which nginx gives to the worker that serves /sync.
        user.sync()
        wait_until(lambda: watcher.get(V3 + "/devices/" + user.device_id)["last_seen_ts"])


if __name__ == "__main__":
    unittest.main()
