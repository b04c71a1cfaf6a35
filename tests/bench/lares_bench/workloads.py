# SPDX-License-Identifier: Apache-2.0
"""The workloads. Each gives figures: a median of several runs, with what is worth knowing beside it."""

import json
import os
import resource
import subprocess
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

from . import machine
from .figures import Figure, median, percentile
from .fill import USERS, register
from .wire import Wire

V3 = "/_matrix/client/v3"
HERE = os.path.dirname(os.path.abspath(__file__))


def lua(value):
    if isinstance(value, dict):
        return "{%s}" % ",".join("[%s]=%s" % (lua(key), lua(item)) for key, item in value.items())
    if isinstance(value, list):
        return "{%s}" % ",".join(lua(item) for item in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return '"%s"' % str(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


class Load:
    """A plan that wrk carries out."""

    def __init__(self, base, method, users, unique=False):
        self.base = base
        self.plan = {"method": method, "users": users, "unique": unique}

    def run(self, connections, threads, seconds):
        with tempfile.NamedTemporaryFile("w", suffix=".lua") as plan:
            plan.write("return " + lua(self.plan))
            plan.flush()
            done = subprocess.run(
                ["wrk", "-t%d" % threads, "-c%d" % connections, "-d%ds" % seconds, "--timeout", "60s",
                 "-s", os.path.join(HERE, "load.lua"), self.base, "--", plan.name, "%x" % time.time_ns()],
                capture_output=True, text=True)
        for line in done.stdout.splitlines():
            if line.startswith("RESULT "):
                result = json.loads(line[7:])
                result["rate"] = result["requests"] / result["seconds"]
                return result
        raise RuntimeError("wrk gave no result: %s%s" % (done.stdout[-500:], done.stderr[-500:]))


def own_seconds():
    """CPU that this process and its load generators have used."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def headers(account, body=False):
    sent = {"Authorization": "Bearer " + account["token"]} if account else {}
    if body:
        sent["Content-Type"] = "application/json"
    return sent


MESSAGE = json.dumps({"msgtype": "m.text", "body": "a message of some length: the quick brown fox jumps over the lazy dog"})


class Bench:
    """Runs workloads against one target. `bare` is the base URL of the bare program."""

    def __init__(self, target, filling, bare=None, seconds=5, runs=3, say=print):
        self.target, self.base, self.filling = target, target.base, filling
        self.bare, self.seconds, self.runs, self.say = bare, seconds, runs, say
        self.bare_figures = {}

    def processes(self):
        """Roots of the trees of the server's processes: with them CPU per request and memory are told."""
        return list(self.target.processes().values())

    def repeat(self, load, connections, threads=None, before=None):
        """Median run of several, after one to warm up. An error is not a figure."""
        threads = threads or connections
        load.run(connections, threads, 1)
        results = []
        for _ in range(self.runs):
            if before:
                before(load)
            cpu, busy, own = machine.cpu_seconds(self.processes()), machine.busy_seconds(), own_seconds()
            result = load.run(connections, threads, self.seconds)
            result["cpu"] = machine.cpu_seconds(self.processes()) - cpu
            others = machine.busy_seconds() - busy - result["cpu"] - (own_seconds() - own)
            result["others"] = max(0.0, others / result["seconds"])
            if result["errors"]:
                raise RuntimeError("%d of %d requests failed" % (result["errors"], result["requests"]))
            results.append(result)
        rates = [result["rate"] for result in results]
        whole = {key: median([result[key] for result in results])
                 for key in ("rate", "p50_ms", "p99_ms", "max_ms", "cpu", "requests", "bytes", "others")}
        whole["spread"] = "%s to %s" % (round(min(rates)), round(max(rates)))
        whole["cpu_us"] = 1e6 * whole["cpu"] / whole["requests"]
        return whole

    def note(self, result):
        text = "p50 %.2f ms, p99 %.2f ms; %s" % (result["p50_ms"], result["p99_ms"], result["spread"])
        if self.processes():
            text += "; %.0f µs CPU each" % result["cpu_us"]
            if result["others"] > 0.2:
                text += "; others kept %.1f cores busy" % result["others"]
        return text

    # -- the bare program ---------------------------------------------------------------------------------------------
    def measure_bare(self):
        """What its figures are held against, measured in the same run."""
        if not self.bare:
            return
        sends = [{"headers": headers(None, body=True), "paths": ["/send/"], "body": MESSAGE}]
        many = self.repeat(Load(self.bare, "PUT", sends, unique=True), 16)
        one = self.repeat(Load(self.bare, "PUT", sends, unique=True), 1)
        gets = Load(self.bare, "GET", [{"headers": {}, "paths": ["/"]}])
        plain, single = self.repeat(gets, 16, 2), self.repeat(gets, 1)
        self.bare_figures.update({
            "send16": many["rate"], "send16_p99": many["p99_ms"], "send1_p50": one["p50_ms"], "send1_p99": one["p99_ms"],
            "get": plain["rate"], "get1_p50": single["p50_ms"]})
        self.say("bare program: %d sends/s of 16 (p99 %.2f ms), %d of one (p50 %.2f ms), %d plain answers/s"
                 % (many["rate"], many["p99_ms"], one["rate"], one["p50_ms"], plain["rate"]))

    def of_bare(self, key):
        return self.bare_figures.get(key)

    # -- sends --------------------------------------------------------------------------------------------------------
    def send_load(self, roles, room_of):
        users = []
        for role in roles:
            path = "%s/rooms/%s/send/m.room.message/" % (V3, quote(room_of(role), safe=""))
            users.append({"headers": headers(self.filling.account(role), body=True), "paths": [path], "body": MESSAGE})
        return Load(self.base, "PUT", users, unique=True)

    def send_rooms(self):
        roles = ["send%02d" % number for number in range(USERS)]
        result = self.repeat(self.send_load(roles, lambda role: self.filling.data["own_rooms"][role]), 16)
        return [Figure("send, 16 users in 16 rooms", result["rate"], "/s", "most", self.note(result), self.of_bare("send16")),
                Figure("— p99", result["p99_ms"], "ms", "least", "", self.of_bare("send16_p99"))]

    def send_one_room(self):
        roles = ["send%02d" % number for number in range(USERS)]
        result = self.repeat(self.send_load(roles, lambda role: self.filling.data["shared_room"]), 16)
        return [Figure("send, 16 users in one room", result["rate"], "/s", "most", self.note(result), self.of_bare("send16"))]

    def send_alone(self):
        result = self.repeat(self.send_load(["solo"], lambda role: self.filling.data["own_rooms"][role]), 1)
        return [Figure("send, one user alone, p50", result["p50_ms"], "ms", "least", "%.0f/s; %s" % (
            result["rate"], self.note(result)), self.of_bare("send1_p50"))]

    # -- sync ---------------------------------------------------------------------------------------------------------
    def sync_latency(self):
        """One sends, another waits in /sync: from the PUT's answer to the sync's, both on the clock of this process."""
        series = [self.sync_latency_once() for _ in range(self.runs)]
        after = [median([percentile(run, share) for run, _ in series]) for share in (50, 99)]
        whole = [median([percentile(run, share) for _, run in series]) for share in (50, 99)]
        note = "from the PUT's start %.2f ms"
        return [Figure("the PUT's answer to the other's sync, p50", after[0], "ms", "least", note % whole[0],
                       self.of_bare("send1_p50")),
                Figure("— p99", after[1], "ms", "least", note % whole[1], self.of_bare("send1_p99"))]

    def sync_latency_once(self, messages=300):
        room = self.filling.data["latency_room"]
        listener = Wire(self.base, self.filling.account("listener")["token"])
        talker = Wire(self.base, self.filling.account("talker")["token"])
        since = listener.call("GET", V3 + "/sync?timeout=0")[0]["next_batch"]
        seen, ready, stop = {}, threading.Condition(), threading.Event()

        def listen(token):
            while not stop.is_set():
                _, body, at = listener.exchange(
                    listener.encode("GET", "%s/sync?timeout=5000&since=%s" % (V3, quote(token, safe=""))))
                answer = json.loads(body)
                token = answer["next_batch"]
                events = answer.get("rooms", {}).get("join", {}).get(room, {}).get("timeline", {}).get("events", [])
                with ready:
                    for event in events:
                        seen[event["event_id"]] = at
                    ready.notify()

        thread = threading.Thread(target=listen, args=(since,), daemon=True)
        thread.start()
        after, whole = [], []
        path = "%s/rooms/%s/send/m.room.message/%x-" % (V3, quote(room, safe=""), time.time_ns())
        for number in range(messages + 20):
            # Long enough for the listener's next request to be waiting in the server.
            time.sleep(0.02)
            request = talker.encode("PUT", path + str(number), json.loads(MESSAGE))
            start = time.monotonic()
            status, body, answered = talker.exchange(request)
            if status != 200:
                raise RuntimeError("a send failed: %d %s" % (status, body[:200]))
            event_id = json.loads(body)["event_id"]
            with ready:
                if not ready.wait_for(lambda: event_id in seen, timeout=30):  # noqa: B023, called at once
                    raise RuntimeError("a message never reached the other's sync")
            if number >= 20:
                after.append(1000 * (seen[event_id] - answered))
                whole.append(1000 * (seen[event_id] - start))
        stop.set()
        thread.join()
        listener.close()
        talker.close()
        return after, whole

    def empty_sync(self):
        accounts = [self.filling.account("poll%02d" % number) for number in range(USERS)]
        wires = [Wire(self.base, account["token"]) for account in accounts]
        tokens = [""] * USERS

        def settle(load):
            """Tokens behind which nothing is: presence and the like of this very user have come to rest."""
            for _ in range(3):
                for number, wire in enumerate(wires):
                    since = "&since=" + quote(tokens[number], safe="") if tokens[number] else ""
                    tokens[number] = wire.call("GET", V3 + "/sync?timeout=0" + since)[0]["next_batch"]
                time.sleep(0.3)
            for number, user in enumerate(load.plan["users"]):
                user["paths"] = ["%s/sync?timeout=0&since=%s" % (V3, quote(tokens[number], safe=""))]

        load = Load(self.base, "GET", [{"headers": headers(account), "paths": []} for account in accounts])
        settle(load)
        result = self.repeat(load, 16, before=settle)
        return [Figure("empty incremental sync, 16 users", result["rate"], "/s", "most", "%s; %.0f bytes each" % (
            self.note(result), result["bytes"] / result["requests"]), self.of_bare("get"))]

    def initial_sync_once(self, number):
        """Another limit each time, so that no cache of answers can help."""
        chosen = {"room": {"state": {"lazy_load_members": True}, "timeline": {"limit": 10}},
                  "presence": {"limit": 1000 + number}}
        wire = Wire(self.base, self.filling.account("syncer")["token"])
        answer, took = wire.call("GET", "%s/sync?timeout=0&filter=%s" % (V3, quote(json.dumps(chosen), safe="")))
        wire.close()
        return answer, took

    def initial_sync(self):
        self.initial_sync_once(0)
        answers = [self.initial_sync_once(number) for number in range(1, 11 * self.runs + 1)]
        rooms = answers[0][0]["rooms"]["join"].values()
        events = sum(len(room["timeline"]["events"]) + len(room.get("state", {}).get("events", [])) for room in rooms)
        return [Figure("initial sync, %d rooms, %d events, warm" % (len(rooms), events),
                       median([took for _, took in answers]), "ms", "least", "%d bytes" % len(json.dumps(answers[0][0])),
                       self.of_bare("get1_p50"))]

    def initial_sync_after_restart(self):
        """Not among the others, since what a process has gathered in memory goes with it."""
        if not self.target.can_restart():
            return []
        cold = []
        for number in range(self.runs):
            self.target.restart()
            cold.append(self.initial_sync_once(100 + number)[1])
        return [Figure("initial sync, the first after a restart", median(cold), "ms", "least", "",
                       self.of_bare("get1_p50"))]

    # -- the rest -----------------------------------------------------------------------------------------------------
    def pagination(self):
        account, room = self.filling.account("reader"), quote(self.filling.data["history_room"], safe="")
        wire = Wire(self.base, account["token"])
        paths, place = [], ""
        while True:
            path = "%s/rooms/%s/messages?dir=b&limit=100%s" % (V3, room, place)
            answer = wire.call("GET", path)[0]
            if len(answer["chunk"]) < 100 or "end" not in answer:
                break
            paths.append(path)
            place = "&from=" + quote(answer["end"], safe="")
        result = self.repeat(Load(self.base, "GET", [{"headers": headers(account), "paths": paths}]), 16)
        return [Figure("/messages, 100 events a page", result["rate"], "/s", "most",
                       "%s; %d pages" % (self.note(result), len(paths)), self.of_bare("get"))]

    def versions(self):
        load = Load(self.base, "GET", [{"headers": {}, "paths": ["/_matrix/client/versions"]}])
        result = self.repeat(load, 16, 2)
        return [Figure("/versions", result["rate"], "/s", "most", self.note(result), self.of_bare("get"))]

    def login(self):
        users = []
        for number in range(USERS):
            account = self.filling.account("login%02d" % number)
            body = {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": account["name"]},
                    "password": account["password"]}
            users.append({"headers": headers(None, body=True), "paths": [V3 + "/login"], "body": json.dumps(body)})
        result = self.repeat(Load(self.base, "POST", users), 16)
        return [Figure("login with a password, 16 at once", result["rate"], "/s", "most", self.note(result))]

    def join(self, rooms=25):
        """Rooms that all of them enter at once. Python sends the requests, which is most of what a fast server's cost."""
        owner = self.filling.client("owner0")
        clients = [self.filling.client("send%02d" % number) for number in range(USERS)]
        rates = []
        for _ in range(self.runs):
            made = [owner.create_room() for _ in range(rooms)]
            start = time.monotonic()
            with ThreadPoolExecutor(len(clients)) as pool:
                list(pool.map(lambda client: [client.join(room) for room in made], clients))
            rates.append(rooms * len(clients) / (time.monotonic() - start))
        return [Figure("join, 16 users, public rooms", median(rates), "/s", "most", "%s to %s" % (
            round(min(rates)), round(max(rates))), self.of_bare("send16"))]

    def log_level(self):
        """With the log at INFO against WARNING: one run of each by turns, three times as many as elsewhere, as what is sought is
        smaller than what one run differs from the next."""
        if not self.target.can_change_log_level():
            return []
        one_run = Bench(self.target, self.filling, seconds=self.seconds, runs=1, say=self.say)
        figures = []
        for name in ("send_rooms", "send_one_room", "empty_sync", "pagination", "versions"):
            rates = {"warning": [], "info": []}
            made = None
            for turn in range(3 * self.runs):
                for level in ("warning", "info") if turn % 2 else ("info", "warning"):
                    self.target.set_log_level(level)
                    made = getattr(one_run, name)()[0]
                    rates[level].append(made.value)
            warning, info = median(rates["warning"]), median(rates["info"])
            figures.append(Figure("log at INFO: " + made.name, info, made.unit, "most",
                                  "%.2f of the %.0f at WARNING, medians of %d" % (
                                      info / warning, warning, 3 * self.runs)))
        self.target.set_log_level("warning")
        return figures

    def start_up(self, runs=5):
        """From exec to the first answer."""
        if not hasattr(self.target, "start"):
            return []
        times = []
        for _ in range(runs):
            self.target.stop()
            start = time.monotonic()
            self.target.start()
            times.append(1000 * (time.monotonic() - start))
        return [Figure("start to first answer", median(times), "ms", "least", "polled every 10 ms",
                       self.of_bare("start"))]

    def disk_per_event(self, count=5000):
        """What the data folder grows by for each message, both times after a clean stop."""
        if not self.target.folder:
            return []

        def size():
            self.target.stop()
            used = machine.disk_bytes(self.target.folder)
            self.target.start()
            return used
        room, client = self.filling.data["history_room"], self.filling.client("reader")
        before = size()
        client.disconnect()
        self.filling.each(lambda number: client.send(room, "message %06d of those that are weighed on the disk" % number),
                          range(count))
        return [Figure("bytes on disk per event", (size() - before) / count, "bytes", "least",
                       "%d messages in one room" % count)]

    def room_memory(self, rooms=1000, members=50):
        """What joined rooms add to the memory of a server that has just made them."""
        if not self.processes():
            return []
        roles = ["owner%d" % number for number in range(10)] + ["%s%02d" % (kind, number) for kind in
                                                               ("send", "poll", "login") for number in range(USERS)]
        clients = [self.filling.client(role) for role in roles[:members]]
        before = machine.memory_mb(self.processes())

        def fill(number):
            owner = clients[number % len(clients)]
            room = owner.create_room()
            for client in clients:
                if client is not owner:
                    client.join(room)
        self.filling.each(fill, range(rooms))
        return [Figure("memory that %d rooms of %d members add" % (rooms, len(clients)),
                       machine.memory_mb(self.processes()) - before, "MB", "least")]

    def idle_polls(self, count=10000, people=1000):
        """What a client costs that waits in /sync for nothing: all that the server grows by from the first sync of all these
        users on, so that what it remembers of each of them is counted in."""
        if not self.processes():
            return []
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, count + 200)), hard))
        tag = self.filling.data["tag"]
        accounts = self.filling.each(
            lambda number: register(self.base, "%s-idle%04d" % (tag, number), self.filling.secret), range(people))
        self.filling.each(lambda account: account.client(self.base).create_room("private_chat"), accounts)
        before = machine.memory_mb(self.processes())

        def request(account):
            # The first answers, until there is nothing new.
            wire, since = Wire(self.base, account["token"]), ""
            for _ in range(2):
                path = "%s/sync?timeout=0&set_presence=offline%s" % (V3, since)
                since = "&since=" + quote(wire.call("GET", path)[0]["next_batch"], safe="")
            wire.close()
            return wire.encode("GET", "%s/sync?timeout=600000&set_presence=offline%s" % (V3, since))
        requests = self.filling.each(request, accounts)
        waiting = []
        try:
            for number in range(count):
                waiting.append(Wire(self.base))
                waiting[-1].post(requests[number % people])
            time.sleep(2)
            answered = sum(1 for wire in waiting if wire.has_answer())
            used = machine.memory_mb(self.processes()) - before
        finally:
            for wire in waiting:
                wire.close()
        return [Figure("memory of an idle long poll", 1000 * used / count, "kB", "least",
                       "%d at once of %d users, %d of them answered early" % (count, people, answered))]

    def settle(self, most=30):
        """Until the server rests: a load generator that ends leaves requests behind, such as hashes of passwords."""
        end = time.monotonic() + most
        while time.monotonic() < end:
            before = machine.cpu_seconds(self.processes())
            time.sleep(1)
            if machine.cpu_seconds(self.processes()) - before < 0.05:
                return

    def memory(self, when):
        if not self.processes():
            return []
        self.settle()
        each = {name: machine.memory_mb([pid]) for name, pid in self.target.processes().items()}
        note = "PSS of all its processes"
        if len(each) > 1:
            note += ": " + ", ".join("%s %.0f" % item for item in each.items())
        return [Figure("memory " + when, sum(each.values()), "MB", "least", note, self.of_bare("memory"))]
