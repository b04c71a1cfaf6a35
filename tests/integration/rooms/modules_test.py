# SPDX-License-Identifier: Apache-2.0
"""invite_guard, as it is shipped, asked by what clients do: what it refuses does not happen, the rest does."""

import unittest

from engines import V3
from lares_test import Server

CONFIG = {"modules": [{"module": "invite_guard", "config": {
    "invites": {"per_user": 2, "seconds": 3600}, "rooms": {"per_user": 3, "seconds": 3600},
    "denied_servers": ["*.spam.test"], "exempt_users": ["@exempt:*"], "denied_words": ["casino*"]}}]}


class ModulesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(Server(config=CONFIG))

    def refused(self, error, status=403, errcode="M_FORBIDDEN"):
        self.assertEqual((error.status, error.errcode), (status, errcode), error)

    def too_many(self, error):
        self.refused(error, 429, "M_LIMIT_EXCEEDED")

    def test_invitations_beyond_the_bound_are_refused_one_by_one_and_with_a_new_room(self):
        host = self.server.register("host")
        guests = [self.server.register("guest%d" % i) for i in range(4)]
        room = host.create_room(preset="private_chat", invite=[guests[0].user_id])
        host.invite(room, guests[1].user_id)
        self.too_many(host.error("POST", host.room_path(room, "invite"), {"user_id": guests[2].user_id}))
        self.assertNotIn("rooms", guests[2].sync())
        self.too_many(host.error("POST", V3 + "/createRoom", {"invite": [guests[3].user_id]}))
        self.assertNotIn("rooms", guests[3].sync())
        self.assertIn(room, guests[0].sync()["rooms"]["invite"])

    def test_servers_and_words_that_are_denied_are_refused_and_exempt_users_are_not(self):
        user, exempt = self.server.register("talker"), self.server.register("exempt")
        room = user.create_room()
        exempt.join(room)
        self.refused(user.error("POST", user.room_path(room, "invite"), {"user_id": "@x:bad.spam.test"}))
        path = user.room_path(room, "send", "m.room.message", "1")
        body = {"msgtype": "m.text", "body": "come to the casino"}
        self.refused(user.error("PUT", path, body))
        exempt.send(room, body["body"])
        user.send(room, "come for a walk")
        self.assertEqual([event["content"]["body"] for event in user.history(room) if event["type"] == "m.room.message"],
                         ["come to the casino", "come for a walk"])

    def test_rooms_beyond_the_bound_are_refused(self):
        user = self.server.register("builder")
        for _ in range(3):
            user.create_room()
        self.too_many(user.error("POST", V3 + "/createRoom", {}))
        self.assertEqual(len(user.get(V3 + "/joined_rooms")["joined_rooms"]), 3)


if __name__ == "__main__":
    unittest.main()
