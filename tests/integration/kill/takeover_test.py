# SPDX-License-Identifier: Apache-2.0
"""A persister stands still, another of its name takes over, and the first wakes up: it writes no more, and no room's graph
has a fork."""

import collections
import contextlib
import json
import os
import signal
import subprocess
import time
import unittest

from lares_test import Workers, wait_until
from lares_test.load import Load
from lares_test.process import lives


class TakeoverTest(unittest.TestCase):
    def graph(self, cluster):
        """room -> the prev_events of each event of its, as PostgreSQL has them."""
        rows = subprocess.run(
            ["psql", "-h", os.path.join(cluster.folder, "postgres"), "-U", "lares", "-d", "lares", "-AtX", "-c",
             "SELECT room, convert_from(body, 'UTF8') FROM events ORDER BY position"],
            check=True, stdout=subprocess.PIPE, text=True).stdout
        rooms = collections.defaultdict(list)
        for line in rows.splitlines():
            room, _, body = line.partition("|")
            rooms[room].append(json.loads(body)["prev_events"])
        return rooms

    def test_a_writer_that_was_replaced_while_it_stood_still_writes_no_more(self):
        with Workers() as cluster:
            load = Load(cluster, 7, kind="messages")
            load.start()
            time.sleep(2)
            old = cluster.pid("event_persister1")
            os.kill(old, signal.SIGSTOP)
            try:
                cluster.start()
                self.assertNotEqual(cluster.pid("event_persister1"), old)
                sent = sum(sender.count for sender in load.senders)
                wait_until(lambda: sum(sender.count for sender in load.senders) > sent + 50, timeout=60,
                           what="messages through the new writer")
                os.kill(old, signal.SIGCONT)
                wait_until(lambda: not lives(old), timeout=60, what="the end of the one that was replaced")
            except BaseException:
                # Nobody else knows of it any more.
                with contextlib.suppress(ProcessLookupError):
                    os.kill(old, signal.SIGKILL)
                raise
            self.assertIn("Another process has taken over", cluster.log_text("event_persister1"))
            # At its end it leaves the socket to the one that took it.
            self.assertTrue(os.path.exists(os.path.join(cluster.folder, "run", "event_persister1.sock")))
            time.sleep(2)
            load.stop()
            self.assertEqual(load.judge(), [])
            for room, events in self.graph(cluster).items():
                forks = [count for count in collections.Counter(
                    event for previous in events for event in previous).values() if count > 1]
                self.assertEqual(forks, [], room)
                self.assertTrue(all(len(previous) <= 1 for previous in events), room)


if __name__ == "__main__":
    unittest.main(verbosity=2)
