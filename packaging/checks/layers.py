#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whether every plugin stands above what it needs: the layers of docs/plugins.md, checked over what the plugins declare."""

import re
import sys

import tree

# From the lowest on. A plugin needs only what is below it or beside it; what it merely uses may be anywhere.
LAYERS = [
    ("the app", ["plugins/apps/"]),
    ("storage and transport", ["plugins/storage/", "plugins/transport/"]),
    ("replication", ["plugins/streams/hub/", "plugins/streams/caches/"]),
    ("identity", ["plugins/identity/"]),
    ("events", ["plugins/streams/events/"]),
    ("the other streams", ["plugins/streams/"]),
    ("api", ["plugins/api/"]),
]


def layer(path):
    return next(number for number, (_, folders) in enumerate(LAYERS) if path.startswith(tuple(folders)))


def services(code, array):
    found = re.search(r"%s\[\]\s*=\s*\{([^}]*)\}" % array, code)
    return re.findall(r'"([^"]+)"', found.group(1)) if found else []


def main():
    plugins = [path for path in tree.files() if path.startswith("plugins/") and path.endswith("/plugin.cpp")]
    provider = {service: path for path in plugins for service in services(tree.code(path), "kProvides")}
    faults = []
    for path in plugins:
        for service in services(tree.code(path), "kNeeds"):
            # What no plugin provides is the host's.
            above = provider.get(service)
            if above and layer(above) > layer(path):
                faults.append("%s: a plugin of %s needs %s, which %s, of %s, provides" % (
                    path, LAYERS[layer(path)][0], service, above, LAYERS[layer(above)][0]))
    tree.finish(faults, "Let the lower plugin offer a place where the higher one joins in (docs/plugins.md, Layers).")


if __name__ == "__main__":
    sys.exit(main())
