# SPDX-License-Identifier: Apache-2.0
"""Keeps a server under a mixed load for some minutes, and judges whether it could go on like that for ever.

    soak_test.py [--shape sqlite|cluster] [--minutes N] [--seed S]
"""

import argparse
import contextlib
import os
import random
import re
import sqlite3
import subprocess
import sys
import time

from lares_test import Server, Workers
from life import Life
from watch import Watch, judge

DAY = 86_400_000
# Rows that time has ended when the soak begins; housekeeping must have found them when it ends. Table -> column.
ENDED = {"event_transactions": "created_ts", "to_device_transactions": "created_ts", "uia_sessions": "created_ts",
         "registration_nonces": "created_ts", "cache_invalidations": "created_ts", "claimed_keys": "claimed_ts",
         "push_exceptions": "created_ts"}
# Caches a tenth as large as usual are full within minutes, however slow the machine: what grows then is something else.
# So few connections that no machine warns of files that it does not let open.
CONFIG = {"caches": {"global_factor": 0.05}, "http": {"max_connections": 1000}}
# A busy machine holds up a loop now and then.
EXPECTED = [re.compile(r"lares\.runtime .* held")]


class Sqlite:
    """One process."""

    def __init__(self, stack):
        self.server = Server(config=CONFIG)
        self.socket = os.path.join(self.server.folder, "metrics.sock")
        self.server.config["listeners"].append({"type": "metrics", "path": self.socket})
        self.server.write_config()
        stack.enter_context(self.server)

    def sql(self, text):
        with contextlib.closing(sqlite3.connect(os.path.join(self.server.folder, "homeserver.db"), timeout=30)) as database:
            with database:
                return database.execute(text).fetchall()

    def change_database(self, change):
        self.server.stop()
        change()
        self.server.start()

    def processes(self):
        return {"laresd": (self.server.process.pid, self.socket)}

    def logs(self):
        return {"laresd": self.server.process.log_text()}


class Cluster:
    """Five processes, PostgreSQL, Redis and nginx."""

    def __init__(self, stack):
        self.server = stack.enter_context(Workers(config=CONFIG))

    def sql(self, text):
        done = subprocess.run(["psql", "-h", os.path.join(self.server.folder, "postgres"), "-U", "lares", "-d", "lares",
                               "-AtqX", "-c", text], check=True, stdout=subprocess.PIPE, text=True)
        return [tuple(int(value) for value in line.split("|")) for line in done.stdout.splitlines()]

    def change_database(self, change):
        change()
        self.server.restart()

    def processes(self):
        return {name: (self.server.pid(name), os.path.join(self.server.folder, "run", name + ".metrics.sock"))
                for name in self.server.LARES}

    def logs(self):
        return {name: self.server.log_text(name) for name in self.server.LARES}


def age(shape):
    """Makes rows that time ends, and lets it have ended them. Gives the time before which there are to be none in the end."""
    server = shape.server
    alice, bob = server.register("alice"), server.register("bob")
    room = alice.create_room()
    bob.join(room)
    bob.sync()
    for number in range(20):
        alice.send(room, {"msgtype": "m.text", "body": "of another day %d" % number,
                          "m.mentions": {"user_ids": [bob.user_id]}})
        bob.post("/_matrix/client/v3/keys/upload", {"one_time_keys": {"test_key:%d" % number: "of another day"}})
        alice.post("/_matrix/client/v3/keys/claim", {"one_time_keys": {bob.user_id: {bob.device_id: "test_key"}}})
        alice.put("/_matrix/client/v3/sendToDevice/test.message/d%d" % number,
                  {"messages": {bob.user_id: {bob.device_id: {"number": number}}}})
    then = int(time.time() * 1000) - 30 * DAY

    def change():
        for table, column in ENDED.items():
            # A row of no time is not ended by it.
            shape.sql("UPDATE %s SET %s = %d WHERE %s > 0" % (table, column, then, column))
            rows = shape.sql("SELECT COUNT(*) FROM %s WHERE %s > 0" % (table, column))[0][0]
            print("%d rows of another day in %s" % (rows, table))
            if not rows and table not in ("cache_invalidations", "registration_nonces"):
                raise AssertionError("nothing to prune in %s" % table)
    shape.change_database(change)
    return then


def judge_tables(shape, load, then):
    faults = ["%d rows of %s are there that time has ended" % (rows, table) for table, column in ENDED.items()
              for rows in [shape.sql("SELECT COUNT(*) FROM %s WHERE %s > 0 AND %s <= %d" % (
                  table, column, column, then))[0][0]] if rows]
    # What a reader has been given goes with its next sync; the last answer of each may still stand.
    waiting = shape.sql("SELECT COUNT(*) FROM to_device_messages")[0][0]
    sent = sum(map(len, load.messenger.acknowledged.values()))
    if waiting > 100:
        faults.append("%d of %d to-device messages wait for readers who have read them all" % (waiting, sent))
    # One login for each account that is open, those that writers keep, and bob's and alice's.
    logins = load.accounts + 2 + sum(len(writer.alive) + (writer.chain is not None) for writer in load.writers)
    # The token before the last refresh is kept until the next.
    refreshed = sum(writer.count > 1 for writer in load.writers)
    for table, expected in (("devices", logins), ("access_tokens", logins + refreshed)):
        rows = shape.sql("SELECT COUNT(*) FROM %s" % table)[0][0]
        if rows != expected:
            faults.append("%d rows in %s after %d logins without a logout" % (rows, table, expected))
    return faults


def judge_logs(logs):
    faults = []
    for name, text in logs.items():
        for line in text.splitlines():
            if re.search(r" - (WARNING|ERROR|CRITICAL) - ", line) and not any(known.search(line) for known in EXPECTED):
                faults.append("%s: %s" % (name, line))
    return faults


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", choices=["sqlite", "cluster"], default="sqlite")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=None, help="of the load; drawn and printed if not given")
    given = parser.parse_args()
    seed = given.seed if given.seed is not None else random.SystemRandom().randrange(1 << 32)
    print("seed %d" % seed, flush=True)
    with contextlib.ExitStack() as stack:
        shape = {"sqlite": Sqlite, "cluster": Cluster}[given.shape](stack)
        then = age(shape)
        load = Life(shape.server, seed, pace=0.04, rest=0.1, longest=8000)
        watch = Watch(shape.processes(), every=given.minutes * 60 / 120)
        before = {name: watch.sample(name) for name in watch.processes}
        load.start()
        watch.start()
        end = time.monotonic() + given.minutes * 60
        while time.monotonic() < end:
            time.sleep(1)
            load.check()
        watch.stop()
        load.stop()
        faults = judge(watch.samples, share=0.05, slack=4e6, descriptors=4)
        faults += load.judge()
        faults += watch.wait_for_rest(before, timeout=60)
        faults += judge_tables(shape, load, then)
        faults += judge_logs(shape.logs())
        if {name: pid for name, (pid, _) in shape.processes().items()} != {
                name: pid for name, (pid, _) in watch.processes.items()}:
            faults.append("a process was started anew")
    print("\n".join(faults[:50]))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
