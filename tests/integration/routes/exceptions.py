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
# Where a field of a wrong JSON type is not called M_BAD_JSON. A row is (pattern of the route, field, code, reason), regular
# expressions the first two.
TYPES = [
    (r"/registration_tokens/", r"(uses_allowed|expiry_time|length): ", "M_INVALID_PARAM",
     "Synapse's administration API says so of each value that cannot be"),
    (r"/receipt/{receiptType}/{eventId}$", r"thread_id: ", "M_INVALID_PARAM",
     "Synapse says so of each thread that is none; the specification names no code"),
    (r"/room_keys/version/{version}$", r"version: ", "M_INVALID_PARAM",
     "the specification compares it with the path's, which is a string: any other value is another version"),
    (r"/pushrules/", r"(actions|conditions)", "M_INVALID_PARAM",
     "the specification has a code that fits no better, M_UNKNOWN; what is wrong with a rule is said in words"),
    (r"/createRoom$", r"power_level_content_override|creation_content", "M_INVALID_ROOM_STATE",
     "the specification names this code for state that the room cannot begin with, power levels before all"),
    (r"/keys/upload", r"one_time_keys\.", "M_UNKNOWN",
     "a key may be a string as well as an object, and is not uploaded again with another content"),
    (r"/send/{eventType}/{txnId}$", r"", "M_DUPLICATE_ANNOTATION",
     "an event may hold anything beside what relates it to another, and the same annotation is there already"),
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


class FieldTypes:
    """What TYPES allows, and which of its rows were of use."""

    def __init__(self):
        self._used = set()

    def allow(self, route, what, errcode):
        rows = [row for row in TYPES if re.search(row[0].replace("{", r"\{").replace("}", r"\}"), route.pattern)
                and re.match(row[1], what) and row[2] == errcode]
        self._used.update(rows)
        return bool(rows)

    def unused(self):
        return [row for row in TYPES if row not in self._used]
