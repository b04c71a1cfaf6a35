# SPDX-License-Identifier: Apache-2.0
"""Two processes without Redis: what a worker wrote comes through the main process's replication listener."""

import contextlib
import os
import socket
import threading
import unittest

from cluster import Worker, check_counts
from lares_test import Postgres, Server, reserve_port


class TcpCluster:
    """`with TcpCluster() as cluster: cluster.main.register("alice")`. `main` and `persister` are Servers."""

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.postgres = stack.enter_context(Postgres())
            main_port, persister_port, self.lines = reserve_port(), reserve_port(), reserve_port()
            self.main_port = main_port
            self.main = Server(name="cluster.test", database=self.postgres.create_database(), config={
                "worker_replication_secret": "between processes",
                "instance_map": {"main": {"host": "127.0.0.1", "port": main_port},
                                 "persister1": {"host": "127.0.0.1", "port": persister_port}},
                "stream_writers": {"events": ["persister1"]}})
            self.main.config["signing_key_path"] = os.path.join(self.main.folder, "signing.key")
            self.main.config["listeners"] += [
                {"port": main_port, "bind_addresses": ["127.0.0.1"], "type": "http",
                 "resources": [{"names": ["replication", "metrics"]}]},
                {"port": self.lines, "type": "replication"}]
            self.main.write_config()
            self.persister = Worker("persister1", self.main, persister_port)
            self.persister.config["worker_replication_port"] = self.lines
            self.persister.write_config()
            stack.push(self.main.__exit__)
            stack.push(self.persister.__exit__)
            self.main.start()
            self.persister.start()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error):
        return self._stack.__exit__(*error)


class Terminal:
    """What nc(1) is."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.file = self.socket.makefile("rw", newline="\n")

    def type(self, line):
        self.file.write(line + "\n")
        self.file.flush()

    def until(self, beginning, inside=""):
        for line in self.file:
            if line.startswith(beginning) and inside in line:
                return
        raise AssertionError("the connection ended before " + beginning)

    def close(self):
        self.file.close()
        self.socket.close()


class TcpReplicationTest(unittest.TestCase):
    def test_a_worker_and_a_terminal_hear_what_is_written(self):
        with TcpCluster() as cluster:
            alice, bob = cluster.main.register("alice"), cluster.main.register("bob")
            room = alice.create_room()
            bob.join(room)
            terminal = Terminal(cluster.lines)
            terminal.until("SERVER cluster.test")
            terminal.type("REPLICATE")
            terminal.until("POSITION events persister1 ")
            bob.sync()
            shown = lambda answer: [event["event_id"] for event in answer.get("rooms", {}).get("join", {}).get(
                room, {}).get("timeline", {}).get("events", [])]
            answers = []
            waiting = threading.Thread(target=lambda: answers.append(bob.sync_until(shown)))
            waiting.start()
            event_id = alice.send(room, "hello through the main process")
            waiting.join(20)
            self.assertFalse(waiting.is_alive(), "the sync did not end")
            self.assertIn(event_id, answers[0])
            terminal.until("RDATA events persister1 ", inside=event_id)
            terminal.close()

    def test_commands_and_rows_are_counted_and_every_family_is_documented(self):
        with TcpCluster() as cluster:
            reader = check_counts(self, cluster, "tcp")
            self.assertEqual(reader.value("synapse_replication_tcp_resource_total_connections"), 1)

    def test_what_was_written_while_the_main_process_was_away_is_there_when_it_is_back(self):
        with TcpCluster() as cluster:
            alice = cluster.main.register("alice")
            room = alice.create_room()
            for _ in range(2):
                cluster.main.kill()
                cluster.main.start()
                event_id = alice.send(room, "again")
                self.assertIn(event_id, [event["event_id"] for event in alice.history(room)])
            cluster.persister.kill()
            cluster.persister.start()
            event_id = alice.send(room, "and again")
            self.assertIn(event_id, [event["event_id"] for event in alice.history(room)])


if __name__ == "__main__":
    unittest.main(verbosity=2)
