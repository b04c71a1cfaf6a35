# SPDX-License-Identifier: Apache-2.0
"""The same behaviour on either database: mix one of these classes into it."""

from urllib.parse import quote

from lares_test import Postgres, Server

V3 = "/_matrix/client/v3"


class OnSqlite:
    # Syncs wait for what a test is about, and are not ended by who comes online.
    config = {"presence": {"enabled": False}}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = cls.enterClassContext(Server(config=cls.config))
        cls.people()

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


class OnPostgres(OnSqlite):
    @classmethod
    def setUpClass(cls):
        super(OnSqlite, cls).setUpClass()
        postgres = cls.enterClassContext(Postgres())
        cls.server = cls.enterClassContext(Server(database=postgres.create_database(), config=cls.config))
        cls.people()


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
