# SPDX-License-Identifier: Apache-2.0
"""A load that goes on while its server is killed, and writes down what it was promised.

Everybody keeps asking until there is an answer, with the same transaction id, as a real client does. What an answer
acknowledged must be there in the end, once; what never got an answer may be there or not, once.
"""

import collections
import http.client
import random
import threading
import time
from urllib.parse import quote

from .client import MatrixError
from .patience import PATIENCE
from .transcript import Transcript, judge

V3 = "/_matrix/client/v3"
MARK = "test.mark"


class Worker(threading.Thread):
    """Calls `self.turn()` until told to stop, and rests `rest` seconds after each. A failure is kept, and fails the test."""

    def __init__(self, load, client, rest=0):
        super().__init__(daemon=True)
        self.load, self.client, self.rest = load, client, rest
        self.random = random.Random("%s %s" % (load.seed, client.user_id))
        self.failure = None
        self.stopping = threading.Event()

    def run(self):
        try:
            while not self.stopping.is_set():
                self.turn()
                self.stopping.wait(self.rest)
        except Exception as error:  # told by the main thread
            self.failure = error

    def insist(self, method, path, body=None, query=None, timeout=None):
        """Asks until there is an answer that is not the server's being away. Gives it, with the number of tries."""
        tries = 0
        while True:
            tries += 1
            try:
                return self.client.call(method, path, body, query=query, timeout=timeout or 30), tries
            except (OSError, http.client.HTTPException):
                if not self.load.killed:
                    raise
                time.sleep(0.02)
            except MatrixError as error:
                if error.status < 500 or not self.load.killed:
                    raise
                time.sleep(0.02)


class Sender(Worker):
    """Messages, one after the other, in rooms by turns."""

    def __init__(self, load, client, rooms):
        super().__init__(load, client, load.pace)
        self.rooms = rooms
        self.transcript = Transcript(client.user_id)
        self.count = 0

    def turn(self):
        self.count += 1
        room = self.rooms[self.count % len(self.rooms)]
        mark = "%s %d" % (self.client.user_id, self.count)
        txn = "m%d" % self.count
        text = mark.ljust(self.random.randint(0, self.load.longest), ".")
        self.transcript.sending(room, txn, mark)
        answer, _ = self.insist("PUT", self.client.room_path(room, "send", "m.room.message", txn),
                                {"msgtype": "m.text", "body": text, MARK: mark})
        self.transcript.acknowledged(room, txn, mark, answer["event_id"])


class Reader(Worker):
    """Syncs without end. A token counts only once its answer has arrived, so nothing may be skipped or come twice."""

    def __init__(self, load, client):
        super().__init__(load, client)
        self.transcript = Transcript(client.user_id)
        self.to_device = collections.Counter()
        self.since = client.sync()["next_batch"]
        self.turns = 0

    def turn(self):
        answer, _ = self.insist("GET", V3 + "/sync", query={"since": self.since, "timeout": 1000,
                                                           "filter": '{"room":{"timeline":{"limit":1000}}}'})
        self.since = answer["next_batch"]
        self.turns += 1
        for message in answer.get("to_device", {}).get("events", []):
            self.to_device[message["content"][MARK]] += 1
        for room, joined in answer.get("rooms", {}).get("join", {}).items():
            if joined["timeline"].get("limited"):
                raise AssertionError("%s was shown a gap in %s" % (self.client.user_id, room))
            for event in joined["timeline"]["events"]:
                self.transcript.saw(room, event["event_id"], event["content"].get(MARK), event["sender"])


class Messenger(Worker):
    """To-device messages to the readers."""

    def __init__(self, load, client, readers):
        super().__init__(load, client, load.rest)
        self.readers, self.count = readers, 0
        self.acknowledged = collections.defaultdict(set)

    def turn(self):
        self.count += 1
        reader = self.readers[self.count % len(self.readers)].client
        mark = "%s %d" % (self.client.user_id, self.count)
        self.insist("PUT", "%s/sendToDevice/test.message/d%d" % (V3, self.count),
                    {"messages": {reader.user_id: {reader.device_id: {MARK: mark}}}})
        self.acknowledged[reader.user_id].add(mark)


class Writer(Worker):
    """Account data, receipts, one-time keys, logins and logouts: what a device writes beside messages."""

    def __init__(self, load, client, room, event_ids):
        super().__init__(load, client, load.rest)
        self.room, self.event_ids, self.count = room, event_ids, 0
        self.account_data = self.receipt = self.keys_left = 0
        self.keys = set()
        self.alive, self.dead = [], []

    def turn(self):
        self.count += 1
        user = quote(self.client.user_id, safe="")
        self.insist("PUT", "%s/user/%s/account_data/test.count" % (V3, user), {"count": self.count})
        self.account_data = self.count
        if self.receipt + 1 < len(self.event_ids):
            event = self.event_ids[self.receipt + 1]
            self.insist("POST", self.client.room_path(self.room, "receipt", "m.read", event), {})
            self.receipt += 1
        # As a client does: what is there already is enough.
        key = "test_key:AAAAC%d" % self.count
        new = {key: "key %d" % self.count} if self.keys_left < 500 else {}
        answer, _ = self.insist("POST", V3 + "/keys/upload", {"one_time_keys": new})
        self.keys_left = answer["one_time_key_counts"].get("test_key", 0)
        self.keys.update(new)
        if self.count % 10 == 0:
            answer, _ = self.insist("POST", V3 + "/login", {
                "type": "m.login.password", "identifier": {"type": "m.id.user", "user": self.client.name},
                "password": self.client.password})
            self.alive.append(answer["access_token"])
            if len(self.alive) > 3:
                self.logout(self.alive.pop(0))

    def logout(self, token):
        client = self.load.server.client(token)
        while True:
            try:
                client.post(V3 + "/logout")
            except (OSError, http.client.HTTPException):
                if not self.load.killed:
                    raise
                time.sleep(0.02)
                continue
            except MatrixError as error:
                if not self.load.killed:
                    raise
                if error.status >= 500:
                    time.sleep(0.02)
                    continue
                # A first try whose answer was lost had done it.
                if error.errcode != "M_UNKNOWN_TOKEN":
                    raise
            self.dead.append(token)
            client.disconnect()
            return


class Claimer(Worker):
    """Claims the writers' one-time keys; a key that was given must not be given again."""

    def __init__(self, load, client, writers):
        super().__init__(load, client, max(load.rest, 0.01))
        self.writers, self.count = writers, 0
        self.claimed = collections.Counter()

    def turn(self):
        self.count += 1
        writer = self.writers[self.count % len(self.writers)].client
        answer, _ = self.insist("POST", V3 + "/keys/claim",
                                {"one_time_keys": {writer.user_id: {writer.device_id: "test_key"}}})
        for device in answer["one_time_keys"].get(writer.user_id, {}).values():
            for key in device:
                self.claimed[(writer.user_id, key)] += 1


class Load:
    """Everybody together, on one server; or, of `kind` "messages", those who send and read alone. Senders pause `pace`
    seconds after each message, so that no room gets more of them than a timeline holds while a reader's process is away;
    who writes anything else, `rest` seconds. Messages have up to `longest` characters. A server that is not `killed` in the
    course of it has no reason to fail a request."""

    def __init__(self, server, seed, senders=4, readers=3, rooms=3, kind="all", pace=0, rest=0, longest=0, killed=True):
        self.server, self.seed, self.pace, self.rest, self.longest = server, seed, pace, rest, longest
        self.killed = killed
        people = [server.register("user%d" % number) for number in range(senders + readers + 4)]
        self.rooms = [people[0].create_room() for _ in range(rooms)]
        for person in people[1:]:
            for room in self.rooms:
                person.join(room)
        quiet = people[0].create_room()
        events = [people[0].send(quiet, "to be read %d" % number) for number in range(200)]
        for person in people[-4:-2]:
            person.join(quiet)
        self.quiet = quiet
        self.readers = [Reader(self, person) for person in people[senders:senders + readers]]
        self.senders = [Sender(self, person, self.rooms) for person in people[:senders]]
        self.writers, self.messenger, self.claimer = [], None, None
        if kind == "all":
            self.writers = [Writer(self, person, quiet, events) for person in people[-4:-2]]
            self.messenger = Messenger(self, people[-2], self.readers)
            self.claimer = Claimer(self, people[-1], self.writers)
        self.producers = [*self.senders, *self.writers, *filter(None, [self.messenger, self.claimer])]

    def start(self):
        for worker in [*self.readers, *self.producers]:
            worker.start()

    def check(self):
        """Raises what a worker failed with."""
        for worker in [*self.readers, *self.producers]:
            if worker.failure is not None:
                raise AssertionError("%s of %s: %r" % (type(worker).__name__, worker.client.user_id, worker.failure)) \
                    from worker.failure

    def stop(self, timeout=60):
        """Lets everybody finish the request under way, and the readers see the rest."""
        for worker in self.producers:
            worker.stopping.set()
        for worker in self.producers:
            worker.join(timeout * PATIENCE)
        turns = [reader.turns for reader in self.readers]
        end = time.monotonic() + timeout * PATIENCE
        # Two empty-handed turns after the last message: an answer that was under way, and one that began after it.
        while any(reader.turns < before + 3 for reader, before in zip(self.readers, turns)):
            self.check()
            if time.monotonic() > end:
                raise AssertionError("the readers do not come to an end")
            time.sleep(0.05)
        for reader in self.readers:
            reader.stopping.set()
            reader.join(timeout)
        self.check()

    def judge(self):
        """The faults, as sentences."""
        witness = self.senders[0].client
        histories = {}
        for room in self.rooms:
            histories[room] = [(event["event_id"], event["content"].get(MARK), event["sender"])
                               for event in witness.history(room)]
        verdict = judge([*(sender.transcript for sender in self.senders),
                         *(reader.transcript for reader in self.readers)], histories)
        faults = verdict.faults
        print(str(verdict).splitlines()[0])
        if not self.writers:
            return faults
        for reader in self.readers:
            user = reader.client.user_id
            faults += ["%s saw the to-device message %s %d times" % (user, mark, count)
                       for mark, count in reader.to_device.items() if count > 1]
            faults += ["the to-device message %s was acknowledged and never reached %s" % (mark, user)
                       for mark in self.messenger.acknowledged[user] if mark not in reader.to_device]
        faults += ["the key %s of %s was given %d times" % (key, user, count)
                   for (user, key), count in self.claimer.claimed.items() if count > 1]
        for writer in self.writers:
            faults += self._judge_writer(writer)
        print("%d to-device messages, %d keys claimed" % (
            sum(map(len, self.messenger.acknowledged.values())), len(self.claimer.claimed)))
        return faults

    def _judge_writer(self, writer):
        client, faults = writer.client, []
        user = quote(client.user_id, safe="")
        stored = client.get("%s/user/%s/account_data/test.count" % (V3, user))["count"]
        if stored not in (writer.account_data, writer.account_data + 1):
            faults.append("account data of %s: %d acknowledged, %d stored" % (client.user_id, writer.account_data, stored))
        answer = client.sync(since=None)
        receipts = [event["content"] for event in answer["rooms"]["join"][self.quiet]["ephemeral"]["events"]
                    if event["type"] == "m.receipt"]
        places = [writer.event_ids.index(event_id) for content in receipts for event_id, kinds in content.items()
                  if client.user_id in kinds.get("m.read", {})]
        if writer.receipt and places not in ([writer.receipt], [writer.receipt + 1]):
            faults.append("receipt of %s: at %d acknowledged, at %s stored" % (client.user_id, writer.receipt, places))
        left = answer.get("device_one_time_keys_count", {}).get("test_key", 0)
        claimed = sum(1 for who, _ in self.claimer.claimed if who == client.user_id)
        # A claim whose answer was lost took a key with it.
        if left + claimed > len(writer.keys) + 1:
            faults.append("keys of %s: %d uploaded, %d claimed, %d left" % (
                client.user_id, len(writer.keys), claimed, left))
        for token in writer.alive:
            if self.server.client(token).raw("GET", V3 + "/account/whoami").status != 200:
                faults.append("a login of %s was acknowledged and its token does not hold" % client.user_id)
        for token in writer.dead:
            if self.server.client(token).raw("GET", V3 + "/account/whoami").status != 401:
                faults.append("a logout of %s was acknowledged and its token still holds" % client.user_id)
        return faults
