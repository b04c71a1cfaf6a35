# SPDX-License-Identifier: Apache-2.0
"""Tests that run once on SQLite and once on PostgreSQL, some of them with another process that writes events, and all of them,
where LARES_E2E_SHAPE is `workers`, in the cluster of packaging/quickstart --workers."""

import os
import sys
import unittest

from lares_test import Postgres, Server, SettledWorkers, source_dir

sys.path.append(os.path.join(source_dir(), "tests", "integration", "replication"))
from cluster import Cluster  # noqa: E402

V1, V3 = "/_matrix/client/v1", "/_matrix/client/v3"

# What the classes that were loaded want to be configured: those that want something share a cluster that has all of it, and
# none minds what the others want.
_wanted_of_workers = {}


class EngineTests:
    """The tests of a class below, against a server of their own. CONFIG is laid upon the usual configuration."""

    CONFIG = {}
    # Whether nginx stands before it, which answers a path with a zero byte itself.
    behind_nginx = False

    @classmethod
    def make_database(cls):
        return None

    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(Server(config=cls.CONFIG, database=cls.make_database()))

    def check_error(self, error, status, errcode):
        self.assertEqual((error.status, error.errcode), (status, errcode), error)

    def users(self, *names):
        """Accounts of this test alone."""
        tag = self.id().split(".")[-1][-40:]
        return [self.server.register("%s-%s" % (name, tag)) for name in names]


def on_both_engines(tests, namespace, processes=False):
    """Makes the test cases of a class of tests."""

    class OnSqlite(tests, unittest.TestCase):
        pass

    class OnPostgres(tests, unittest.TestCase):
        @classmethod
        def make_database(cls):
            cls.postgres = cls.enterClassContext(Postgres())
            return cls.postgres.create_database()

    class OnTwoProcesses(tests, unittest.TestCase):
        @classmethod
        def setUpClass(cls):
            cls.cluster = cls.enterClassContext(Cluster())
            cls.server = cls.cluster.main

    class OnWorkers(tests, unittest.TestCase):
        behind_nginx = True

        @classmethod
        def setUpClass(cls):
            cls.server = cls.postgres = SettledWorkers.shared(_wanted_of_workers if cls.CONFIG else None)

    cases = (OnSqlite, OnPostgres) + ((OnTwoProcesses,) if processes else ())
    if os.environ.get("LARES_E2E_SHAPE") == "workers":
        cases = (OnWorkers,)
        _wanted_of_workers.update(tests.CONFIG)
    for case in cases:
        case.__name__ = case.__qualname__ = tests.__name__ + case.__name__
        namespace[case.__name__] = case
