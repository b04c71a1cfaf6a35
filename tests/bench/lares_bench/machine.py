# SPDX-License-Identifier: Apache-2.0
"""What the kernel says of processes: CPU seconds and memory of whole trees, how busy the machine is."""

import os

TICKS = os.sysconf("SC_CLK_TCK")


def _stat(pid):
    with open("/proc/%d/stat" % pid) as file:
        return file.read().rsplit(")", 1)[1].split()


def tree(roots):
    """The processes and all their descendants."""
    children = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                children.setdefault(int(_stat(int(name))[1]), []).append(int(name))
            except OSError:
                continue
    found, open_ends = [], list(roots)
    while open_ends:
        pid = open_ends.pop()
        found.append(pid)
        open_ends += children.get(pid, [])
    return found


def cpu_seconds(roots):
    total = 0
    for pid in tree(roots):
        try:
            total += sum(int(ticks) for ticks in _stat(pid)[11:15])
        except OSError:
            continue
    return total / TICKS


def memory_mb(roots):
    """PSS of the trees in MB: pages that processes share are counted once."""
    total = 0
    for pid in tree(roots):
        try:
            with open("/proc/%d/smaps_rollup" % pid) as file:
                total += sum(int(line.split()[1]) for line in file if line.startswith("Pss:"))
        except OSError:
            continue
    return total * 1024 / 1e6


def busy_seconds():
    """CPU seconds that the whole machine has spent working since it started."""
    with open("/proc/stat") as file:
        ticks = [int(part) for part in file.readline().split()[1:9]]
    return (sum(ticks) - ticks[3] - ticks[4]) / TICKS


def disk_bytes(folder):
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(os.path.join(place, name)).st_blocks * 512
            except FileNotFoundError:
                continue
    return total
