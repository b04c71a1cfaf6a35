# SPDX-License-Identifier: Apache-2.0
"""The library itself: its databases start, end and come back, its judge sees every fault that it is there for."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import threading
import unittest

from lares_test import Client, Postgres, Process, ProcessError, Redis, Transcript, judge, reserve_port, wait_until
from lares_test.load import Load, Worker, judge_to_device

ROOM = "!room:hs.test"


def transcripts(*seen):
    """A sender of messages a, b, c with events $a, $b, $c, and a reader for each list of events seen."""
    sender = Transcript("@sender:hs.test")
    for mark in "abc":
        sender.sending(ROOM, "txn-" + mark, mark)
        sender.acknowledged(ROOM, "txn-" + mark, mark, "$" + mark)
    readers = []
    for number, events in enumerate(seen):
        reader = Transcript("@reader%d:hs.test" % number)
        for event in events:
            reader.saw(ROOM, event, event[1:], "@sender:hs.test")
        readers.append(reader)
    return [sender, *readers]


def history(*events):
    return {ROOM: [("$create", None, "@sender:hs.test")] + [(event, event[1:2], "@sender:hs.test") for event in events]}


class JudgeTest(unittest.TestCase):
    def check(self, transcripts_, history_, *words):
        faults = judge(transcripts_, history_).faults
        self.assertEqual(len(faults), len(words), faults)
        for fault, word in zip(faults, words):
            self.assertIn(word, fault)

    def test_faultless(self):
        self.check(transcripts(["$a", "$b", "$c"], ["$a", "$b", "$c"]), history("$a", "$b", "$c"))

    def test_lost(self):
        self.check(transcripts(), history("$a", "$c"), "acknowledged and lost: message b")

    def test_doubled_in_storage(self):
        self.check(transcripts(), history("$a", "$b", "$b2", "$c"), "stored 2 times")

    def test_sent_later_but_placed_before(self):
        self.check(transcripts(), history("$a", "$c", "$b"), "stands before one that was acknowledged earlier")

    def test_seen_twice(self):
        self.check(transcripts(["$a", "$b", "$b", "$c"]), history("$a", "$b", "$c"), "saw $b 2 times")

    def test_never_seen(self):
        self.check(transcripts(["$a", "$c"]), history("$a", "$b", "$c"), "never saw 1 events")

    def test_seen_and_nowhere(self):
        self.check(transcripts(["$a", "$x", "$b", "$c"]), history("$a", "$b", "$c"), "not in the history")

    def test_readers_in_different_orders(self):
        self.check(transcripts(["$a", "$b", "$c"], ["$a", "$c", "$b"]), history("$a", "$b", "$c"), "different orders")


class LoadTest(unittest.TestCase):
    def test_to_device_messages_are_seen_once_and_in_order(self):
        one, two, ten = "@a:hs.test 1", "@a:hs.test 2", "@a:hs.test 10"
        for seen, words in (([one, two, ten], []), ([one, ten], []), ([one, two], ["never reached"]),
                            ([one, ten, ten], ["2 times"]), ([ten, one], ["1 after @a:hs.test 10"])):
            faults = judge_to_device("@b:hs.test", seen, {one, ten})
            self.assertEqual(len(faults), len(words), faults)
            for fault, word in zip(faults, words):
                self.assertIn(word, fault)

    def test_whoever_is_not_answered_in_the_end_is_a_fault(self):
        released = threading.Event()

        class Waiting(Worker):
            def turn(self):
                released.wait()
        load = object.__new__(Load)
        load.seed, load.readers = 0, []
        load.producers = [Waiting(load, Client("http://127.0.0.1:1"))]
        load.start()
        with self.assertRaisesRegex(AssertionError, "Waiting of None has had no answer"):
            load.stop(timeout=0.01)
        released.set()
        load.producers[0].join()


class ProcessTest(unittest.TestCase):
    def test_ports_are_given_once_and_free(self):
        ports = [reserve_port() for _ in range(20)]
        self.assertEqual(len(set(ports)), 20)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", ports[0]))

    def test_one_that_ends_while_starting_is_an_error_with_its_log(self):
        with tempfile.TemporaryDirectory() as folder:
            process = Process("liar", ["sh", "-c", "echo no such file; exit 78"], os.path.join(folder, "log")).start()
            with self.assertRaisesRegex(ProcessError, "(?s)ended with 78.*no such file"):
                process.wait_ready(lambda: False)

    def test_none_outlives_a_test_that_is_killed(self):
        test = textwrap.dedent("""
            import threading, time
            from lares_test import Process
            process = Process("child", ["sleep", "1000"], "/dev/null")
            starter = threading.Thread(target=process.start)
            starter.start()
            starter.join()
            print(process.pid, flush=True)
            time.sleep(1000)
        """)
        with subprocess.Popen([sys.executable, "-c", test], stdout=subprocess.PIPE, text=True) as running:
            child = int(running.stdout.readline())
            os.kill(child, 0)
            running.send_signal(signal.SIGKILL)

        def gone():
            try:
                with open("/proc/%d/stat" % child) as stat:
                    return stat.read().rsplit(")", 1)[1].split()[0] == "Z"
            except FileNotFoundError:
                return True
        wait_until(gone, what="the end of the child")


class DatabaseTest(unittest.TestCase):
    def test_postgres_comes_back_after_a_kill(self):
        with Postgres() as pg:
            database = pg.create_database()["args"]["dbname"]
            pg.sql("CREATE TABLE t (x INT)", database)
            pg.sql("INSERT INTO t VALUES (7)", database)
            pg.kill()
            pg.start()
            self.assertEqual(pg.sql("SELECT x FROM t", database), [["7"]])
        self.assertFalse(os.path.exists(pg.folder))

    def test_redis_comes_back_after_a_kill(self):
        with Redis() as redis:
            redis.kill()
            redis.start()
        self.assertFalse(os.path.exists(redis.folder))


if __name__ == "__main__":
    unittest.main()
