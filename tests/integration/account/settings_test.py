# SPDX-License-Identifier: Apache-2.0
"""What the configuration makes of accounts: passwords, profiles, lifetimes, a server that is closed for a while."""

import os
import sqlite3
import subprocess
import unittest

from lares_test import Server, build_dir, wait_until

V3 = "/_matrix/client/v3"
REGISTER = V3 + "/register"


class SettingsTest(unittest.TestCase):
    def start(self, **config):
        return self.enterContext(Server(config=config))

    def change(self, server, **config):
        """A reload after which `config` is in force."""
        before = server.process.log_text().count("Reloaded")
        server.config.update(config)
        server.write_config()
        server.reload()
        wait_until(lambda: server.process.log_text().count("Reloaded") > before)

    def check_error(self, error, status, errcode):
        self.assertEqual((error.status, error.errcode), (status, errcode), error)

    def capabilities(self, client):
        return client.get(V3 + "/capabilities")["capabilities"]

    def login(self, client, password):
        return {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": client.user_id},
                "password": password}

    def test_a_new_password_is_held_to_the_policy(self):
        server = self.start(password_config={"policy": {
            "enabled": True, "minimum_length": 8, "require_digit": True, "require_symbol": True,
            "require_lowercase": True, "require_uppercase": True}})
        user = server.register("alice", password="Pässw0rd!")
        for password, errcode in (("Päss0r!", "M_PASSWORD_TOO_SHORT"), ("Password!", "M_PASSWORD_NO_DIGIT"),
                                  ("Passw0rds", "M_PASSWORD_NO_SYMBOL"), ("PASSW0RD!", "M_PASSWORD_NO_LOWERCASE"),
                                  ("passw0rd!", "M_PASSWORD_NO_UPPERCASE"), ("", "M_INVALID_PARAM")):
            if password:
                self.check_error(user.error("POST", REGISTER, {
                    "username": "bob", "password": password, "auth": {"type": "m.login.dummy"}}), 400, errcode)
            self.check_error(user.error("POST", V3 + "/account/password", {
                "new_password": password, "auth": {**self.login(user, user.password)}}), 400, errcode)
        self.change(server, password_config={})
        server.register("bob", password="x")

    def test_passwords_can_be_switched_off(self):
        server = self.start()
        user = server.register("alice")
        self.assertTrue(self.capabilities(user)["m.change_password"]["enabled"])
        self.change(server, password_config={"enabled": "only_for_reauth"})
        self.assertEqual(user.get(V3 + "/login"), {"flows": []})
        self.check_error(user.error("POST", V3 + "/login", self.login(user, user.password)), 400, "M_UNKNOWN")
        user.post(V3 + "/account/password", {"new_password": "another", "logout_devices": False,
                                             "auth": self.login(user, user.password)})
        self.change(server, password_config={"enabled": False})
        self.assertFalse(self.capabilities(user)["m.change_password"]["enabled"])
        self.check_error(user.error("POST", V3 + "/account/password", {
            "new_password": "third", "auth": self.login(user, "another")}), 403, "M_FORBIDDEN")
        self.check_error(user.error("DELETE", V3 + "/devices/x", {"auth": self.login(user, "another")}),
                         403, "M_FORBIDDEN")
        self.change(server, password_config={"localdb_enabled": False})
        self.check_error(user.error("POST", V3 + "/login", self.login(user, "another")), 400, "M_UNKNOWN")
        self.change(server, password_config={})
        server.client().login("alice", "another")

    def test_a_pepper_is_part_of_every_password(self):
        server = self.start(password_config={"pepper": "salt and"})
        user = server.register("alice")
        server.client().login("alice", user.password)
        server.stop()
        made = subprocess.run([os.path.join(build_dir(), "bin", "laresctl"), "hash-password", "-c", server.config_path],
                              input="by hand\n", text=True, check=True, capture_output=True)
        database = sqlite3.connect(server.config["database"]["args"]["database"])
        with database:
            database.execute("UPDATE accounts SET password_hash = ?", (made.stdout.strip(),))
        database.close()
        server.start()
        server.client().login("alice", "by hand")
        server.config["password_config"]["pepper"] = "another"
        server.write_config()
        server.restart()
        self.check_error(user.error("POST", V3 + "/login", self.login(user, "by hand")), 403, "M_FORBIDDEN")

    def test_profiles_are_for_those_whom_the_administrator_lets_see_them(self):
        server = self.start(require_auth_for_profile_requests=True)
        alice, bob, nobody = server.register("alice"), server.register("bob"), server.client()
        path = V3 + "/profile/" + alice.user_id
        alice.put(path + "/displayname", {"displayname": "Alice"})
        for end in ("", "/displayname"):
            self.check_error(nobody.error("GET", path + end), 401, "M_MISSING_TOKEN")
            self.assertEqual(bob.get(path + end)["displayname"], "Alice")
        server.config.update(require_auth_for_profile_requests=False,
                             limit_profile_requests_to_users_who_share_rooms=True)
        server.write_config()
        server.restart()
        for end in ("", "/displayname"):
            self.check_error(nobody.error("GET", path + end), 401, "M_MISSING_TOKEN")
            self.check_error(bob.error("GET", path + end), 403, "M_FORBIDDEN")
            self.assertEqual(alice.get(path + end)["displayname"], "Alice")
        bob.join(alice.create_room())
        self.assertEqual(bob.get(path)["displayname"], "Alice")

    def test_names_and_avatars_can_be_fixed(self):
        server = self.start(enable_set_displayname=False)
        alice, admin = server.register("alice"), server.register_admin("admin")
        said = self.capabilities(alice)
        self.assertEqual((said["m.set_displayname"], said["m.set_avatar_url"], said["m.profile_fields"]),
                         ({"enabled": False}, {"enabled": True}, {"enabled": True, "disallowed": ["displayname"]}))
        name = V3 + "/profile/%s/displayname"
        alice.put(name % alice.user_id, {"displayname": "Alice"})
        self.check_error(alice.error("PUT", name % alice.user_id, {"displayname": "Bob"}), 403, "M_FORBIDDEN")
        self.check_error(alice.error("DELETE", name % alice.user_id), 403, "M_FORBIDDEN")
        for text in ("One", "Two"):
            admin.put(name % admin.user_id, {"displayname": text})
        avatar = V3 + "/profile/%s/avatar_url" % alice.user_id
        alice.put(avatar, {"avatar_url": "mxc://hs.test/a"})
        self.change(server, enable_set_displayname=True, enable_set_avatar_url=False)
        alice.put(name % alice.user_id, {"displayname": "Bob"})
        self.check_error(alice.error("PUT", avatar, {"avatar_url": "mxc://hs.test/b"}), 403, "M_FORBIDDEN")

    def test_a_closed_server_turns_everybody_away_but_administrators(self):
        server = self.start(hs_disabled_message="Back at noon.", admin_contact="mailto:admin@hs.test")
        alice, admin = server.register("alice"), server.register_admin("admin")
        alice.get(V3 + "/account/whoami")
        self.change(server, hs_disabled=True)
        for error in (alice.error("GET", V3 + "/account/whoami"), alice.error("GET", V3 + "/sync"),
                      alice.error("POST", V3 + "/login", self.login(alice, alice.password)),
                      alice.error("POST", REGISTER, {})):
            self.check_error(error, 403, "M_RESOURCE_LIMIT_EXCEEDED")
            self.assertEqual((error.body["error"], error.body["admin_contact"]),
                             ("Back at noon.", "mailto:admin@hs.test"))
        admin.get(V3 + "/account/whoami")
        server.client().login("admin", admin.password or "correct horse")
        self.change(server, hs_disabled=False)
        alice.get(V3 + "/account/whoami")

    def test_a_token_that_cannot_be_refreshed_holds_as_long_as_it_may(self):
        server = self.start(nonrefreshable_access_token_lifetime="1h", session_lifetime="2h")
        user = server.register("alice")
        answer = user.post(V3 + "/login", self.login(user, user.password))
        self.assertEqual(answer["expires_in_ms"], 3600_000)

    def test_a_taken_name_is_told_at_the_end_alone(self):
        server = self.start(inhibit_user_in_use_error=True)
        server.register("alice")
        client = server.client()
        self.assertEqual(client.get(REGISTER + "/available", username="alice"), {"available": True})
        self.assertEqual(client.error("POST", REGISTER, {"username": "alice", "password": "x"}).status, 401)
        self.check_error(client.error("POST", REGISTER, {"username": "alice", "password": "x",
                                                         "auth": {"type": "m.login.dummy"}}), 400, "M_USER_IN_USE")

    def test_who_has_shown_who_they_are_is_not_asked_again_for_a_while(self):
        server = self.start(ui_auth={"session_timeout": "1h"})
        user = server.register("alice")
        for name in ("ONE", "TWO"):
            server.client().login("alice", user.password, device_id=name)
        self.assertEqual(user.error("DELETE", V3 + "/devices/ONE").status, 401)
        user.delete(V3 + "/devices/ONE", {"auth": self.login(user, user.password)})
        user.delete(V3 + "/devices/TWO")
        for path, body in (("/account/password", {"new_password": "x"}), ("/account/deactivate", {})):
            self.assertEqual(user.error("POST", V3 + path, body).status, 401)
        self.change(server, ui_auth={})
        self.assertEqual(user.error("DELETE", V3 + "/devices/THREE").status, 401)

    def test_the_default_room_version_is_told(self):
        server = self.start(default_room_version="11")
        user = server.register("alice")
        self.assertEqual(self.capabilities(user)["m.room_versions"]["default"], "11")
        self.change(server, default_room_version="10")
        self.assertEqual(self.capabilities(user)["m.room_versions"]["default"], "10")

    def test_the_older_key_of_registration_is_read(self):
        server = self.start(enable_registration=False, disable_registration=False)
        server.register("alice")
        self.change(server, enable_registration=True, disable_registration=True)
        self.check_error(server.client().error("POST", REGISTER, {}), 403, "M_FORBIDDEN")


if __name__ == "__main__":
    unittest.main()
