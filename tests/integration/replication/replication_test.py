# SPDX-License-Identifier: Apache-2.0
"""Two processes on PostgreSQL and Redis: what one writes the other shows, whoever is killed."""

import http.client
import json
import threading
import time
import unittest

from cluster import PASSWORD, Cluster, check_counts, metrics_of, redis_says
from lares_test import Client, MatrixError, Transcript, judge, wait_until

BROKEN = (OSError, http.client.HTTPException, MatrixError)
# Long enough that no timeline is cut short, so that a reader has to see everything.
WHOLE = json.dumps({"room": {"timeline": {"limit": 1000}}})


def timeline(answer, room):
    joined = answer["rooms"].get("join", {}) if "rooms" in answer else {}
    return joined.get(room, {}).get("timeline", {}).get("events", [])


def mark_of(event):
    return event["content"].get("body") if event["type"] == "m.room.message" else None


class Conversation:
    """Writers that insist until they are answered, and a reader that syncs without end."""

    def __init__(self, writers, reader, room):
        self.room = room
        self.ended, self.faults = threading.Event(), []
        self.transcripts = [Transcript(client.user_id) for client in [*writers, reader]]
        self.reader = reader
        self.threads = [threading.Thread(target=self._run, args=(self._write, client, transcript))
                        for client, transcript in zip(writers, self.transcripts)]
        self.threads.append(threading.Thread(target=self._run, args=(self._read, reader, self.transcripts[-1])))

    def _run(self, work, *arguments):
        try:
            work(*arguments)
        except BaseException as error:
            self.faults.append(repr(error))
            raise

    @staticmethod
    def _insist(request):
        end = time.monotonic() + 60
        while True:
            try:
                return request()
            except BROKEN as error:
                if isinstance(error, MatrixError) and error.status < 500 or time.monotonic() > end:
                    raise
                time.sleep(0.02)

    def _write(self, client, transcript):
        number = 0
        while not self.ended.is_set():
            number += 1
            mark, txn = "%s %d" % (client.user_id, number), client.new_txn()
            transcript.sending(self.room, txn, mark)
            event_id = self._insist(lambda: client.send(self.room, mark, txn))
            transcript.acknowledged(self.room, txn, mark, event_id)

    def _read(self, client, transcript):
        idle = 0
        while idle < 3:
            answer = self._insist(lambda: client.sync(timeout=500, filter=WHOLE))
            events = timeline(answer, self.room)
            for event in events:
                transcript.saw(self.room, event["event_id"], mark_of(event), event["sender"])
            writing = any(thread.is_alive() for thread in self.threads[:-1])
            idle = 0 if events or writing else idle + 1

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        for thread in self.threads:
            thread.join(90)

    def acknowledged(self):
        return sum(len(transcript.of("acknowledged")) for transcript in self.transcripts)

    def goes_on(self, more=20):
        target = self.acknowledged() + more
        wait_until(lambda: self.acknowledged() >= target or self.faults, timeout=60, what="%d more messages" % more)

    def judgement(self):
        history = [(event["event_id"], mark_of(event), event["sender"]) for event in self.reader.history(self.room)]
        return judge(self.transcripts, {self.room: history})


class ReplicationTest(unittest.TestCase):
    def people(self, cluster, *names):
        clients = [cluster.main.register(name) for name in names]
        room = clients[0].create_room()
        for client in clients[1:]:
            client.join(room)
        for client in clients:
            client.sync()
        return room, clients

    def test_what_the_worker_wrote_ends_a_sync_that_waits(self):
        with Cluster() as cluster:
            room, (alice, bob) = self.people(cluster, "alice", "bob")
            seen = []

            def sync_until_message():
                # That people are there ends a sync, too.
                while not any(mark_of(event) for event in seen):
                    seen.extend(timeline(bob.sync(timeout=30_000), room))

            waiting = threading.Thread(target=sync_until_message)
            waiting.start()
            event_id = alice.send(room, "hello from the other process")
            waiting.join(20)
            self.assertFalse(waiting.is_alive(), "the sync did not end")
            self.assertIn(event_id, [event["event_id"] for event in seen])
            # The writer's answer comes after main has it: an author reads their own message at once.
            own = alice.send(room, "my own")
            self.assertIn(own, [event["event_id"] for event in timeline(alice.sync(), room)])
            writers = cluster.postgres.sql("SELECT DISTINCT name FROM events JOIN writers ON number = writer",
                                           cluster.database)
            self.assertEqual(writers, [["persister1"]])

    def test_commands_and_rows_are_counted_and_every_family_is_documented(self):
        with Cluster() as cluster:
            check_counts(self, cluster, "redis")

    def test_nothing_acknowledged_is_lost_or_doubled_when_a_process_is_killed(self):
        with Cluster() as cluster:
            room, (alice, bob, carol) = self.people(cluster, "alice", "bob", "carol")
            with Conversation([alice, bob], carol, room) as talk:
                talk.goes_on()
                for victim in [cluster.persister, cluster.main, cluster.persister, cluster.main]:
                    victim.kill()
                    victim.start()
                    talk.goes_on()
                cluster.persister.kill()
                cluster.main.kill()
                cluster.main.start()
                cluster.persister.start()
                talk.goes_on()
            self.assertEqual(talk.faults, [])
            judgement = talk.judgement()
            self.assertEqual(judgement.faults, [], str(judgement))
            self.assertGreater(judgement.acknowledged, 100)

    def test_what_was_written_while_redis_was_away_arrives_afterwards(self):
        with Cluster() as cluster:
            room, (alice, bob) = self.people(cluster, "alice", "bob")
            cluster.redis.kill()
            event_id = alice.send(room, "nobody hears this now")
            cluster.redis.start()
            cluster.lock_redis()
            seen = lambda: event_id in [event["event_id"] for event in timeline(bob.sync(timeout=1000), room)]
            wait_until(seen, timeout=30, what="the message from when Redis was away")

    def test_a_sync_that_waits_sees_what_another_process_wrote_while_redis_is_away(self):
        with Cluster() as cluster:
            room, (alice, bob) = self.people(cluster, "alice", "bob")
            # So that the process that bob waits at has nothing to do with the message.
            cluster.persister.stop()
            cluster.persister.config["worker_listeners"][0]["resources"][0]["names"].append("client")
            cluster.persister.write_config()
            cluster.persister.start()
            cluster.redis.kill()
            there = Client("http://127.0.0.1:%d" % cluster.persister.port, alice.token)
            for body in ("the first", "the second"):
                seen = []

                def sync_until_message():
                    # That people are there ends a sync, too; one that nothing ends does not bring it.
                    while not seen:
                        answer = bob.sync(timeout=30_000)
                        if "rooms" not in answer and "presence" not in answer:
                            return
                        seen.extend(event["event_id"] for event in timeline(answer, room))

                thread = threading.Thread(target=sync_until_message)
                thread.start()
                wait_until(lambda: metrics_of(cluster.main_port).value("synapse_notifier_listeners") == 1,
                           what="a sync that waits")
                event_id = there.send(room, body)
                thread.join(60)
                self.assertEqual(seen, [event_id])

    def test_subscribers_that_redis_cuts_off_miss_nothing(self):
        with Cluster() as cluster:
            room, (alice, bob, carol) = self.people(cluster, "alice", "bob", "carol")
            with Conversation([alice, bob], carol, room) as talk:
                # Each process holds one connection of either kind, and makes both anew when one is cut.
                for kind in ["pubsub", "normal", "pubsub", "normal"]:
                    talk.goes_on()
                    wait_until(lambda: redis_says(cluster.redis, "CLIENT", "KILL", "TYPE", kind,
                                                  password=PASSWORD).startswith(":2"), what="two connections of " + kind)
                talk.goes_on()
            self.assertEqual(talk.faults, [])
            judgement = talk.judgement()
            self.assertEqual(judgement.faults, [], str(judgement))


if __name__ == "__main__":
    unittest.main(verbosity=2)
