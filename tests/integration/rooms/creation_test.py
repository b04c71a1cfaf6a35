# SPDX-License-Identifier: Apache-2.0
"""What a room begins with: what is the client's to say, and what the administrator."""

import subprocess
import unittest

from engines import V3
from lares_test import Server, wait_until


class CreationTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(Server())

    def state(self, client, room, kind, key=""):
        return client.get(client.room_path(room, "state", kind, key))

    def test_creator_and_version_are_not_the_clients_to_say(self):
        alice = self.server.register("alice")
        for version, creator in (("10", alice.user_id), ("11", None), ("12", None)):
            room = alice.create_room(room_version=version, creation_content={
                "creator": "@somebody:else.test", "room_version": "1", "com.example.kept": True})
            content = self.state(alice, room, "m.room.create")
            self.assertEqual((content.get("creator"), content["room_version"], content["com.example.kept"]),
                             (creator, version, True))

    def test_only_a_known_version_is_the_one_of_new_rooms(self):
        self.server.config["default_room_version"] = "11"
        self.server.write_config()
        self.server.reload()
        bob = self.server.register("bob")
        wait_until(lambda: self.state(bob, bob.create_room(), "m.room.create")["room_version"] == "11",
                   what="rooms of the new default version")
        self.server.config["default_room_version"] = "99"
        self.server.write_config()
        self.addCleanup(self.server.config.pop, "default_room_version")
        checked = subprocess.run([*self.server.process.command, "--check-config"], capture_output=True, text=True, timeout=60)
        self.assertEqual(checked.returncode, 78)
        self.assertIn("default_room_version", checked.stdout + checked.stderr)


if __name__ == "__main__":
    unittest.main()
