# SPDX-License-Identifier: Apache-2.0
"""Fills every table that any plugin declares, purges, and finds nothing left of whom it was."""

import contextlib
import json
import os
import sqlite3
import subprocess
import unittest

from lares_test import Postgres, Server, build_dir, wait_until

# More rows of one owner in one table than a step of a purge deletes.
ROWS = 1100
# Milliseconds since the epoch, in the year 2109.
FUTURE = 1 << 42
# Users and rooms keep their numbers, which every process may have in memory.
INTERNED = {"users", "rooms"}
OWNED = ("room", "user", "device", "destination", "server")


class Sqlite:
    def __init__(self, server):
        self.connection = sqlite3.connect(server.config["database"]["args"]["database"])

    def close(self):
        self.connection.close()

    def rows(self, statement):
        return self.connection.execute(statement).fetchall()

    def run(self, statements):
        with self.connection:
            self.connection.execute("PRAGMA foreign_keys = OFF")
            for statement in statements:
                self.connection.execute(statement)

    def columns(self, table):
        return [(name, {"INTEGER": "bigint", "INT": "bigint", "BLOB": "bytea"}.get(kind.upper(), kind.lower()))
                for _, name, kind, *_ in self.connection.execute("PRAGMA table_info(%s)" % table)]

    def blob(self, text):
        return "X'%s'" % text.encode().hex()

    def true(self):
        return "1"


class Postgresql:
    def __init__(self, postgres, settings):
        self.postgres, self.name = postgres, settings["args"]["dbname"]

    def close(self):
        pass

    def rows(self, statement):
        return [tuple(int(value) if value.lstrip("-").isdigit() else value for value in row)
                for row in self.postgres.sql(statement, self.name)]

    def run(self, statements):
        # By a file: all rows of a table are more than an argument holds.
        path = os.path.join(self.postgres.folder, "statements.sql")
        with open(path, "w") as file:
            file.write(";\n".join(statements) + ";\n")
        subprocess.run([os.path.join(self.postgres.bin, "psql"), "-h", self.postgres.folder, "-U", self.postgres.superuser,
                        "-d", self.name, "-v", "ON_ERROR_STOP=1", "-q1X", "-f", path], check=True, capture_output=True,
                       text=True, cwd=self.postgres.folder)

    def columns(self, table):
        return [(name, kind) for name, kind in self.rows(
            "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = '%s' "
            "AND is_generated = 'NEVER' ORDER BY ordinal_position" % table)]

    def blob(self, text):
        return "'\\x%s'::bytea" % text.encode().hex()

    def true(self):
        return "TRUE"


class Purge:
    def setUp(self):
        self.stack = contextlib.ExitStack()
        self.addCleanup(self.stack.close)
        self.server, self.open = self.make()
        self.stack.callback(self.server.close)
        self.tool = [os.path.join(build_dir(), "tests", "purge_tool"), self.server.config_path,
                     os.path.join(build_dir(), "lib", "lares", "plugins")]
        self.fresh = 1 << 40
        self.numbers = {}

    def ask_tool(self, *words):
        done = subprocess.run([*self.tool, *words], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def talk(self):
        """What clients make: two users, one of whom goes; two rooms, one of which goes. A third pair is there for rows of
        the test's own that have to stay, which no server could work with."""
        server = self.server
        self.carol = server.register("carol")
        self.filled = self.carol.create_room(name="filled")
        self.alice, self.bob = server.register("alice", refresh_token=True), server.register("bob")
        self.going, self.staying = self.alice.create_room(name="going"), self.bob.create_room(name="staying")
        self.bob.join(self.going)
        for number in range(20):
            self.alice.send(self.going, "message %d" % number)
            self.bob.send(self.staying, "message %d" % number)
        for client in (self.alice, self.bob):
            client.put("/_matrix/client/v3/devices/%s" % client.device_id, {"display_name": "phone"})
            client.sync()
            user, room = client.user_id, self.going if client is self.alice else self.staying
            event = client.send(room, "read this")
            wanted = [("PUT", "/profile/%s/displayname" % user, {"displayname": "x"}),
                      ("PUT", "/user/%s/account_data/x.test" % user, {"a": 1}),
                      ("PUT", "/user/%s/rooms/%s/account_data/x.test" % (user, room), {"a": 1}),
                      ("PUT", "/user/%s/rooms/%s/tags/u.x" % (user, room), {"order": 0.1}),
                      ("POST", "/user/%s/filter" % user, {"room": {}}),
                      ("POST", "/rooms/%s/receipt/m.read/%s" % (room, event), {}),
                      ("PUT", "/rooms/%s/typing/%s" % (room, user), {"typing": True, "timeout": 30000}),
                      ("PUT", "/presence/%s/status" % user, {"presence": "online", "status_msg": "x"}),
                      ("PUT", "/sendToDevice/m.test/1", {"messages": {user: {"*": {"a": 1}}}}),
                      ("PUT", "/directory/room/%%23%s:hs.test" % room[1:10].lower().replace("/", ""), {"room_id": room})]
            for method, path, body in wanted:
                # What a build does not have answers 404, and its tables are filled below all the same.
                client.raw(method, "/_matrix/client/v3" + path, body)
            client.sync()
        self.device = self.alice.device_id

    def settle(self):
        """What goes on after the answers, as a new name goes into all rooms, would go on at the next start: rows would come
        and go beside the purge."""
        with contextlib.closing(self.open()) as database:
            wait_until(lambda: database.rows("SELECT count(*) FROM account_tasks")[0][0] == 0, what="the end of all tasks")

    # -- rows of our own --------------------------------------------------------------------------------------------
    def number(self, kind, identifier):
        table, column = {"room": ("rooms", "room_id"), "user": ("users", "user_id")}[kind]
        if identifier not in self.numbers:
            self.numbers[identifier] = self.db.rows("SELECT number FROM %s WHERE %s = %s"
                                                    % (table, column, self.db.blob(identifier)))[0][0]
        return self.numbers[identifier]

    def reference(self, owner, who):
        """The value of an owner's column."""
        kind = "user" if owner["kind"] == "device" else owner["kind"]
        return str(self.number(kind, who[kind])) if owner["by_number"] else self.db.blob(who[kind])

    def make_row(self, table, fixed):
        self.fresh += 1
        values = []
        for name, kind in self.columns[table["name"]]:
            if name in fixed:
                values.append(fixed[name])
            elif kind == "bytea":
                values.append(self.db.blob("row %d" % self.fresh))
            elif kind == "boolean":
                values.append(self.db.true())
            elif kind == "text":
                values.append("'row %d'" % self.fresh)
            elif name.endswith("_ts"):
                # Not yet: what time has ended goes by itself.
                values.append(str(FUTURE + self.fresh))
            elif kind == "bigint" or kind == "double precision" or kind == "real":
                values.append(str(self.fresh))
            else:
                self.fail("%s.%s has a type that the test does not know: %s" % (table["name"], name, kind))
        names = ", ".join(name for name, _ in self.columns[table["name"]])
        return "INSERT INTO %s (%s) VALUES (%s) ON CONFLICT DO NOTHING" % (table["name"], names, ", ".join(values))

    def owners_of(self, table):
        return [owner for owner in table["owners"] if owner["kind"] in OWNED]

    def fill(self, who, rows):
        """Rows of every declared table that are `who`'s in every way the table has owners."""
        statements, keys = [], {}
        by_name = {table["name"]: table for table in self.tables}

        def depth(table):
            above = [owner["through"] for owner in table["owners"] if owner["through"]]
            return 1 + max((depth(by_name[name]) for name in above), default=0)

        for table in sorted(self.tables, key=depth):
            owners = self.owners_of(table)
            if table["name"] in INTERNED or not owners:
                continue
            for row in range(rows):
                fixed = {}
                for owner in owners:
                    if owner["through"]:
                        fixed[owner["column"]] = str(keys[owner["through"]][row % len(keys[owner["through"]])])
                    else:
                        fixed[owner["column"]] = self.reference(owner, who)
                        if owner["device_column"]:
                            fixed[owner["device_column"]] = self.db.blob(who["device"])
                self.fresh += 1
                if table["key"][0] not in fixed and dict(self.columns[table["name"]])[table["key"][0]] == "bigint":
                    fixed[table["key"][0]] = str(self.fresh)
                    keys.setdefault(table["name"], []).append(self.fresh)
                statements.append(self.make_row(table, fixed))
        self.db.run(statements)

    def left(self, who, kind):
        """How many rows each table has that belong to an owner of this kind."""
        counts = {}
        by_name = {table["name"]: table for table in self.tables}

        def condition(owner):
            if owner["through"]:
                parent = by_name[owner["through"]]
                first = next(o for o in parent["owners"] if o["kind"] == owner["kind"])
                return "%s IN (SELECT %s FROM %s WHERE %s)" % (owner["column"], parent["key"][0], parent["name"],
                                                               condition(first))
            found = "%s = %s" % (owner["column"], self.reference(owner, who))
            if kind == "device" and owner["device_column"]:
                found += " AND %s = %s" % (owner["device_column"], self.db.blob(who["device"]))
            return found

        for table in self.tables:
            for owner in self.owners_of(table):
                if owner["kind"] == kind or (kind == "user" and owner["kind"] == "device"):
                    where = condition(owner)
                    counts[table["name"]] = self.db.rows("SELECT count(*) FROM %s WHERE %s" % (table["name"], where))[0][0]
        return counts

    def orphans(self):
        """Rows that hang on a row which is not there."""
        by_name = {table["name"]: table for table in self.tables}
        counts = {}
        for table in self.tables:
            for owner in table["owners"]:
                if owner["through"]:
                    counts[table["name"]] = self.db.rows(
                        "SELECT count(*) FROM %s WHERE %s NOT IN (SELECT %s FROM %s)"
                        % (table["name"], owner["column"], by_name[owner["through"]]["key"][0], owner["through"]))[0][0]
        return counts

    def test_nothing_is_left_of_who_goes_and_everything_of_who_stays(self):
        self.server.start()
        self.talk()
        self.settle()
        self.assertEqual(self.server.stop(), 0)
        self.tables = json.loads(self.ask_tool("tables"))
        self.db = self.open()
        self.columns = {table["name"]: self.db.columns(table["name"]) for table in self.tables}
        goes = {"room": self.going, "user": self.alice.user_id, "device": self.device,
                "destination": "going.test", "server": "going.test"}
        filled = {"room": self.filled, "user": self.carol.user_id, "device": self.carol.device_id,
                  "destination": "filled.test", "server": "filled.test"}
        stays = {"room": self.staying, "user": self.bob.user_id, "device": self.bob.device_id,
                 "destination": "staying.test", "server": "staying.test"}
        orphans = self.orphans()
        self.fill(goes, ROWS)
        self.fill(filled, 3)
        for who in (goes, filled):
            for kind in OWNED:
                self.assertEqual([table for table, count in self.left(who, kind).items() if count == 0], [],
                                 "every table that a %s can own has to be filled" % kind)
        # A start does what tables hold as work to be done, which is then no longer there.
        self.db.close()
        self.ask_tool("purge", "room", "!nowhere:hs.test")
        self.db = self.open()

        for kind in ("device", "room", "user", "destination", "server"):
            others = [self.left(who, kind) for who in (filled, stays)]
            self.db.close()
            self.ask_tool("purge", kind, goes[kind if kind != "device" else "user"],
                          *([goes["device"]] if kind == "device" else []))
            self.db = self.open()
            self.assertEqual({table: count for table, count in self.left(goes, kind).items() if count}, {},
                             "left of the %s" % kind)
            self.assertEqual([self.left(who, kind) for who in (filled, stays)], others, "of another %s" % kind)
            self.assertEqual(self.orphans(), orphans)
        self.assertEqual(self.db.rows("SELECT count(*) FROM purges")[0][0], 0)
        self.db.close()

        # The server goes on with what is left, and the one who stays has lost nothing.
        self.server.start()
        self.assertEqual(len([e for e in self.bob.history(self.staying) if e["type"] == "m.room.message"]), 21)
        self.assertTrue(self.bob.send(self.staying, "still here"))
        self.assertIn(self.bob.error("GET", self.bob.room_path(self.going, "state")).status, (403, 404))
        self.assertEqual(self.alice.error("GET", "/_matrix/client/v3/account/whoami").status, 401)

    def test_what_time_has_ended_goes(self):
        self.server.start()
        self.talk()
        self.assertEqual(self.server.stop(), 0)
        self.db = self.open()
        self.db.run("UPDATE %s SET expires_ts = 1" % table for table in ("access_tokens", "refresh_tokens"))
        self.db.close()
        year_2100 = 4102444800000
        self.ask_tool("prune", str(year_2100))
        self.db = self.open()
        for table in ("event_transactions", "to_device_transactions", "uia_sessions"):
            self.assertEqual(self.db.rows("SELECT count(*) FROM %s" % table)[0][0], 0, table)
        self.db.close()
        # Who comes back after a long time has the same device, and keeps its keys.
        self.server.start()
        for answer in (self.bob.error("GET", "/_matrix/client/v3/account/whoami"), self.bob.error(
                "POST", "/_matrix/client/v3/refresh", {"refresh_token": self.alice.refresh_token})):
            self.assertEqual((answer.status, answer.errcode), (401, "M_UNKNOWN_TOKEN"))
            self.assertIs(answer.body["soft_logout"], True)


class PurgeOnSqlite(Purge, unittest.TestCase):
    def make(self):
        server = Server()
        return server, lambda: Sqlite(server)


class PurgeOnPostgres(Purge, unittest.TestCase):
    def make(self):
        postgres = self.stack.enter_context(Postgres())
        settings = postgres.create_database()
        return Server(database=settings), lambda: Postgresql(postgres, settings)


if __name__ == "__main__":
    unittest.main(warnings="ignore")
