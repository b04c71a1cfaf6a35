# SPDX-License-Identifier: Apache-2.0
"""Kills laresd, or PostgreSQL under it, at random moments of one load, and judges by what the clients were told and saw.

    kill_test.py [--kills N] [--shape sqlite|postgres] [--victim laresd|postgres] [--load all|messages] [--seed S]
"""

import argparse
import contextlib
import random
import sys
import time

from lares_test import Postgres, Server
from lares_test.load import Load


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--shape", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--victim", choices=["laresd", "postgres"], default="laresd")
    parser.add_argument("--load", choices=["all", "messages"], default="all")
    parser.add_argument("--seed", type=int, default=None, help="of the moments; drawn and printed if not given")
    given = parser.parse_args()
    seed = given.seed if given.seed is not None else random.SystemRandom().randrange(1 << 32)
    print("seed %d" % seed, flush=True)
    moments = random.Random(seed)
    with contextlib.ExitStack() as stack:
        postgres = stack.enter_context(Postgres()) if given.shape == "postgres" else None
        server = stack.enter_context(Server(database=postgres.create_database() if postgres else None))
        victim = postgres if given.victim == "postgres" else server
        pid = server.process.pid
        load = Load(server, seed, kind=given.load)
        load.start()
        for _ in range(given.kills):
            # Often in the middle of the rush after a start, now and then long after it.
            time.sleep(moments.choice([0.05, 0.3, 1.0]) * moments.random() + 0.05)
            load.check()
            victim.kill()
            victim.start()
            if victim is postgres and (not server.process.running() or server.process.pid != pid):
                print("laresd has ended with PostgreSQL")
                return 1
        time.sleep(1)
        load.stop()
        faults = load.judge()
    print("\n".join(faults[:50]))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
