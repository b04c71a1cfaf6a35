#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Calls that belong to one place: clocks, chance and timers to the Runtime, threads and locks to the SDK."""

import re
import sys

import tree

# The program that runs a module in a process of its own has no Runtime.
RUNTIME = ("sdk/src/async/", "sdk/include/lares/async/", "daemon/host/module_runner/")
# A line of the log bears the time of the machine, in a simulation as well.
CLOCK = (*RUNTIME, "sdk/src/base/log")

# Where sockets are opened: by listeners, the HTTP client, the transports, and the pipe to a module's process.
NETWORK = (*RUNTIME, "daemon/http/", "daemon/host/", "sdk/src/http/", "plugins/transport/")

# pattern, where it may stand, what to do instead
RULES = [
    # Under whatever name an alias gives it.
    (r"\b\w*[Cc]lock(?:_type)?::now\b", CLOCK, "ask the Runtime for the time"),
    (r"(?<![\w.>])(?:::|std::)?time\s*\(\s*(?:(?:nullptr|NULL|0)\s*\)|&)", RUNTIME, "ask the Runtime for the time"),
    (r"\b(?:gettimeofday|ftime|clock)\s*\(\s*\)|\bgettimeofday\b", RUNTIME, "ask the Runtime for the time"),
    (r"\bclock_gettime\b|\btimespec_get\b", RUNTIME, "ask the Runtime for the time"),
    (r"(?<![\w.>:])(?:std::)?s?rand\s*\(|\bstd::(?:random_device|mt19937(?:_64)?|default_random_engine|minstd_rand0?"
     r"|ranlux\w+|knuth_b)\b|\buuids::random_generator\b"
     r"|\barc4random\w*\b|\bgetrandom\b|\brandombytes_\w+\b|\bRAND_bytes\b", RUNTIME,
     "take chance from the Runtime's RandomSource"),
    (r"\b(?:steady|system|high_resolution|deadline)_timer\b|\bbasic_waitable_timer\b", RUNTIME, "take timers from the Runtime"),
    (r"\bstd::this_thread::sleep_(?:for|until)\b|(?<![\w.>:])u?sleep\s*\(|\bnanosleep\b", RUNTIME,
     "await a timer of the Runtime"),
    (r"\bboost::asio::detached\b|\basio::detached\b", RUNTIME, "spawn into an owner's TaskGroup, whose stop() awaits it"),
    (r"\bstd::(?:recursive_|shared_|timed_|shared_timed_)?mutex\b|\bstd::condition_variable(?:_any)?\b",
     ("sdk/", "daemon/", "plugins/storage/"), "shared state of a plugin lives in an actor or in a container of the SDK"),
    (r"\bip::(?:tcp|udp|basic_resolver\w*)::resolver\b|\bgetaddrinfo\b|\bgethostby\w+\b", RUNTIME,
     "let the Runtime resolve names"),
    (r"\basio::(?:ip|local|generic)::\w+::(?:socket|acceptor)\b|(?<![\w.>])::(?:socket|accept4?)\s*\(", NETWORK,
     "talk to others through lares::http::Client or a transport"),
    (r"\bstd::async\b|\basio::thread_pool\b", (), "blocking work runs on a named pool of the Runtime"),
    (r"\b(?:secure_)?getenv\s*\(", ("sdk/", "daemon/"), "what an administrator may set is a declared configuration key"),
    (r"\bstd::j?thread\b|\bpthread_create\b", ("sdk/src/", "sdk/include/lares/async/", "daemon/", "plugins/storage/"),
     "blocking work runs on a named pool of the Runtime"),
    (r"\bdlopen\s*\(", ("daemon/host/", "sdk/src/plugin/"), "the host loads libraries"),
]


def main():
    faults = []
    for path in tree.cxx_files("sdk/", "daemon/", "plugins/", "modules/"):
        # An example is somebody else's module: it has threads and clocks of its own.
        if path.endswith("_test.cpp") or path.startswith("sdk/examples/"):
            continue
        content = tree.code(path, strings=False)
        for pattern, places, remedy in RULES:
            if path.startswith(places):
                continue
            for match in re.finditer(pattern, content):
                faults.append("%s:%d: %s: %s" % (path, tree.line_of(content, match.start()), match.group(0).strip(), remedy))
    tree.finish(faults, "The rules and where each call may stand: packaging/checks/calls.py.")


if __name__ == "__main__":
    sys.exit(main())
