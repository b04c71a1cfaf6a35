# SPDX-License-Identifier: Apache-2.0
"""Kills the processes of a cluster, PostgreSQL and Redis among them, at random moments of one load, and judges by what
the clients were told and saw. Nothing but what was killed is started again.

    cluster_kill_test.py [--kills N] [--load all|messages] [--seed S]
"""

import argparse
import random
import sys
import time

from lares_test import Workers
from lares_test.load import Load


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--load", choices=["all", "messages"], default="all")
    parser.add_argument("--seed", type=int, default=None, help="of the moments; drawn and printed if not given")
    given = parser.parse_args()
    seed = given.seed if given.seed is not None else random.SystemRandom().randrange(1 << 32)
    print("seed %d" % seed, flush=True)
    moments = random.Random(seed)
    # Every process has its turn, in an order of chance.
    victims = []
    with Workers() as cluster:
        load = Load(cluster, seed, kind=given.load, pace=0.02)
        load.start()
        for _ in range(given.kills):
            time.sleep(moments.choice([0.1, 0.5, 2.0]) * moments.random() + 0.1)
            load.check()
            if not victims:
                victims = moments.sample(cluster.ALL, len(cluster.ALL))
            victim = victims.pop()
            others = {name: cluster.pid(name) for name in cluster.ALL if name != victim}
            print("kill %s" % victim, flush=True)
            cluster.kill(victim)
            # Now and then it stays away for longer than a request waits for it.
            time.sleep(moments.choice([0, 0, 0.5, 7.0]))
            cluster.start()
            restarted = [name for name, pid in others.items() if cluster.pid(name) != pid]
            if restarted:
                print("after the kill of %s these had ended, too: %s" % (victim, ", ".join(restarted)))
                return 1
        # Redis is tried again at most 5 s apart, and until then the readers see nothing new.
        time.sleep(8)
        load.stop()
        faults = load.judge()
    print("\n".join(faults[:50]))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
