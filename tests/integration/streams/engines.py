# SPDX-License-Identifier: Apache-2.0
"""The same behaviour on either database, and in the cluster: mix one of these classes into it."""

import os
import unittest
from urllib.parse import quote

from lares_test import Postgres, Server, SettledWorkers, wait_until

V3 = "/_matrix/client/v3"


class OnSqlite:
    # Syncs wait for what a test is about, and are not ended by who comes online.
    config = {"presence": {"enabled": False}}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = cls.enterClassContext(cls.make_server())
        cls.people()

    @classmethod
    def make_server(cls):
        return Server(config=cls.config)

    @classmethod
    def people(cls):
        cls.alice, cls.bob, cls.carol = (cls.server.register(name) for name in ("alice", "bob", "carol"))

    def room_of(self, *clients):
        """A room of these clients, who have all synced up to now."""
        room = clients[0].create_room()
        for client in clients[1:]:
            client.join(room)
        for client in clients:
            client.sync()
        return room

    def refused(self, status, errcode, client, method, path, body=None):
        error = client.error(method, path, body)
        self.assertEqual((error.status, error.errcode), (status, errcode), "%s %s %r" % (method, path, body))
        return error

    def shows(self, client, found, expected, **query):
        """What `found` finds in the next sync: what is in no database is there at once where there is one process."""
        self.assertEqual(found(client.sync(**query)), expected)

    def gives(self, look, expected):
        """The same of another request."""
        self.assertEqual(look(), expected)


class OnPostgres(OnSqlite):
    @classmethod
    def make_server(cls):
        return Server(database=cls.enterClassContext(Postgres()).create_database(), config=cls.config)


@unittest.skipUnless(os.environ.get("LARES_E2E_SHAPE") == "workers", "all of these in one program, which starts one cluster")
class OnWorkers(OnSqlite):
    """The cluster of packaging/quickstart --workers, through nginx: one for all files that want the same configuration."""

    @classmethod
    def setUpClass(cls):
        super(OnSqlite, cls).setUpClass()
        cls.server = SettledWorkers.shared(cls.config)
        cls.people()

    @classmethod
    def people(cls):
        cls.alice, cls.bob, cls.carol = (cls.server.register("%s-%s" % (name, cls.__name__.lower()))
                                         for name in ("alice", "bob", "carol"))

    def shows(self, client, found, expected, **query):
        client.sync_until(lambda answer: found(answer) == expected, **query)

    def gives(self, look, expected):
        wait_until(lambda: look() == expected, what="%r" % (expected,))


def user_path(client, *parts):
    """The path of something of a user's own, or of a user id."""
    user = client if isinstance(client, str) else client.user_id
    return "/".join([V3 + "/user", quote(user, safe=""), *(quote(part, safe="") for part in parts)])


def joined(answer, room):
    """A joined room's section in a sync's answer."""
    return answer.get("rooms", {}).get("join", {}).get(room, {})


def events(section, name):
    return section.get(name, {}).get("events", [])


def contents(section, name):
    """Contents by type, of a section whose types are there once."""
    return {event["type"]: event["content"] for event in events(section, name)}
