# SPDX-License-Identifier: Apache-2.0
"""SIGTERM while clients wait and write: polls are answered, what was begun is committed, nothing is half done."""

import http.client
import signal
import threading
import unittest

from lares_test import MatrixError, Postgres, Server, wait_until

# Without presence: whoever comes online or goes away answers the polls of those who see it.
POLLS = 50
SENDERS = 8


class Drain:
    def test_long_polls_are_answered_and_sends_are_committed(self):
        with self.make_server() as server:
            alice, bob = server.register("alice"), server.register("bob")
            rooms = [alice.create_room() for _ in range(SENDERS)]
            quiet = bob.create_room()
            bob.send(quiet, "before")
            bob.sync()
            polls, acknowledged, unanswered = [], [], []
            begun = threading.Semaphore(0)
            stopping = threading.Event()

            def poll():
                client = server.client(bob.token)
                client.disconnect()
                begun.release()
                polls.append(client.sync(timeout=120000, since=bob.since))

            def send(number):
                client = server.client(alice.token)
                count = 0
                while True:
                    mark = "%d-%d" % (number, count)
                    count += 1
                    try:
                        acknowledged.append((mark, client.send(rooms[number], mark)))
                    except (OSError, http.client.HTTPException) as error:
                        # Refused or closed before an answer: only once the server has been told to stop.
                        unanswered.append((mark, stopping.is_set(), repr(error)))
                        return
                    except MatrixError as error:
                        unanswered.append((mark, False, str(error)))
                        return

            threads = [threading.Thread(target=poll) for _ in range(POLLS)]
            threads += [threading.Thread(target=send, args=(number,)) for number in range(SENDERS)]
            for thread in threads:
                thread.start()
            for _ in range(POLLS):
                begun.acquire()
            wait_until(lambda: len(acknowledged) > 20 * SENDERS, what="sends")
            wait_until(lambda: self.waiting(server) >= POLLS, what="polls in flight")
            stopping.set()
            server.process.signal(signal.SIGTERM)
            for thread in threads:
                thread.join(30)
                self.assertFalse(thread.is_alive(), "a client waits for ever")
            self.assertEqual(server.process.wait(30), 0)

            self.assertEqual(len(polls), POLLS, "every long poll is answered")
            for answer in polls:
                self.assertIn("next_batch", answer)
                self.assertNotIn(quiet, answer.get("rooms", {}).get("join", {}))
            self.assertEqual([entry for entry in unanswered if not entry[1]], [])

            server.start()
            for number, room in enumerate(rooms):
                stored = [(event["content"]["body"], event["event_id"]) for event in alice.history(room)
                          if event["type"] == "m.room.message"]
                mine = [entry for entry in acknowledged if entry[0].startswith("%d-" % number)]
                self.assertEqual(stored[:len(mine)], mine)
                # At most the one whose answer did not come, and that one whole.
                self.assertLessEqual(len(stored) - len(mine), 1)
            # What the poll gave goes on where it ended.
            bob.since = polls[0]["next_batch"]
            event = bob.send(quiet, "after")
            self.assertEqual([e["event_id"] for e in bob.timeline(bob.sync(), quiet)], [event])

    def waiting(self, server):
        """Requests in /sync, by the server's own count."""
        text = server.client().raw("GET", "/_synapse/metrics").text
        for line in text.splitlines():
            if line.startswith("synapse_http_server_in_flight_requests_count") and 'servlet="SyncRestServlet"' in line:
                return float(line.rsplit(" ", 1)[1])
        return 0

    def make(self, database=None):
        server = Server(database=database, config={"drain_timeout": "20s", "presence": {"enabled": False}})
        server.config["listeners"][0]["resources"] = [{"names": ["client", "metrics"]}]
        server.write_config()
        return server


class DrainOnSqlite(Drain, unittest.TestCase):
    def make_server(self):
        return self.make()


class DrainOnPostgres(Drain, unittest.TestCase):
    def make_server(self):
        postgres = Postgres()
        self.addCleanup(postgres.close)
        postgres.start()
        return self.make(postgres.create_database())


if __name__ == "__main__":
    unittest.main(warnings="ignore")
