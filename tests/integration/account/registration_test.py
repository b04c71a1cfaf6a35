# SPDX-License-Identifier: Apache-2.0
"""What a real server asks of its configuration before it lets anyone register."""

import os
import unittest

from lares_test import Server, wait_until

REGISTER = "/_matrix/client/v3/register"


class OpenRegistration(unittest.TestCase):
    CONFIRMED = "enable_registration_without_verification"

    def test_registration_open_by_mistake_does_not_start(self):
        server = Server(config={self.CONFIRMED: False, "registrations_require_3pid": ["email"],
                                "enable_registration_captcha": True})
        self.addCleanup(server.close)
        server.process.start()
        self.assertEqual(server.process.wait(), 78)
        for sentence in (": enable_registration: anyone could register accounts without showing anything; set "
                         "`registration_requires_token: true`, or confirm that this is meant by "
                         "`enable_registration_without_verification: true`",
                         ": registrations_require_3pid: registration cannot ask for email addresses",
                         ": enable_registration_captcha: registration cannot ask for a captcha"):
            self.assertIn(server.config_path + ":", server.process.log_text())
            self.assertIn(sentence, server.process.log_text())

    def test_a_reload_does_not_open_it_by_mistake_either(self):
        with Server(config={"enable_registration": False, self.CONFIRMED: False}) as server:
            refused = server.client().error("POST", REGISTER, {})
            self.assertEqual((refused.status, refused.errcode), (403, "M_FORBIDDEN"))
            server.config["enable_registration"] = True
            server.write_config()
            server.reload()
            wait_until(lambda: "anyone could register accounts" in server.process.log_text())
            refused = server.client().error("POST", REGISTER, {})
            self.assertEqual((refused.status, refused.errcode), (403, "M_FORBIDDEN"))
            server.config[self.CONFIRMED] = True
            server.write_config()
            server.reload()
            wait_until(lambda: server.client().error("POST", REGISTER, {}).status == 401)
            server.register("alice")

    def test_guests_are_not_admitted_before_the_configuration_says_so(self):
        with Server() as server:
            for body in ({}, {"initial_device_display_name": "a borrowed browser"}):
                refused = server.client().error("POST", REGISTER + "?kind=guest", body)
                self.assertEqual((refused.status, refused.errcode), (403, "M_FORBIDDEN"), refused)
            server.register("alice")

    def test_a_reload_does_not_lose_a_secret_whose_file_is_away(self):
        with Server() as server:
            path = os.path.join(server.folder, "secret")
            with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
                file.write(server.config["registration_shared_secret"])
            written = dict(server.config, registration_shared_secret_path=path)
            del written["registration_shared_secret"]
            secret, server.config = server.config["registration_shared_secret"], written
            server.write_config()
            server.restart()
            os.remove(path)
            server.reload()
            wait_until(lambda: path + " is not there" in server.process.log_text())
            server.config = dict(written, registration_shared_secret=secret)
            self.assertTrue(server.register_admin("admin").get("/_matrix/client/v3/account/whoami")["user_id"])


if __name__ == "__main__":
    unittest.main()
