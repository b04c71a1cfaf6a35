# SPDX-License-Identifier: Apache-2.0
"""docs/metrics.md, held against what a process shows."""

import os
import re

from .server import source_dir

# Of the process, whichever servers it has.
PROCESS_WIDE = {"synapse_build_info", "synapse_threadpool_min_threads", "synapse_threadpool_max_threads",
                "synapse_threadpool_total_threads", "synapse_threadpool_working_threads"}


def documented():
    """name -> (type, labels, always there), from the tables of the page."""
    families = {}
    with open(os.path.join(source_dir(), "docs", "metrics.md")) as file:
        for line in file:
            cells = [cell.strip() for cell in line.split("|")[1:-1]]
            if len(cells) == 4 and cells[0].startswith("`"):
                for name in re.findall(r"`(\w+)`", cells[0]):
                    families[name] = (cells[1], set(re.findall(r"`(\w+)`", cells[2])), "(later)" not in cells[0])
    return families


def undocumented(metrics):
    """What the page does not say of an Exposition, or says otherwise: a sentence each."""
    page, faults = documented(), []
    for name, kind in sorted(metrics.types.items()):
        if name not in page:
            faults.append("docs/metrics.md has no line for %s (%s)" % (name, kind))
            continue
        shown = metrics.labels.get(name)
        labels = (shown or set()) - {"server_name"} - ({"le"} if kind == "histogram" else set())
        if kind != page[name][0] or (shown is not None and labels != page[name][1]):
            faults.append("docs/metrics.md has %s as %s %s; it is a %s with %s"
                          % (name, page[name][0], sorted(page[name][1]), kind, sorted(labels)))
        # Two servers of one process must not add up to one.
        if name.startswith("synapse_") and shown is not None and "server_name" not in shown and name not in PROCESS_WIDE:
            faults.append("%s has no server_name" % name)
    return faults
