# SPDX-License-Identifier: Apache-2.0
"""laresctl with the plugins of this build: what an administrator types and reads."""

import json
import os
import re
import shutil
import stat
import subprocess
import tempfile
import unittest

from lares_test import Server
from lares_test.server import build_dir, source_dir

EXIT_USAGE = 64
EXIT_CONFIG = 78


def laresctl(*arguments, environment=None, given=""):
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("LARES_")}
    return subprocess.run([os.path.join(build_dir(), "bin", "laresctl"), *arguments], input=given, text=True,
                          capture_output=True, timeout=120, env={**inherited, **(environment or {})})


class LaresctlTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="lares-ctl-", dir="/tmp")
        self.addCleanup(shutil.rmtree, self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w") as file:
            file.write(text)
        os.chmod(self.path(name), 0o600)
        return self.path(name)

    def generate(self, *options):
        done = laresctl("config", "generate", "--server-name", "hs.test", "--config-dir", self.path("etc"),
                        "--data-dir", self.path("data"), *options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return self.path("etc/homeserver.yaml")


class Config(LaresctlTest):
    def test_a_generated_configuration_passes_the_check_without_a_warning(self):
        done = laresctl("config", "check", "--config-path", self.generate("--open-registration", "--no-rate-limits"))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"^The configuration of hs\.test is right: \d+ plugins would start")

    def test_generated_secrets_are_for_the_server_alone(self):
        self.generate()
        for name in ("hs.test.signing.key", "hs.test.registration_secret"):
            self.assertEqual(stat.S_IMODE(os.stat(self.path("etc/" + name)).st_mode), 0o600)

    def test_the_daemon_takes_a_generated_configuration(self):
        done = subprocess.run([os.path.join(build_dir(), "bin", "laresd"), "--check-config", "-c", self.generate()],
                              text=True, capture_output=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_every_error_is_reported_at_once_with_its_place(self):
        first = self.write("a.yaml", "server_name: hs.test\nenable_registraton: true\nlog: {level: loud}\n")
        self.write("conf.d/b.yaml", "listeners:\n  - prot: 8008\n"
                   "default_power_level_content_override: {public_chat: 5}\n"
                   "room_prejoin_state: {additional_event_types: [m.room.topic, [one]]}\n"
                   "auto_join_rooms: ['#welcome:hs.test', welcome]\n")
        done = laresctl("config", "check", "-c", first, "-c", self.path("conf.d"))
        self.assertEqual(done.returncode, EXIT_CONFIG)
        said = done.stderr.replace(self.folder + "/", "")
        self.assertIn("a.yaml:2: error: enable_registraton: unknown key; did you mean enable_registration?\n", said)
        self.assertIn("a.yaml:3: error: log.level: expected one of debug,", said)
        self.assertIn("conf.d/b.yaml:2: error: listeners[0].prot: unknown key; did you mean port?\n", said)
        self.assertIn("conf.d/b.yaml:2: error: listeners[0]: has neither port nor path", said)
        # What only the plugin that reads a key can say.
        self.assertIn("conf.d/b.yaml:3: error: default_power_level_content_override.public_chat: expected a mapping of keys "
                      "of m.room.power_levels, found \"5\"\n", said)
        self.assertIn("conf.d/b.yaml:4: error: room_prejoin_state.additional_event_types: expected a list of types, or of "
                      "pairs of a type and a state key, found a list\n", said)
        self.assertIn("conf.d/b.yaml:5: error: auto_join_rooms: expected room aliases, such as #welcome:example.org, "
                      "found a list\n", said)

    def test_what_is_missing_is_reported_together_with_what_is_written_wrongly(self):
        config = self.write("homeserver.yaml", """\
server_name: hs.test
presence: {enabled: maybe}
database: {name: psycopg2, args: {port: abc, sslmode: sure, keepalives_idle: often, password: [x], user: 5}}
data_dir: /nowhere/data
signing_key_path: /nowhere/signing.key
log: {file: /nowhere/lares.log}
listeners:
  - {port: 8448, tls: true, tls_certificate_path: /nowhere/c, tls_private_key_path: /nowhere/k, resources: [{names: [client]}]}
modules:
  - {module: nowhere}
  - {module: relative/path}
""")
        done = laresctl("config", "check", "-c", config)
        self.assertEqual(done.returncode, EXIT_CONFIG)
        said = done.stderr.replace(self.folder + "/", "")
        missing = "No such file or directory\n"
        for line in ('2: error: presence.enabled: expected one of true, false, untracked, found "maybe"\n',
                     '3: error: database.args.port: expected an integer from 1 to 65535, found "abc"\n',
                     '3: error: database.args.sslmode: expected one of disable, allow,',
                     '3: error: database.args.keepalives_idle: expected an integer',
                     "3: error: database.args.password: expected a text, found a list\n",
                     "4: error: data_dir: cannot open the folder /nowhere/data: " + missing,
                     "5: error: signing_key_path: cannot open the folder /nowhere: " + missing,
                     "6: error: log.file: cannot open the folder /nowhere: " + missing,
                     "8: error: listeners[0].tls_certificate_path: cannot read /nowhere/c: " + missing,
                     "8: error: listeners[0].tls_private_key_path: cannot read /nowhere/k: " + missing,
                     '10: error: modules[0].module: there is no module "nowhere": ',
                     '11: error: modules[1].module: "relative/path" is neither the name of a module'):
            self.assertIn("homeserver.yaml:" + line, said)
        self.assertEqual(len(said.splitlines()), 12, said)

    def test_a_plugin_folder_that_is_not_there_is_reported_with_its_place(self):
        config = self.write("homeserver.yaml", "server_name: hs.test\nplugin_folders: [/nowhere/a, /nowhere/b]\n")
        done = laresctl("config", "check", "-c", config)
        self.assertEqual(done.returncode, EXIT_CONFIG)
        for folder in ("/nowhere/a", "/nowhere/b"):
            self.assertIn("%s:2: error: plugin_folders: %s: the plugin folder cannot be read: No such file" % (config, folder),
                          done.stderr)

    def test_who_only_asks_needs_no_files_of_the_server(self):
        config = self.write("homeserver.yaml", "server_name: hs.test\ndata_dir: /nowhere\n")
        self.assertEqual(laresctl("config", "check", "-c", config).returncode, EXIT_CONFIG)
        self.assertEqual(laresctl("routes", "-c", config).returncode, 0)

    def test_an_older_rate_limit_counts_with_a_warning(self):
        config = self.write("homeserver.yaml", "server_name: hs.test\nrc_messages_per_second: 3\nrc_message_burst_count: 7\n")
        done = laresctl("config", "check", "-c", config)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("rc_messages_per_second: is the older name of rc_message.per_second; it still works\n", done.stderr)
        self.assertRegex(laresctl("config", "explain", "rc_message.burst_count", "-c", config).stdout, r"value +7")

    def test_an_explanation_has_the_value_in_force_and_its_place(self):
        config = self.generate()
        done = laresctl("config", "explain", "log.level", "-c", config, environment={"LARES_LOG__LEVEL": "warning"})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"value +warning\n +from +environment LARES_LOG__LEVEL\n")
        self.assertRegex(laresctl("config", "explain", "server_name", "-c", config).stdout,
                         r"value +hs\.test\n +from +\S+homeserver\.yaml:\d+\n")

    def test_an_explanation_shows_no_secret(self):
        config = self.generate()
        with open(self.path("etc/hs.test.registration_secret")) as file:
            secret = file.read().strip()
        done = laresctl("config", "explain", "registration_shared_secret", "-c", config)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("(set, not shown)", done.stdout)
        self.assertNotIn(secret, done.stdout)

    def test_an_explanation_of_no_key_names_the_nearest(self):
        done = laresctl("config", "explain", "server_nmae", "-c", self.generate())
        self.assertEqual(done.returncode, EXIT_CONFIG)
        self.assertEqual(done.stderr, "laresctl: there is no key server_nmae; did you mean server_name?\n")

    def test_the_reference_in_the_documentation_is_what_laresctl_prints(self):
        done = laresctl("config", "reference")
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(os.path.join(source_dir(), "docs", "reference", "configuration.md")) as file:
            self.assertEqual(file.read(), done.stdout,
                             "run: laresctl config reference > docs/reference/configuration.md")

    def test_the_examples_are_right(self):
        etc = os.path.join(source_dir(), "etc")
        secret = self.write("secret", "secret of the tests")
        done = laresctl("config", "check", "-c", os.path.join(etc, "homeserver.example.yaml"),
                        environment={"LARES_REGISTRATION_SHARED_SECRET_PATH": secret, "LARES_DATA_DIR": self.folder,
                                     "LARES_SIGNING_KEY_PATH": self.path("signing.key")})
        self.assertEqual((done.returncode, done.stderr), (0, ""))


class MadeSecret(LaresctlTest):
    def test_is_made_at_the_start_for_the_server_alone_and_registers_users(self):
        secret = self.path("shared_secret")
        server = Server(config={"registration_shared_secret_path": secret})
        del server.config["registration_shared_secret"]
        server.write_config()
        done = laresctl("config", "check", "-c", server.config_path)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertFalse(os.path.exists(secret))
        with server:
            self.assertEqual(stat.S_IMODE(os.stat(secret).st_mode), 0o600)
            done = laresctl("register-user", "-u", "alice", "-c", server.config_path, given="correct horse\n")
            self.assertEqual(done.returncode, 0, done.stderr)


class Routes(LaresctlTest):
    def test_each_has_method_path_plugin_access_flags_and_shard_key(self):
        config = self.generate()
        done = laresctl("routes", "-c", config)
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = done.stdout.splitlines()
        self.assertEqual(lines[0].split(), ["METHOD", "PATH", "PLUGIN", "ACCESS", "RESOURCE", "SHARD", "FLAGS"])
        self.assertTrue(any(re.match(r"GET +/health ", line) for line in lines), done.stdout)
        listed = json.loads(laresctl("routes", "--json", "-c", config).stdout)
        self.assertEqual(len(listed), len(lines) - 1)
        self.assertTrue(all(route["plugin"] and route["access"] for route in listed))


class Usage(LaresctlTest):
    def test_every_command_has_a_help(self):
        commands = [line.split("  ")[1] for line in laresctl("--help").stdout.splitlines() if line.startswith("  ")]
        self.assertGreaterEqual(len(commands), 7)
        for command in commands:
            words = [word for word in command.split() if not word.isupper()]
            done = laresctl(*words, "--help")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("laresctl " + " ".join(words), done.stdout)

    def test_what_makes_no_sense_is_said(self):
        self.assertEqual(laresctl().returncode, EXIT_USAGE)
        self.assertEqual(laresctl("nonsense").returncode, EXIT_USAGE)
        done = laresctl("config", "check", "--confg-path", "x")
        self.assertEqual(done.returncode, EXIT_USAGE)
        self.assertIn("did you mean --config-path?", done.stderr)
        self.assertEqual(laresctl("config", "explain").returncode, EXIT_USAGE)


class Passwords(LaresctlTest):
    def test_are_hashed_as_the_server_keeps_them(self):
        done = laresctl("hash-password", given="correct horse\n")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(done.stdout.startswith("$argon2id$"), done.stdout)
        self.assertNotEqual(laresctl("hash-password", given="correct horse\n").stdout, done.stdout)
        self.assertEqual(laresctl("hash-password", given="").returncode, 1)


class RunningServer(LaresctlTest):
    def test_registers_users_and_administrators(self):
        with Server(config={"enable_registration": False}) as server:
            for name, options in (("ann", ["--admin"]), ("bob", [])):
                done = laresctl("register-user", "-u", name, "-c", server.config_path, *options,
                                given="correct horse\n")
                self.assertEqual((done.returncode, done.stdout), (0, "registered @%s:hs.test\n" % name), done.stderr)
            client = server.client()
            answer = client.post("/_matrix/client/v3/login", {
                "type": "m.login.password", "identifier": {"type": "m.id.user", "user": "bob"},
                "password": "correct horse"})
            self.assertEqual(answer["user_id"], "@bob:hs.test")
            again = laresctl("register-user", "-u", "bob", "-c", server.config_path, given="correct horse\n")
            self.assertEqual(again.returncode, 1)
            self.assertIn("M_USER_IN_USE", again.stderr)

    def test_says_that_the_secret_is_wrong(self):
        with Server() as server:
            secret = self.write("secret", "another")
            done = laresctl("register-user", "-u", "eve", "--url", server.base, "--shared-secret-path", secret,
                            given="correct horse\n")
            self.assertEqual(done.returncode, 1)
            self.assertIn("the server refused: M_FORBIDDEN", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
