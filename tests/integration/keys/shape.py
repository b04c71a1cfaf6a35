# SPDX-License-Identifier: Apache-2.0
"""A test case for the homeserver in the shape that LARES_E2E_SHAPE names."""

import itertools
import os
import unittest

from lares_test import Postgres, Server, SettledWorkers

SHAPE = os.environ.get("LARES_E2E_SHAPE", "sqlite")
_numbers = itertools.count(1)


class ShapeTest(unittest.TestCase):
    """`server` is one process on SQLite (also when nothing is named) or on PostgreSQL, or the processes of `workers`, which the
    tests of the running program share. `postgres.sql(statement, database)` is there where there is a PostgreSQL."""

    postgres = database = None

    @classmethod
    def setUpClass(cls):
        if SHAPE == "workers":
            # Syncs wait for what a test is about: who comes online would end them a moment after it came.
            cls.server = cls.postgres = SettledWorkers.shared({"presence": {"enabled": False}})
            cls.database = "lares"
            return
        options = {}
        if SHAPE == "postgres":
            cls.postgres = cls.enterClassContext(Postgres())
            options["database"] = cls.postgres.create_database()
            cls.database = options["database"]["args"]["dbname"]
        elif SHAPE != "sqlite":
            raise ValueError("LARES_E2E_SHAPE is sqlite, postgres or workers, not %r" % SHAPE)
        cls.server = cls.enterClassContext(Server(**options))

    def users(self, *names):
        """Accounts of this test alone."""
        number = next(_numbers)
        return [self.server.register("%s%d" % (name, number)) for name in names]
