# SPDX-License-Identifier: Apache-2.0
"""The streams over three processes: main, a generic_worker that clients talk to, and one that writes the streams."""

import contextlib
import http.client
import os
import sys
import threading
import time
import unittest

from lares_test import Client, MatrixError, Postgres, Redis, Server, reserve_port, source_dir, wait_until

sys.path.insert(0, os.path.join(source_dir(), "tests", "integration", "replication"))
from cluster import PASSWORD, Worker, redis_says  # noqa: E402

from engines import contents, joined, user_path  # noqa: E402
from presence_test import seen, status_path  # noqa: E402
from receipts_test import receipts  # noqa: E402
from typing_test import typing  # noqa: E402

STREAMS = ["typing", "receipts", "account_data", "presence"]
BROKEN = (OSError, http.client.HTTPException, MatrixError)


class WorkersTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.postgres = cls.enterClassContext(Postgres())
        redis = cls.enterClassContext(Redis())
        redis_says(redis, "CONFIG", "SET", "requirepass", PASSWORD)
        ports = {name: reserve_port() for name in ("main", "reader", "streams1")}
        database = cls.postgres.create_database()
        cls.database = database["args"]["dbname"]
        cls.main = Server(name="workers.test", database=database, config={
            "redis": {**redis.config(), "password": PASSWORD},
            "worker_replication_secret": "between processes",
            "instance_map": {name: {"host": "127.0.0.1", "port": port} for name, port in ports.items()},
            "stream_writers": {stream: ["streams1"] for stream in STREAMS},
            "presence": {"sync_online_timeout": "3s"}})
        cls.main.config["signing_key_path"] = os.path.join(cls.main.folder, "signing.key")
        cls.main.config["listeners"].append({"port": ports["main"], "bind_addresses": ["127.0.0.1"], "type": "http",
                                             "resources": [{"names": ["replication"]}]})
        cls.main.write_config()
        cls.reader, cls.streams = Worker("reader", cls.main, ports["reader"]), Worker("streams1", cls.main,
                                                                                     ports["streams1"])
        cls.reader.client_port = reserve_port()
        cls.reader.config["worker_listeners"].append(
            {"port": cls.reader.client_port, "bind_addresses": ["127.0.0.1"], "type": "http",
             "resources": [{"names": ["client"]}]})
        cls.reader.write_config()
        with contextlib.ExitStack() as stack:
            for process in (cls.main, cls.streams, cls.reader):
                stack.push(process.__exit__)
                process.start()
            cls.addClassCleanup(stack.pop_all().close)
        cls.alice, cls.bob = cls.main.register("alice"), cls.main.register("bob")

    def at_reader(self, client):
        """The same user and device, through the generic_worker."""
        there = Client("http://127.0.0.1:%d" % self.reader.client_port, client.token)
        there.user_id = client.user_id
        return there

    def room(self):
        room = self.alice.create_room()
        self.bob.join(room)
        self.alice.sync(), self.bob.sync()
        return room

    @staticmethod
    def insist(request):
        end = time.monotonic() + 60
        while True:
            try:
                return request()
            except BROKEN as error:
                if isinstance(error, MatrixError) and error.status < 500 or time.monotonic() > end:
                    raise
                time.sleep(0.05)

    def kill_and_start(self, process):
        process.kill()
        process.start()

    def test_what_one_process_takes_the_others_show_at_once(self):
        room = self.room()
        event = self.alice.send(room, "hello")
        alice, bob = self.at_reader(self.alice), self.at_reader(self.bob)
        alice.sync(), bob.sync()
        alice.put(user_path(alice, "account_data", "org.example.a"), {"n": 1})
        self.assertEqual(self.alice.get(user_path(alice, "account_data", "org.example.a")), {"n": 1})
        self.assertEqual(contents(alice.sync(), "account_data")["org.example.a"], {"n": 1})
        self.alice.sync_until(lambda answer: "org.example.a" in contents(answer, "account_data"))
        bob.post(bob.room_path(room, "receipt", "m.read", event))
        self.assertIn((event, "m.read", bob.user_id, None), receipts(bob.sync(), room))
        self.alice.sync_until(lambda answer: (event, "m.read", bob.user_id, None) in receipts(answer, room))
        alice.put(alice.room_path(room, "typing", alice.user_id), {"typing": True})
        self.assertEqual(typing(alice.sync(), room), [alice.user_id])
        self.bob.sync_until(lambda answer: typing(answer, room) == [alice.user_id])
        alice.put(alice.room_path(room, "typing", alice.user_id), {"typing": False})
        alice.put(status_path(alice), {"presence": "online", "status_msg": "at the reader"})
        self.assertEqual(alice.get(status_path(alice))["status_msg"], "at the reader")
        wait_until(lambda: self.bob.get(status_path(alice)).get("status_msg") == "at the reader")

    def test_nothing_acknowledged_is_lost_when_the_writer_is_killed(self):
        room = self.room()
        alice, bob = self.at_reader(self.alice), self.at_reader(self.bob)
        ended, faults = threading.Event(), []
        put, read = [], []

        def put_data():
            number = 0
            while not ended.is_set():
                kind = "org.example.kill.%d" % (number % 300)
                content = {"n": number}
                self.insist(lambda: alice.put(user_path(alice, "account_data", kind), content))
                put.append((kind, content))
                number += 1

        def read_on():
            while not ended.is_set():
                event = self.insist(lambda: self.bob.send(room, "message"))
                self.insist(lambda: bob.post(bob.room_path(room, "receipt", "m.read", event)))
                read.append(event)

        def watch():
            idle = 0
            while idle < 3:
                answer = self.insist(lambda: self.alice.sync(timeout=300))
                found = [key[0] for key in receipts(answer, room) if key[2] == bob.user_id]
                saw.extend(found)
                for kind, content in contents(answer, "account_data").items():
                    data[kind] = content
                writing = any(thread.is_alive() for thread in threads[:2])
                idle = 0 if found or writing else idle + 1

        def run(work):
            try:
                work()
            except BaseException as error:
                faults.append(repr(error))
                raise

        saw, data = [], {}
        threads = [threading.Thread(target=run, args=(work,)) for work in (put_data, read_on, watch)]
        for thread in threads:
            thread.start()
        for _ in range(4):
            more = len(put) + 20, len(read) + 20
            wait_until(lambda: faults or (len(put) > more[0] and len(read) > more[1]), timeout=60)
            self.kill_and_start(self.streams)
        more = len(put) + 20, len(read) + 20
        wait_until(lambda: faults or (len(put) > more[0] and len(read) > more[1]), timeout=60)
        ended.set()
        for thread in threads:
            thread.join(90)
        self.assertEqual(faults, [])
        last = dict(put)
        for kind, content in last.items():
            self.assertEqual(self.alice.get(user_path(self.alice, "account_data", kind)), content)
            self.assertEqual(data.get(kind), content, "the other process's sync did not show " + kind)
        # A receipt moves on, so that a sync may see some of them only; none of them twice, and the last in the end.
        self.assertEqual(saw[-1], read[-1])
        self.assertEqual(len(saw), len(set(saw)))
        rows = self.postgres.sql("SELECT COUNT(*) FROM account_data WHERE room = 0 AND "
                                 "convert_from(type, 'UTF8') LIKE 'org.example.kill.%'", self.database)
        self.assertEqual(int(rows[0][0]), len(last))

    def test_typing_ends_when_its_writer_is_killed(self):
        room = self.room()
        self.alice.put(self.alice.room_path(room, "typing", self.alice.user_id), {"typing": True, "timeout": 120_000})
        self.bob.sync_until(lambda answer: typing(answer, room) == [self.alice.user_id])
        self.kill_and_start(self.streams)
        self.bob.sync_until(lambda answer: typing(answer, room) == [], timeout=30)
        self.insist(lambda: self.alice.put(self.alice.room_path(room, "typing", self.alice.user_id), {"typing": True}))
        self.bob.sync_until(lambda answer: typing(answer, room) == [self.alice.user_id])

    def test_nobody_seems_to_go_when_the_writer_of_presence_begins_anew(self):
        room = self.room()
        dora = self.main.register("dora")
        dora.join(room)
        ended = threading.Event()

        def stay():
            there = self.at_reader(dora)
            while not ended.is_set():
                with contextlib.suppress(*BROKEN):
                    there.sync(timeout=500)
        staying = threading.Thread(target=stay)
        staying.start()
        states = []

        def look(answer):
            state = seen(answer).get(dora.user_id, {}).get("presence")
            states.extend([state] if state else [])
            return state
        self.alice.sync_until(lambda answer: look(answer) == "online")
        self.kill_and_start(self.streams)
        for _ in range(10):
            look(self.alice.sync(timeout=500))
        ended.set()
        staying.join()
        self.assertNotIn("offline", states)

    def test_users_of_a_killed_process_go_offline_and_come_back(self):
        room = self.room()
        carol = self.main.register("carol")
        carol.join(room)
        there = self.at_reader(carol)
        there.sync()

        def becomes(state, timeout=20):
            self.alice.sync_until(lambda answer: seen(answer).get(carol.user_id, {}).get("presence") == state,
                                  timeout=timeout)
        becomes("online")

        def sync_until_killed():
            with contextlib.suppress(*BROKEN):
                while True:
                    there.sync(timeout=60_000)
        waiting = threading.Thread(target=sync_until_killed)
        waiting.start()
        time.sleep(4)
        self.assertEqual(self.alice.get(status_path(carol))["presence"], "online", "a sync that waits counts")
        self.reader.kill()
        waiting.join(20)
        becomes("offline")
        self.reader.start()
        self.insist(lambda: self.at_reader(carol).sync())
        becomes("online")
        self.kill_and_start(self.streams)
        self.insist(lambda: self.at_reader(carol).sync())
        wait_until(lambda: self.alice.get(status_path(carol))["presence"] == "online", timeout=20)


if __name__ == "__main__":
    unittest.main(verbosity=2)
