# SPDX-License-Identifier: Apache-2.0
"""Answers that differ from the rule, and why. A row is (check, method, pattern as a regular expression, reason)."""

import re

TABLE = [
    ("stranger", "GET", r"/directory/list/room/{roomId}$",
     "whether a room is in the public list is public"),
    ("unknown room", "*", r"/directory/list/room/{roomId}$",
     "the specification has 404 for a room that the server does not know, and says of the others whether they are listed"),
    ("unknown room", "POST", r"/knock/{roomIdOrAlias}$",
     "the specification has 404 for a room that the server does not know, and 403 for one that is closed"),
    ("stranger", "*", r"/room_keys/keys/{roomId}",
     "a backup of keys is the user's own, and holds keys of rooms that were left"),
]

_used = set()


def _concerns(row, check, route):
    pattern = row[2].replace("{", r"\{").replace("}", r"\}")
    return row[0] == check and row[1] in ("*", route.method) and re.search(pattern, route.pattern)


def excepted(check, route):
    """Whether the table allows what this route answered to a check. Asked only about answers that differ from the rule."""
    rows = [row for row in TABLE if _concerns(row, check, route)]
    _used.update(rows)
    return bool(rows)


def unused(routes):
    """Rows that name a route which keeps to the rule."""
    return [row for row in TABLE if row not in _used and any(_concerns(row, row[0], route) for route in routes)]
