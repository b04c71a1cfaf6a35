# SPDX-License-Identifier: Apache-2.0
"""A database belongs to one server name: under another nothing is served from it."""

import os
import re
import sqlite3
import unittest

from lares_test import Postgres, Server, wait_until


class ServerName:
    def setUp(self):
        # Named, since the default follows the server's name.
        self.server = self.enterContext(Server(config={"public_baseurl": "https://hs.test/"}, database=self.make_database()))

    def make_database(self):
        return None

    def refused(self):
        self.server.process.start()
        self.assertEqual(self.server.process.wait(60), 78)
        self.assertIn("server_name is other.test, and the database is that of hs.test: its users and rooms bear this name, "
                      "which cannot be changed. Set server_name to hs.test again, or give other.test a database of its own.",
                      self.server.process.log_text())

    def test_the_database_of_one_name_is_not_served_under_another(self):
        self.server.register("alice")
        self.server.stop()
        self.server.config["server_name"] = "other.test"
        self.server.write_config()
        self.refused()
        self.server.config["server_name"] = "hs.test"
        self.server.write_config()
        self.server.start()

    def test_a_reload_refuses_another_name(self):
        self.server.config["server_name"] = "other.test"
        self.server.write_config()
        self.server.reload()
        line = wait_until(lambda: re.search("Reloaded.*", self.server.process.log_text()), timeout=10).group()
        self.assertEqual(line, "Reloaded. Refused: server_name: the database is that of hs.test, whose users and rooms "
                               "bear this name.")


class ServerNameOnSqlite(ServerName, unittest.TestCase):
    def test_a_database_from_before_takes_the_configured_name(self):
        self.server.stop()
        with sqlite3.connect(os.path.join(self.server.folder, "homeserver.db")) as database:
            database.execute("DELETE FROM database_server")
        database.close()
        self.server.start()
        self.server.stop()
        self.server.config["server_name"] = "other.test"
        self.server.write_config()
        self.refused()


class ServerNameOnPostgres(ServerName, unittest.TestCase):
    def make_database(self):
        return self.enterContext(Postgres()).create_database()


if __name__ == "__main__":
    unittest.main()
