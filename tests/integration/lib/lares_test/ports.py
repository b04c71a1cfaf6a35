# SPDX-License-Identifier: Apache-2.0
"""Ports that no other test of this machine is given at the same time."""

import fcntl
import os
import random
import socket
import tempfile

# Below the range from which the kernel takes ports of outgoing connections, so that none of them gets in between.
FIRST, LAST = 20000, 31999

_held = {}


def reserve_port():
    """A free TCP port of 127.0.0.1. It stays ours until this process ends, whether somebody listens on it or not."""
    folder = os.path.join(tempfile.gettempdir(), "lares-test-ports")
    os.makedirs(folder, mode=0o777, exist_ok=True)
    candidates = list(range(FIRST, LAST + 1))
    random.shuffle(candidates)
    for port in candidates:
        if port in _held:
            continue
        try:
            lock = os.open(os.path.join(folder, str(port)), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o666)
        except PermissionError:
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", port))
        except OSError:
            os.close(lock)
            continue
        _held[port] = lock
        return port
    raise RuntimeError("no free port between %d and %d" % (FIRST, LAST))
