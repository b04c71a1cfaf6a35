# SPDX-License-Identifier: Apache-2.0
"""Devices and keys over four processes: main, a generic_worker that clients talk to as well, a writer of to-device messages
and two of device lists. The writer of messages is killed in between: nothing acknowledged is lost, nothing comes twice."""

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

from signing import Identity  # noqa: E402

V3 = "/_matrix/client/v3"
BROKEN = (OSError, http.client.HTTPException, MatrixError)


def insist(request):
    """Sends a request until it is answered, as a client does."""
    end = time.monotonic() + 60
    while True:
        try:
            return request()
        except BROKEN as error:
            if isinstance(error, MatrixError) and error.status < 500 or time.monotonic() > end:
                raise
            time.sleep(0.05)


def put(client, to, txn, content):
    return client.put("%s/sendToDevice/m.dummy/%s" % (V3, txn), {"messages": {to.user_id: {to.device_id: content}}})


class WorkersTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        postgres = cls.enterClassContext(Postgres())
        redis = cls.enterClassContext(Redis())
        redis_says(redis, "CONFIG", "SET", "requirepass", PASSWORD)
        ports = {name: reserve_port() for name in ("main", "reader", "devices1", "lists1")}
        cls.main = Server(name="keys.test", database=postgres.create_database(), config={
            "redis": {**redis.config(), "password": PASSWORD},
            "worker_replication_secret": "between processes",
            "instance_map": {name: {"host": "127.0.0.1", "port": port} for name, port in ports.items()},
            "stream_writers": {"to_device": ["devices1"], "device_lists": ["devices1", "lists1"]}})
        cls.main.config["signing_key_path"] = os.path.join(cls.main.folder, "signing.key")
        cls.main.config["listeners"].append({"port": ports["main"], "bind_addresses": ["127.0.0.1"], "type": "http",
                                             "resources": [{"names": ["replication"]}]})
        cls.main.write_config()
        cls.reader, cls.devices, cls.lists = (Worker(name, cls.main, ports[name])
                                              for name in ("reader", "devices1", "lists1"))
        cls.client_port = reserve_port()
        cls.reader.config["worker_listeners"].append(
            {"port": cls.client_port, "bind_addresses": ["127.0.0.1"], "type": "http",
             "resources": [{"names": ["client"]}]})
        cls.reader.write_config()
        with contextlib.ExitStack() as stack:
            for process in (cls.main, cls.devices, cls.lists, cls.reader):
                stack.push(process.__exit__)
                process.start()
            cls.addClassCleanup(stack.pop_all().close)
        cls.count = 0

    def users(self, *names):
        WorkersTest.count += 1
        return [self.main.register("%s%d" % (name, self.count)) for name in names]

    def at_reader(self, client):
        """The same user and device, through the generic_worker."""
        there = Client("http://127.0.0.1:%d" % self.client_port, client.token)
        there.user_id, there.device_id = client.user_id, client.device_id
        return there

    def test_a_message_sent_here_wakes_a_sync_there(self):
        alice, bob = self.users("alice", "bob")
        there = self.at_reader(bob)
        there.sync()
        answers = []

        def wait():
            answers.append(there.sync_until(lambda answer: answer.get("to_device", {}).get("events")))
        waiting = threading.Thread(target=wait)
        waiting.start()
        put(alice, bob, "one", {"n": 1})
        waiting.join(30)
        self.assertEqual([event["content"] for event in answers[0]], [{"n": 1}])
        # The other process gives nothing that was acknowledged, and goes on where the first one ended.
        self.assertNotIn("to_device", bob.sync(since=there.since))

    def test_changes_and_counts_here_are_known_there(self):
        alice, bob, carol = self.users("alice", "bob", "carol")
        room = alice.create_room()
        bob.join(room)
        there, key = self.at_reader(bob), {"signed_curve25519:A": {"key": "x", "signatures": {}}}
        there.sync_until(lambda answer: answer["device_one_time_keys_count"] == {"signed_curve25519": 0})
        # Both writers of the stream get their turn.
        for client in (alice, carol):
            client.post(V3 + "/keys/upload", {"device_keys": Identity(client).device_keys()})
        there.sync_until(lambda answer: alice.user_id in answer.get("device_lists", {}).get("changed", []))
        self.assertIn(alice.device_id, there.post(V3 + "/keys/query", {"device_keys": {alice.user_id: []}})[
            "device_keys"][alice.user_id])
        bob.post(V3 + "/keys/upload", {"one_time_keys": key})
        wait_until(lambda: there.sync()["device_one_time_keys_count"] == {"signed_curve25519": 1})
        claimed = alice.post(V3 + "/keys/claim",
                             {"one_time_keys": {bob.user_id: {bob.device_id: "signed_curve25519"}}})
        self.assertEqual(claimed["one_time_keys"][bob.user_id][bob.device_id], key)
        wait_until(lambda: there.sync()["device_one_time_keys_count"] == {"signed_curve25519": 0})

    def test_a_deleted_device_is_news_there(self):
        alice, bob = self.users("alice", "bob")
        bob.join(alice.create_room())
        phone = self.main.client().login(alice.name)
        there = self.at_reader(bob)
        there.sync_until(lambda answer: any(room for room in answer.get("rooms", {}).get("join", {})))
        phone.post(V3 + "/logout")
        there.sync_until(lambda answer: alice.user_id in answer.get("device_lists", {}).get("changed", []))

    def test_a_device_that_comes_again_has_none_of_its_former_keys_there_either(self):
        alice, = self.users("alice")
        alice.post(V3 + "/keys/upload", {"one_time_keys": {"signed_curve25519:A": {"key": "x", "signatures": {}}}})
        # A process that starts now has not heard of the upload: what it knows of it, it has read.
        self.reader.kill()
        self.reader.start()
        there = self.at_reader(alice)
        self.assertEqual(there.sync()["device_one_time_keys_count"], {"signed_curve25519": 1})
        alice.post(V3 + "/logout")
        there = self.at_reader(self.main.client().login(alice.name, device_id=alice.device_id))
        wait_until(lambda: there.sync()["device_one_time_keys_count"] == {"signed_curve25519": 0})

    def test_nothing_is_lost_or_doubled_while_the_writer_is_killed(self):
        alice, bob = self.users("alice", "bob")
        there, senders, sent, stop = self.at_reader(bob), [self.at_reader(alice), alice], [], threading.Event()
        there.sync()

        def send(number):
            client, n = senders[number], 0
            while not stop.is_set():
                n += 1
                insist(lambda: put(client, bob, "k%d-%d" % (number, n), {"from": number, "n": n}))
                sent.append((number, n))
        threads = [threading.Thread(target=send, args=(number,)) for number in range(2)]
        for thread in threads:
            thread.start()
        received = []

        def take():
            answer = insist(lambda: there.sync(timeout=200))
            received.extend((event["content"]["from"], event["content"]["n"])
                            for event in answer.get("to_device", {}).get("events", []))
        for _ in range(6):
            goal = len(sent) + 20
            while len(sent) < goal:
                take()
            self.devices.kill()
            self.devices.start()
        stop.set()
        for thread in threads:
            thread.join(90)
        while len(received) < len(sent):
            before = len(received)
            take()
            if len(received) == before:
                take()
                if len(received) == before:
                    break
        for number in range(2):
            numbers = [n for sender, n in received if sender == number]
            self.assertEqual(numbers, list(range(1, len(numbers) + 1)))
        self.assertEqual(set(sent) - set(received), set())
        self.assertEqual(len(received), len(set(received)))


if __name__ == "__main__":
    unittest.main()
