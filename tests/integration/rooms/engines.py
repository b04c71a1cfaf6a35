# SPDX-License-Identifier: Apache-2.0
"""Tests that run once on SQLite and once on PostgreSQL."""

import unittest

from lares_test import Postgres, Server

V1, V3 = "/_matrix/client/v1", "/_matrix/client/v3"


class EngineTests:
    """The tests of a class below, against a server of their own. CONFIG is laid upon the usual configuration."""

    CONFIG = {}

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


def on_both_engines(tests, namespace):
    """Makes the two test cases of a class of tests."""

    class OnSqlite(tests, unittest.TestCase):
        pass

    class OnPostgres(tests, unittest.TestCase):
        @classmethod
        def make_database(cls):
            cls.postgres = cls.enterClassContext(Postgres())
            return cls.postgres.create_database()

    for case in (OnSqlite, OnPostgres):
        case.__name__ = case.__qualname__ = tests.__name__ + case.__name__
        namespace[case.__name__] = case
