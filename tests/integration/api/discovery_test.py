# SPDX-License-Identifier: Apache-2.0
"""What a client asks before it knows anything: versions, where the server is, capabilities, whether a name is free."""

import unittest

from lares_test import Server

V3 = "/_matrix/client/v3"


class DiscoveryTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(Server(config={"public_baseurl": "https://matrix.a.example/"}))

    def check_error(self, error, status, errcode):
        self.assertEqual((error.status, error.errcode), (status, errcode), error)

    def test_anyone_learns_the_versions(self):
        answer = self.server.client().get("/_matrix/client/versions")
        self.assertLessEqual({"v1.1", "v1.11"}, set(answer["versions"]))
        self.assertIsInstance(answer["unstable_features"], dict)
        self.assertEqual(self.server.register("versions").get("/_matrix/client/versions"), answer)

    def test_anyone_learns_where_the_server_is(self):
        answer = self.server.client().raw("GET", "/.well-known/matrix/client")
        self.assertEqual((answer.status, answer.json),
                         (200, {"m.homeserver": {"base_url": "https://matrix.a.example/"}}))
        self.assertEqual(answer.headers["Access-Control-Allow-Origin"], "*")
        self.assertEqual(answer.headers.get_content_type(), "application/json")

    def test_a_user_learns_what_the_server_can_do(self):
        path = V3 + "/capabilities"
        self.check_error(self.server.client().error("GET", path), 401, "M_MISSING_TOKEN")
        alice = self.server.register("capable")
        can = alice.get(path)["capabilities"]
        versions = can["m.room_versions"]
        self.assertEqual(versions["available"][versions["default"]], "stable")
        self.assertTrue(can["m.change_password"]["enabled"])
        room = alice.create_room()
        create = alice.get(alice.room_path(room, "state", "m.room.create"))
        self.assertEqual(create["room_version"], versions["default"])

    def test_a_name_is_free_until_somebody_has_it(self):
        client = self.server.client()
        path = V3 + "/register/available"
        self.assertEqual(client.get(path, username="newcomer"), {"available": True})
        self.server.register("newcomer")
        for name, errcode in (("newcomer", "M_USER_IN_USE"), ("UPPER case!", "M_INVALID_USERNAME"),
                              ("x" * 300, "M_INVALID_USERNAME")):
            error = client.error("GET", path + "?username=" + name.replace(" ", "%20"))
            self.check_error(error, 400, errcode)
        self.check_error(client.error("GET", path), 400, "M_MISSING_PARAM")


if __name__ == "__main__":
    unittest.main()
