# SPDX-License-Identifier: Apache-2.0
"""A homeserver of several processes for tests that know of none: as far as they see it is one Server."""

import atexit
import itertools
import json
import os
import subprocess
import threading

from .client import Client
from .cluster import Workers
from .postgres import postgres_bin

_shared = {}


class SettledClient(Client):
    """Reads nothing before the process that reads are given to has taken up what was acknowledged to any client of the
    cluster. Without that it does so a moment later, which a test written for one process does not wait for."""

    def __init__(self, cluster, token=None, **options):
        super().__init__(cluster.base, token, **options)
        self._cluster = cluster

    def raw(self, method, path, *arguments, **options):
        if method == "GET":
            self._cluster.settle()
        try:
            return super().raw(method, path, *arguments, **options)
        finally:
            if method != "GET":
                self._cluster.wrote()


class SettledWorkers(Workers):
    """Workers whose clients read what they wrote, and that are killed as one."""

    @classmethod
    def shared(cls, config=None):
        """The one of this configuration that all tests of the running program share. It hashes passwords in no time."""
        key = json.dumps(config or {}, sort_keys=True)
        if key not in _shared:
            cluster = cls(name="hs.test", config={"password_hash": {"memory": "8K", "passes": 1}, **(config or {})})
            atexit.register(cluster.close)
            _shared[key] = cluster.start()
            # So that whom it asks as does not come in the middle of a test.
            cluster.wrote()
            cluster.settle()
        return _shared[key]

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        # As a Server's; `sql` takes the name.
        self.config["database"] = {"name": "psycopg2", "args": {"dbname": "lares"}}
        # A number for each write, so that two at a time are not taken for one.
        self._numbers = itertools.count(1)
        self._written = self._settled = 0
        self._settling = threading.Lock()
        self._settler = None

    def client(self, token=None, **options):
        return SettledClient(self, token, **options)

    def wrote(self):
        self._written = next(self._numbers)

    def settle(self):
        """Before a process denies anything it takes up what the others have written."""
        with self._settling:
            written = self._written
            if written == self._settled:
                return
            if self._settler is None:
                self._settler = Client(self.base).register("settler")
            answer = self._settler.raw("GET", self._settler.room_path("!nowhere:" + self.name, "state"))
            if answer.status != 403:
                raise AssertionError("the cluster did not settle: %d %s" % (answer.status, answer.text))
            self._settled = written

    def kill(self, name=None):
        """Of all of Lares' processes where none is named."""
        for one in [name] if name else self.LARES:
            super().kill(one)

    def sql(self, statement, database="lares"):
        """Runs a statement and gives the rows as lists of strings."""
        out = subprocess.run([os.path.join(postgres_bin(), "psql"), "-h", os.path.join(self.folder, "postgres"),
                              "-U", "lares", "-d", database, "-v", "ON_ERROR_STOP=1", "-qAtX", "-F", "\t",
                              "-c", statement], check=True, capture_output=True, text=True).stdout
        return [line.split("\t") for line in out.splitlines()]
