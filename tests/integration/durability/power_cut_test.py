# SPDX-License-Identifier: Apache-2.0
"""Cuts the power of a server on SQLite at random operations of its disk, under one load. What was written and not synced is
forgotten, kept, or kept in part. Judges by what the clients were told and saw.

    power_cut_test.py [--cuts N] [--seed S]
"""

import argparse
import contextlib
import os
import random
import signal
import sqlite3
import sys

from disk import DATABASE, server_with_disk
from lares_test.load import Load


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cuts", type=int, default=60)
    parser.add_argument("--seed", type=int, default=None, help="of the moments; drawn and printed if not given")
    given = parser.parse_args()
    seed = given.seed if given.seed is not None else random.SystemRandom().randrange(1 << 32)
    print("seed %d" % seed, flush=True)
    moments = random.Random(seed)
    with server_with_disk() as server:
        load = Load(server, seed, senders=2, readers=2, rooms=2)
        load.start()
        server.kill()
        for number in range(given.cuts):
            # Often in the rush after a start or within it, now and then after a checkpoint or two.
            at = moments.randrange(1, moments.choice([20, 100, 100, 400]))
            server.process.environment.update(LARES_TEST_CUT_AT=str(at), LARES_TEST_CUT_SEED=str(moments.getrandbits(32)))
            server.process.start()
            code = server.process.wait(60)
            if code != -signal.SIGKILL:
                print("cut %d, at operation %d: laresd ended with %s\n%s" % (number, at, code, server.process.log_tail()))
                return 1
            load.check()
            # A machine that starts again has no memory that is shared.
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(server.folder, DATABASE + "-shm"))
        server.process.environment.update(LARES_TEST_CUT_AT="0")
        server.start()
        load.stop()
        faults = load.judge()
        server.stop()
        with contextlib.closing(sqlite3.connect(os.path.join(server.folder, DATABASE))) as database:
            faults += [row[0] for row in database.execute("PRAGMA integrity_check") if row[0] != "ok"]
    print("\n".join(faults[:50]))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
