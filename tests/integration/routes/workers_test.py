# SPDX-License-Identifier: Apache-2.0
"""Any process takes any request: each route of the main process, asked of a worker that writes nothing itself."""

import contextlib
import os
import sys
import unittest

from lares_test import Postgres, Server, reserve_port, source_dir

sys.path.insert(0, os.path.join(source_dir(), "tests", "integration", "replication"))
from cluster import Worker  # noqa: E402

from walk import PLAUSIBLE, PLAUSIBLE_QUERY, describe, is_matrix_error, load, one_of_each

SECRET = "between processes"


class WorkersTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with contextlib.ExitStack() as stack:
            postgres = stack.enter_context(Postgres())
            main_port, reader_port, lines = reserve_port(), reserve_port(), reserve_port()
            cls.main = Server(database=postgres.create_database(), config={
                "worker_replication_secret": SECRET, "password_hash": {"memory": "8K", "passes": 1},
                "instance_map": {"main": {"host": "127.0.0.1", "port": main_port}}})
            cls.main.config["signing_key_path"] = os.path.join(cls.main.folder, "signing.key")
            cls.main.config["listeners"] += [
                {"port": main_port, "bind_addresses": ["127.0.0.1"], "type": "http",
                 "resources": [{"names": ["replication"]}]},
                {"port": lines, "type": "replication"}]
            cls.main.write_config()
            cls.reader = Worker("reader1", cls.main, reader_port)
            cls.reader.config["worker_replication_port"] = lines
            cls.reader.config["worker_listeners"][0]["resources"] = [{"names": ["client", "federation"]}]
            cls.reader.write_config()
            stack.push(cls.main.__exit__)
            stack.push(cls.reader.__exit__)
            cls.main.start()
            cls.reader.start()
            cls.addClassCleanup(stack.pop_all().close)
        cls.routes = [route for route in load(cls.main.config_path) if route.resource in ("client", "federation")]

    def test_a_worker_has_every_route_of_the_main_process(self):
        there = {str(route) for route in load(self.main.config_path, self.reader.config_path)}
        self.assertEqual([str(route) for route in self.routes if str(route) not in there], [])

    def test_a_worker_answers_each_of_them(self):
        alice, admin = self.main.register("alice"), self.main.register_admin("admin")
        room = alice.create_room()
        event = alice.send(room, "hello")
        values = {"roomId": room, "roomIdOrAlias": room, "eventId": event, "userId": alice.user_id,
                  "eventType": "m.room.name", "stateKey": "", "txnId": "walk", "roomAlias": "#walk:hs.test",
                  "receiptType": "m.read", "relType": "m.thread", "type": "x.test.walk", "tag": "u.walk",
                  "scope": "global", "kind": "override", "ruleId": "x.walk"}
        faults = []
        for route in one_of_each(self.routes):
            if route.access in ("appservice", "server"):
                continue
            who = admin if route.access == "admin" else alice
            # A login for each, as some of the routes end it.
            client = self.reader.client().login(who.user_id) if route.asks_for_a_token else self.reader.client()
            body = None
            if route.writes:
                body = {"order": 0.5} if route.pattern.endswith("/tags/{tag}") else {
                    **PLAUSIBLE, "user_id": admin.user_id, "event_id": event, "room_id": room, "m.read": event}
            path = route.path({**values, "deviceId": client.device_id or "X"})
            answer = client.raw(route.method, path if route.writes else path + "?" + PLAUSIBLE_QUERY, body, timeout=30)
            unknown = is_matrix_error(answer) and answer.json["errcode"] == "M_UNRECOGNIZED"
            if answer.status >= 500 or unknown:
                faults.append("%s: %s" % (route, describe(answer)))
        self.assertEqual(faults, [], "\n".join(faults))


if __name__ == "__main__":
    unittest.main(verbosity=2)
