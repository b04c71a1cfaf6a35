# SPDX-License-Identifier: Apache-2.0
"""Which processes may start beside each other: one of each name, and all with the same `stream_writers`."""

import signal
import time
import unittest

from cluster import Cluster, Worker
from lares_test import reserve_port

# As long as the beat of a process has to stand still before another takes its name; with room for a slow machine.
STANDSTILL = 8


class SecondProcessTest(unittest.TestCase):
    def another(self, cluster, name, **config):
        """A worker of its own folder and port. It is not started."""
        port = reserve_port()
        worker = Worker(name, cluster.main, port)
        self.addCleanup(worker.close)
        worker.config.update(config)
        worker.write_config()
        return worker

    def refused(self, server, *parts):
        """It ends by itself with 78, and says all of these."""
        server.process.start()
        self.assertEqual(server.process.wait(60), 78, server.process.log_tail())
        for part in parts:
            self.assertIn(part, server.process.log_text())

    @staticmethod
    def entries(cluster):
        return cluster.postgres.sql("SELECT name, incarnation FROM writers ORDER BY name", cluster.database)

    def change_writers(self, cluster, *names):
        """What an administrator does: the list, and where a new one of them is, in the file that all read."""
        cluster.main.config["stream_writers"] = {"events": list(names)}
        for name in names:
            cluster.main.config["instance_map"].setdefault(name, {"host": "127.0.0.1", "port": reserve_port()})
        cluster.main.write_config()

    def test_a_second_one_of_a_name_is_refused_and_the_first_goes_on(self):
        with Cluster() as cluster:
            alice = cluster.main.register("alice")
            room = alice.create_room()
            before = self.entries(cluster)
            second = self.another(cluster, "persister1")
            self.refused(second, "A process of the name persister1 runs already on ",
                         " as process %d since " % cluster.persister.process.pid, "give this one another worker_name")
            # The very same configuration: its listener's port is taken, but that is not the reason.
            twin = self.another(cluster, "persister1", worker_listeners=cluster.persister.config["worker_listeners"])
            self.refused(twin, "A process of the name persister1 runs already on ")
            self.assertEqual(self.entries(cluster), before)
            self.assertTrue(cluster.persister.process.running())
            alice.send(room, "as if nothing had been")

    def test_after_a_kill_the_name_is_free_at_once(self):
        with Cluster() as cluster:
            for victim in [cluster.persister, cluster.main]:
                victim.kill()
                began = time.monotonic()
                victim.start()
                self.assertLess(time.monotonic() - began, STANDSTILL)

    def test_one_that_stands_still_is_replaced_after_a_while(self):
        with Cluster() as cluster:
            alice = cluster.main.register("alice")
            room = alice.create_room()
            cluster.persister.process.signal(signal.SIGSTOP)
            second = self.another(cluster, "persister1")
            second.start()
            cluster.persister.process.signal(signal.SIGCONT)
            self.assertEqual(cluster.persister.process.wait(60), 75)
            cluster.main.config["instance_map"]["persister1"]["port"] = second.port
            cluster.main.write_config()
            cluster.main.restart()
            alice.send(room, "through the second")

    def test_the_list_of_writers_is_changed_by_restarting_one_after_the_other(self):
        with Cluster() as cluster:
            alice = cluster.main.register("alice")
            room = alice.create_room()
            former = dict(cluster.main.config)
            self.change_writers(cluster, "persister2")
            # Who does not write by the new list has to wait for who does: the room would have nobody.
            cluster.main.stop()
            self.refused(cluster.main, "stream_writers.events is [persister2] for the process master, but [persister1] "
                         "for the process persister1, which runs on ", "restart first those that write the stream")
            port = cluster.main.config["instance_map"]["persister2"]["port"]
            new = self.another(cluster, "persister2", worker_listeners=[
                {"port": port, "bind_addresses": ["127.0.0.1"], "type": "http",
                 "resources": [{"names": ["replication"]}]}])
            new.port, new.base = port, "http://127.0.0.1:%d" % port
            new.start()
            self.assertEqual(cluster.persister.process.wait(60), 75)
            cluster.main.start()
            alice.send(room, "by the new list")
            # One whose file was forgotten does not take the rooms back.
            stale = self.another(cluster, "persister1")
            stale.process.command = [stale.process.command[0], "--config-path", stale.config_path]
            stale.config = {**former, **stale.config}
            stale.write_config()
            self.refused(stale, "[persister1] for the process persister1, but [persister2] for the process persister2",
                         "The list was changed since persister1 ran last")
            cluster.persister.start()
            alice.send(room, "with the former writer back, which writes nothing any more")


if __name__ == "__main__":
    unittest.main(verbosity=2)
