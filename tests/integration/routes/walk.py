# SPDX-License-Identifier: Apache-2.0
"""Requests made out of route declarations."""

import json
import os
import re
import subprocess
from urllib.parse import quote

from lares_test import build_dir

# Values for whatever a handler may ask for, so that what refuses a request is not a missing field.
PLAUSIBLE = {
    "body": "x", "msgtype": "m.text", "reason": "x", "name": "x", "topic": "x", "membership": "join", "typing": True,
    "timeout": 1000, "visibility": "private", "new_version": "12", "score": -1, "presence": "online",
    "displayname": "x", "avatar_url": "mxc://hs.test/x", "filter": {}, "limit": 1, "search_term": "x", "messages": {},
    "device_keys": {}, "one_time_keys": {}, "algorithm": "m.megolm_backup.v1.curve25519-aes-sha2", "auth_data": {},
    "rooms": {}, "sessions": {}, "actions": ["notify"], "enabled": True, "ignored_users": {}, "content": {}, "url": "x",
    "lang": "en", "app_id": "x", "pushkey": "x", "kind": None, "devices": [], "display_name": "x",
}
# The same for what stands in a query.
PLAUSIBLE_QUERY = "ts=1&dir=f"


def load(*config_paths):
    """What `laresctl routes` says of a configuration, whose later files are laid upon the earlier ones."""
    files = [part for path in config_paths for part in ("--config-path", path)]
    done = subprocess.run([os.path.join(build_dir(), "bin", "laresctl"), "routes", *files, "--json"],
                          capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError("laresctl routes: " + done.stderr)
    return [Route(entry) for entry in json.loads(done.stdout)]


class Route:
    def __init__(self, entry):
        self.method, self.pattern, self.access = entry["method"], entry["path"], entry["access"]
        self.flags, self.resource, self.plugin = set(entry["flags"]), entry["resource"], entry["plugin"]
        self.parameters = re.findall(r"{(\w+)\*?}", self.pattern)
        # Paths of one operation in several versions of the API have this in common.
        self.operation = (self.method, re.sub(r"/(v\d+|r\d+|unstable(/\w+\.[\w.]+)?)/", "/*/", self.pattern, count=1))

    def __str__(self):
        return "%s %s" % (self.method, self.pattern)

    @property
    def of_a_room(self):
        return "roomId" in self.parameters or "roomIdOrAlias" in self.parameters

    @property
    def asks_for_a_token(self):
        return self.access in ("user", "guest", "admin", "appservice")

    @property
    def body_limit(self):
        """Bytes that it takes where it has a limit of its own."""
        return next((int(flag.split("=")[1]) for flag in self.flags if flag.startswith("body-limit=")), None)

    @property
    def writes(self):
        return self.method not in ("GET", "HEAD")

    def path(self, values, raw=None):
        """The path with `values` by parameter, percent-encoded; `raw` holds what goes in as it is."""
        def fill(match):
            name = match.group(1)
            if raw and name in raw:
                return raw[name]
            return quote(values.get(name, "x"), safe="")
        return re.sub(r"{(\w+)\*?}", fill, self.pattern)


def one_of_each(routes):
    """A route for each operation, whichever version's path comes first."""
    seen = {}
    for route in routes:
        seen.setdefault(route.operation, route)
    return list(seen.values())


def is_matrix_error(response):
    body = response.json
    return isinstance(body, dict) and isinstance(body.get("errcode"), str) and isinstance(body.get("error"), str)


def is_dialogue(response):
    """The first answer of user-interactive authentication, which is no error though its status is 401."""
    return response.status == 401 and isinstance(response.json, dict) and "flows" in response.json


def describe(response):
    return "%d %s" % (response.status, response.text[:160])
