# SPDX-License-Identifier: Apache-2.0
"""A load that goes on while its server is killed, and writes down what it was promised.

Everybody keeps asking until there is an answer, with the same transaction id, as a real client does. What an answer
acknowledged must be there in the end, once; what never got an answer may be there or not, once.
"""

import base64
import collections
import http.client
import json
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

    def insist(self, method, path, body=None, query=None, timeout=None, client=None):
        """Asks until there is an answer that is not the server's being away. Gives it, with the number of tries."""
        client = client or self.client
        tries = 0
        while True:
            tries += 1
            try:
                return client.call(method, path, body, query=query, timeout=timeout or 30), tries
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
        self.to_device = []
        self.since = client.sync()["next_batch"]
        self.turns = 0

    def turn(self):
        answer, _ = self.insist("GET", V3 + "/sync", query={"since": self.since, "timeout": 1000,
                                                           "filter": '{"room":{"timeline":{"limit":1000}}}'})
        self.since = answer["next_batch"]
        self.turns += 1
        for message in answer.get("to_device", {}).get("events", []):
            self.to_device.append(message["content"][MARK])
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
    """Account data, receipts, keys of all kinds, logins, logouts and refreshed tokens: what a device writes beside messages.
    Before it writes anew it looks for what was acknowledged, since the next value would hide that the last was lost; and its
    syncs have to tell of it, without which no other device would ever know."""

    # Fewer than a device may have together with those that are to be claimed.
    MOST_KEPT = 400

    def __init__(self, load, client, room, event_ids):
        super().__init__(load, client, load.rest)
        self.room, self.event_ids, self.count = room, event_ids, 0
        self.account_data = self.receipt = self.keys_left = self.signature = 0
        self.keys, self.kept, self.sessions = set(), set(), set()
        self.master = self.backup = self.chain = None
        self.alive, self.dead = [], []
        self.user = quote(client.user_id, safe="")
        self.since = self.sync()["next_batch"]
        self.told_account_data = self.told_receipt = None
        self.told_of_keys = False

    def turn(self):
        if faults := self.lasting_faults():
            raise AssertionError("; ".join(faults))
        self.count += 1
        self.insist("PUT", "%s/user/%s/account_data/test.count" % (V3, self.user), {"count": self.count})
        self.account_data = self.count
        if self.receipt + 1 < len(self.event_ids):
            event = self.event_ids[self.receipt + 1]
            self.insist("POST", self.client.room_path(self.room, "receipt", "m.read", event), {})
            self.receipt += 1
        self.upload_keys()
        self.back_up()
        self.refresh()
        if self.count % 10 == 0:
            self.alive.append(self.login()["access_token"])
            if len(self.alive) > 3:
                self.logout(self.alive.pop(0))

    def lasting_faults(self):
        """What is not as it was acknowledged and stays so. A process that was cut off from the others for a while may say
        later what they wrote."""
        end = time.monotonic() + 20 * PATIENCE
        while (faults := self.faults()) and time.monotonic() < end:
            time.sleep(0.05)
        return faults

    def faults(self):
        """What is not as it was acknowledged, as sentences."""
        found = []

        def expect(what, acknowledged, stored):
            if stored != acknowledged:
                found.append("%s of %s: %s acknowledged, %s stored" % (what, self.client.user_id, acknowledged, stored))

        self.listen()
        if self.account_data:
            expect("account data", self.account_data, self.insist(
                "GET", "%s/user/%s/account_data/test.count" % (V3, self.user))[0]["count"])
            expect("account data in syncs", self.account_data, self.told_account_data)
        if self.receipt:
            expect("receipt in syncs", self.event_ids[self.receipt], self.told_receipt)
        if self.signature:
            expect("news of device keys in syncs", True, self.told_of_keys)
            answer = self.insist("POST", V3 + "/keys/query", {"device_keys": {self.client.user_id: []}})[0]
            device = answer["device_keys"][self.client.user_id].get(self.client.device_id)
            expect("device keys", self.device_keys(self.signature)["signatures"], device and device["signatures"])
            expect("cross-signing key", self.master, answer["master_keys"].get(self.client.user_id))
        if self.chain:
            expect("a refreshed token", 200, self.holds(self.chain["access_token"]))
        if self.count % 5 == 0:
            for token in self.alive:
                expect("a token of a login", 200, self.holds(token))
            if self.receipt:
                expect("receipt", [self.event_ids[self.receipt]], self.receipts(self.sync()))
        return found

    def sync(self, **query):
        return self.insist("GET", V3 + "/sync", query={"timeout": 0, "filter": json.dumps(
            {"room": {"rooms": [self.room], "timeline": {"limit": 1}}}), **query})[0]

    def listen(self):
        answer = self.sync(since=self.since)
        self.since = answer["next_batch"]
        for event in answer.get("account_data", {}).get("events", []):
            if event["type"] == "test.count":
                self.told_account_data = event["content"]["count"]
        for event_id in self.receipts(answer):
            self.told_receipt = event_id
        self.told_of_keys |= self.client.user_id in answer.get("device_lists", {}).get("changed", [])

    def receipts(self, answer):
        room = answer.get("rooms", {}).get("join", {}).get(self.room, {})
        return [event_id for event in room.get("ephemeral", {}).get("events", []) if event["type"] == "m.receipt"
                for event_id, kinds in event["content"].items() if self.client.user_id in kinds.get("m.read", {})]

    def holds(self, token):
        """200 for a token that does, or the status of the refusal."""
        client = self.load.server.client(token)
        try:
            self.insist("GET", V3 + "/account/whoami", client=client)
            return 200
        except MatrixError as error:
            return error.status
        finally:
            client.disconnect()

    def device_keys(self, signature):
        """Another signature, not another key: with another key the server would forget the one-time keys."""
        return {"user_id": self.client.user_id, "device_id": self.client.device_id, "algorithms": ["test"],
                "keys": {"ed25519:" + self.client.device_id: "key"},
                "signatures": {self.client.user_id: {"ed25519:" + self.client.device_id: "signature %d" % signature}}}

    def upload_keys(self):
        # As a client does: what is there already is enough.
        new = {"test_key:AAAAC%d" % self.count: "key %d" % self.count} if self.keys_left < 500 else {}
        kept = {"kept_key:AAAAC%d" % self.count: "kept %d" % self.count} if len(self.kept) < self.MOST_KEPT else {}
        self.told_of_keys = False
        answer, _ = self.insist("POST", V3 + "/keys/upload", {"one_time_keys": {**new, **kept},
                                                              "device_keys": self.device_keys(self.count)})
        counts = answer["one_time_key_counts"]
        self.keys_left = counts.get("test_key", 0)
        self.keys.update(new)
        self.kept.update(kept)
        self.signature = self.count
        if counts.get("kept_key", 0) != len(self.kept):
            raise AssertionError("%d one-time keys were acknowledged that nobody claims, %s are there" % (
                len(self.kept), counts.get("kept_key", 0)))
        if self.master is None:
            public = base64.b64encode(self.random.randbytes(32)).decode().rstrip("=")
            master = {"user_id": self.client.user_id, "usage": ["master"], "keys": {"ed25519:" + public: public}}
            self.insist("POST", V3 + "/keys/device_signing/upload", {"master_key": master})
            self.master = master

    def back_up(self):
        if self.backup is None:
            answer, _ = self.insist("POST", V3 + "/room_keys/version", {
                "algorithm": "m.megolm_backup.v1.curve25519-aes-sha2", "auth_data": {"public_key": "abc"}})
            self.backup = answer["version"]
        session = "session%d" % self.count
        answer, _ = self.insist("PUT", "%s/room_keys/keys/%s/%s" % (V3, quote(self.room, safe=""), session), {
            "first_message_index": self.count, "forwarded_count": 0, "is_verified": False,
            "session_data": {"ciphertext": session}}, query={"version": self.backup})
        self.sessions.add(session)
        if answer["count"] != len(self.sessions):
            raise AssertionError("%d keys in the backup were acknowledged, %d are there" % (
                len(self.sessions), answer["count"]))

    def refresh(self):
        # Each link is used before the next, so that a server that forgot one has nothing to go on with.
        if self.chain is None:
            self.chain = self.login(refresh_token=True)
        else:
            self.chain, _ = self.insist("POST", V3 + "/refresh", {"refresh_token": self.chain["refresh_token"]})

    def login(self, **fields):
        return self.insist("POST", V3 + "/login", {
            "type": "m.login.password", "identifier": {"type": "m.id.user", "user": self.client.name},
            "password": self.client.password, **fields})[0]

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
        self.unanswered = collections.Counter()

    def turn(self):
        self.count += 1
        writer = self.writers[self.count % len(self.writers)].client
        answer, tries = self.insist("POST", V3 + "/keys/claim",
                                {"one_time_keys": {writer.user_id: {writer.device_id: "test_key"}}})
        self.unanswered[writer.user_id] += tries - 1
        for device in answer["one_time_keys"].get(writer.user_id, {}).values():
            for key in device:
                self.claimed[(writer.user_id, key)] += 1


def judge_to_device(user, seen, acknowledged):
    """What is wrong with the marks that a user saw of one Messenger, in their order, as sentences."""
    times = collections.Counter(seen)
    return [*("%s saw the to-device message %s %d times" % (user, mark, count) for mark, count in times.items() if count > 1),
            *("the to-device message %s was acknowledged and never reached %s" % (mark, user)
              for mark in acknowledged if mark not in times),
            # Who waits for each answer before the next message is heard in this order.
            *("%s saw the to-device message %s after %s" % (user, later, earlier) for earlier, later in zip(seen, seen[1:])
              if int(later.split()[1]) < int(earlier.split()[1]))]


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
            self.check()
            if worker.is_alive():
                raise AssertionError("%s of %s has had no answer for %d s" % (
                    type(worker).__name__, worker.client.user_id, timeout * PATIENCE))
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
            reader.join(timeout * PATIENCE)
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
            faults += judge_to_device(user, reader.to_device, self.messenger.acknowledged[user])
        faults += ["the key %s of %s was given %d times" % (key, user, count)
                   for (user, key), count in self.claimer.claimed.items() if count > 1]
        for writer in self.writers:
            faults += self._judge_writer(writer)
        print("%d to-device messages, %d keys claimed, %d turns of writers" % (
            sum(map(len, self.messenger.acknowledged.values())), len(self.claimer.claimed),
            sum(writer.count for writer in self.writers)))
        return faults

    def _judge_writer(self, writer):
        client = writer.client
        # All of it, and not what every fifth turn alone looks at.
        writer.count -= writer.count % 5
        faults = writer.lasting_faults()
        left = writer.sync().get("device_one_time_keys_count", {})
        claimed = sum(1 for who, _ in self.claimer.claimed if who == client.user_id)
        there = left.get("test_key", 0) + claimed
        # A claim whose answer was lost may have taken a key with it.
        if not len(writer.keys) - self.claimer.unanswered[client.user_id] <= there <= len(writer.keys):
            faults.append("keys of %s: %d uploaded, %d claimed, %d left, %d claims without an answer" % (
                client.user_id, len(writer.keys), claimed, left.get("test_key", 0),
                self.claimer.unanswered[client.user_id]))
        if left.get("kept_key", 0) != len(writer.kept):
            faults.append("keys of %s that nobody claims: %d uploaded, %d left" % (
                client.user_id, len(writer.kept), left.get("kept_key", 0)))
        if writer.sessions:
            rooms = client.get(V3 + "/room_keys/keys", version=writer.backup)["rooms"]
            sessions = set(rooms.get(self.quiet, {}).get("sessions", {}))
            if sessions != writer.sessions:
                faults.append("backup of %s: %d keys acknowledged, %d stored" % (
                    client.user_id, len(writer.sessions), len(sessions)))
        faults += ["a logout of %s was acknowledged and its token still holds" % client.user_id
                   for token in writer.dead if writer.holds(token) != 401]
        return faults
