# SPDX-License-Identifier: Apache-2.0
"""What SIGTERM, SIGINT and SIGHUP do, and what the service manager hears about it."""

import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import unittest

from lares_test import reserve_port, wait_until
from lares_test.server import build_dir

LARESD = os.path.join(build_dir(), "bin", "laresd")
LIBRARIES = os.path.join(build_dir(), "tests", "host")


class Manager:
    """The service manager's end of the notification socket."""

    def __init__(self, folder):
        self.address = os.path.join(folder, "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.address)
        self.socket.settimeout(30)

    def wait_for(self, first_line):
        while True:
            message = self.socket.recv(4096).decode()
            if message.splitlines()[0] == first_line:
                return message

    def close(self):
        self.socket.close()


class Signals(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="lares-signals-", dir="/tmp")
        self.addCleanup(shutil.rmtree, self.folder)
        self.manager = Manager(self.folder)
        self.addCleanup(self.manager.close)
        self.port = reserve_port()
        self.config = {"server_name": "hs.test", "signing_key_path": os.path.join(self.folder, "signing.key"),
                       "pid_file": os.path.join(self.folder, "pid"),
                       "log": {"file": os.path.join(self.folder, "log")},
                       "listeners": [{"port": self.port, "bind_addresses": ["127.0.0.1"], "type": "http",
                                      "resources": [{"names": ["client", "health"]}]}]}

    def write_config(self):
        path = os.path.join(self.folder, "homeserver.yaml")
        with open(path, "w") as file:
            json.dump(self.config, file)
        os.chmod(path, 0o600)
        return path

    def launch(self, *plugins, **environment):
        folders = [argument for plugin in plugins for argument in ("--plugin-folder", os.path.join(LIBRARIES, plugin))]
        process = subprocess.Popen([LARESD, "-c", self.write_config(), *folders],
                                   env={**os.environ, "NOTIFY_SOCKET": self.manager.address, **environment}, stderr=subprocess.PIPE)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def start(self, plugin, **environment):
        process = self.launch(plugin, **environment)
        ready = self.manager.wait_for("READY=1")
        self.assertIn("MAINPID=%d" % process.pid, ready)
        return process

    def get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def log(self):
        with open(self.config["log"]["file"]) as file:
            return file.read()

    def test_ready_means_that_it_answers(self):
        self.start("waiting")
        self.assertEqual(self.get("/health"), (200, "OK"))

    def in_flight(self, *paths):
        """Requests that the server is working on: threads and where their answers come."""
        answers = {}

        def ask(path):
            answers[path] = self.get(path)

        threads = [threading.Thread(target=ask, args=(path,)) for path in paths]
        for thread in threads:
            thread.start()
        wait_until(lambda: self.get("/_test/waiting") == (200, str(len(paths))), timeout=20)
        return threads, answers

    def drains(self, number):
        process = self.start("waiting")
        threads, answers = self.in_flight("/_test/slow", "/_test/poll")
        process.send_signal(number)
        self.manager.wait_for("STOPPING=1")
        for thread in threads:
            thread.join()
        self.assertEqual(answers, {"/_test/slow": (200, '"slow"'), "/_test/poll": (200, '"polled"')})
        self.assertEqual(process.wait(30), 0)
        self.assertRaises(OSError, self.get, "/health")

    def test_sigterm_finishes_requests_in_flight_and_answers_long_polls(self):
        self.drains(signal.SIGTERM)

    def test_sigint_does_the_same(self):
        self.drains(signal.SIGINT)

    def test_the_pid_file_is_there_while_it_runs(self):
        process = self.start("waiting")
        with open(self.config["pid_file"]) as file:
            self.assertEqual(int(file.read()), process.pid)
        process.terminate()
        self.assertEqual(process.wait(30), 0)
        self.assertFalse(os.path.exists(self.config["pid_file"]))

    def test_a_second_process_leaves_the_pid_file_of_the_first_alone(self):
        process = self.start("waiting")
        second = self.launch("waiting")
        self.assertEqual(second.wait(30), 78)
        self.assertIn("Address already in use. End what listens there", second.stderr.read().decode())
        with open(self.config["pid_file"]) as file:
            self.assertEqual(int(file.read()), process.pid)

    def test_a_second_signal_ends_at_once(self):
        process = self.start("never_stops")
        process.terminate()
        self.manager.wait_for("STOPPING=1")
        process.terminate()
        self.assertEqual(process.wait(5), 1)

    def test_a_plugin_that_never_stops_is_named_and_left(self):
        process = self.start("never_stops")
        process.terminate()
        self.assertEqual(process.wait(60), 1)
        self.assertIn("The plugin never_stops did not stop within 10000 ms; the process ends without it.", self.log())

    def test_a_plugin_that_is_late_to_stop_is_cancelled(self):
        process = self.start("late_to_stop")
        process.terminate()
        self.assertEqual(process.wait(60), 0)
        self.assertIn("The plugin late_to_stop did not stop within 10000 ms; it was cancelled, and has stopped then.",
                      self.log())

    def test_a_module_that_does_not_stop_in_time_is_left(self):
        self.config["modules"] = [{"module": os.path.join(LIBRARIES, "unruly", "unruly.so"), "timeout": "200ms",
                                   "config": {"stop_ms": 3600000}}]
        process = self.start("waiting")
        process.terminate()
        self.assertEqual(process.wait(30), 1)
        self.assertIn("The module unruly did not stop within 200 ms; it is left as it is.", self.log())
        checked = subprocess.run([LARESD, "-c", self.write_config(), "--plugin-folder", os.path.join(LIBRARIES, "waiting"),
                                  "--check-config"], capture_output=True, text=True, timeout=30)
        self.assertEqual(checked.returncode, 0, checked.stderr)
        self.assertIn("is right", checked.stdout)

    def test_plugins_start_after_what_they_need_and_stop_before_it(self):
        record = os.path.join(self.folder, "record")
        process = self.start("house", LARES_TEST_RECORD=record)
        process.terminate()
        self.assertEqual(process.wait(30), 0)
        with open(record) as file:
            steps = file.read().splitlines()
        up, down = ["ground", "middle", "roof"], ["roof", "middle", "ground"]
        self.assertEqual(steps, [name + " constructed" for name in up] + [name + " started" for name in up]
                         + [name + " begins to drain" for name in down] + [name + " drained" for name in down]
                         + [name + " stopped" for name in down] + [name + " destroyed" for name in down])

    def ends_what_it_began(self, record):
        """The house has started and something behind it has not: it goes the whole way down."""
        with open(record) as file:
            steps = file.read().splitlines()
        up, down = ["ground", "middle", "roof"], ["roof", "middle", "ground"]
        self.assertEqual(steps, [name + " constructed" for name in up] + [name + " started" for name in up]
                         + [name + " begins to drain" for name in down] + [name + " drained" for name in down]
                         + [name + " stopped" for name in down] + [name + " destroyed" for name in down])

    def test_a_start_that_fails_late_drains_and_stops_what_has_started(self):
        record = os.path.join(self.folder, "record")
        process = self.launch("house", "falls_short", LARES_TEST_RECORD=record)
        self.assertEqual(process.wait(30), 1)
        self.assertIn("the sky has fallen", process.stderr.read().decode())
        self.ends_what_it_began(record)

    def test_a_plugin_that_throws_a_number_at_its_end_keeps_no_other_from_stopping(self):
        record = os.path.join(self.folder, "record")
        process = self.launch("house", "throws_a_number_at_its_end", LARES_TEST_RECORD=record)
        self.manager.wait_for("READY=1")
        process.terminate()
        self.assertEqual(process.wait(30), 0)
        self.assertIn("The plugin throws_a_number_at_its_end failed to stop, and does not say why.", self.log())
        self.ends_what_it_began(record)

    def test_sigterm_during_start_drains_and_stops_what_has_started(self):
        record = os.path.join(self.folder, "record")
        process = self.launch("house", "waits_on_roof", LARES_TEST_RECORD=record)
        wait_until(lambda: os.path.exists(record) and "roof started" in open(record).read(), timeout=20)
        process.terminate()
        self.assertEqual(process.wait(30), 0)
        self.ends_what_it_began(record)

    def test_work_that_is_never_done_is_cancelled_at_the_deadline(self):
        self.config["drain_timeout"] = "500ms"
        process = self.start("never_drains")
        process.terminate()
        self.assertEqual(process.wait(10), 0)
        self.assertIn("The plugin never_drains had work left at the end of drain_timeout", self.log())

    def test_requests_that_take_for_ever_are_cancelled_at_the_deadline(self):
        self.config["drain_timeout"] = "500ms"
        process = self.start("waiting")
        connection = socket.create_connection(("127.0.0.1", self.port))
        self.addCleanup(connection.close)
        connection.sendall(b"GET /_test/stuck HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_until(lambda: self.get("/_test/waiting") == (200, "1"), timeout=20)
        process.terminate()
        self.assertEqual(process.wait(10), 0)
        self.assertEqual(connection.recv(100), b"", "there is no answer to it")

    def test_a_request_that_does_not_end_when_cancelled_is_left(self):
        self.config["drain_timeout"] = "500ms"
        process = self.start("waiting")
        connection = socket.create_connection(("127.0.0.1", self.port))
        self.addCleanup(connection.close)
        connection.sendall(b"GET /_test/stubborn HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_until(lambda: self.get("/_test/waiting") == (200, "1"), timeout=20)
        process.terminate()
        self.assertEqual(process.wait(60), 1)
        self.assertIn("A request in flight did not stop within 10000 ms; the process ends without it.", self.log())
        self.assertIn("The process ends although not everything in it has stopped.", self.log())

    def test_sigterm_ends_a_start_that_takes_for_ever(self):
        process = self.launch("waits_for_ever")
        self.manager.wait_for("EXTEND_TIMEOUT_USEC=30000000")
        process.terminate()
        self.assertEqual(process.wait(20), 0)

    def test_a_start_that_takes_for_ever_is_given_up(self):
        self.config["start_timeout"] = "1s"
        process = self.launch("waits_for_ever")
        self.assertEqual(process.wait(30), 1)
        self.assertIn('waits_for_ever.so: the plugin "waits_for_ever" cannot start: it has not started within 1000 ms. '
                      'Look at what it waits for, or raise `start_timeout`.', process.stderr.read().decode())

    def reloaded(self, process):
        process.send_signal(signal.SIGHUP)
        message = self.manager.wait_for("RELOADING=1")
        self.assertIn("MONOTONIC_USEC=", message)
        self.manager.wait_for("READY=1")

    def test_sighup_says_what_is_in_force_what_is_refused_and_what_waits(self):
        process = self.start("reloading")
        self.config.update(test_live=2, test_picky=9, test_restart=3)
        self.write_config()
        self.reloaded(process)
        wait_until(lambda: "Reloaded." in self.log(), timeout=10)
        self.assertIn("Reloaded. Now in force: test_live. Refused: test_picky: at most 5 while users are there. "
                      "Waiting for a restart: test_restart.", self.log())

    def test_sighup_before_the_server_listens_to_signals_is_taken_up_later(self):
        process = self.launch("hung_up")
        self.manager.wait_for("READY=1")
        self.manager.wait_for("RELOADING=1")
        self.manager.wait_for("READY=1")
        process.terminate()
        self.assertEqual(process.wait(30), 0)

    def test_sighup_with_a_wrong_configuration_changes_nothing(self):
        process = self.start("reloading")
        self.config.update(test_live="many")
        self.write_config()
        self.reloaded(process)
        wait_until(lambda: "was not reloaded" in self.log(), timeout=10)
        self.assertIn("homeserver.yaml:1: error: test_live", self.log())
        self.assertEqual(self.get("/health"), (200, "OK"))

    def test_sighup_changes_log_levels(self):
        self.config["log"]["level"] = "WARNING"
        process = self.start("waiting")
        self.get("/_test/waiting")
        self.config["log"].update(level="INFO", levels={"lares.access": "ERROR"})
        self.write_config()
        self.reloaded(process)
        wait_until(lambda: "Now in force: log.level, log.levels." in self.log(), timeout=10)
        self.get("/_test/waiting")
        self.assertNotIn("Processed request", self.log())
        self.config["log"].update(levels={})
        self.write_config()
        self.reloaded(process)
        self.get("/_test/waiting")
        wait_until(lambda: self.log().count("Processed request") == 1, timeout=10)

    def test_levels_for_loggers_that_are_not_there_are_named(self):
        self.config["log"]["levels"] = {"synapse.host": "DEBUG", "lares": "INFO", "nosuch.logger": "DEBUG"}
        process = self.start("waiting")
        wait_until(lambda: "log.levels.nosuch.logger has no effect: this process has no logger of that name" in self.log(),
                   timeout=10)
        self.config["log"]["levels"] = {"synapse.nosuch": "DEBUG", "synapse.host": "DEBUG"}
        self.write_config()
        self.reloaded(process)
        wait_until(lambda: "log.levels.synapse.nosuch has no effect" in self.log(), timeout=10)
        self.assertEqual(self.log().count("has no effect"), 2)
        self.assertIn("DEBUG", self.log(), "what Synapse has below synapse. is below lares. here")

    def certificate(self, name):
        """Makes a certificate for this name where the configuration says; the key is for the server alone."""
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                        "2", "-subj", "/CN=" + name, "-keyout", self.key, "-out", self.chain], check=True, capture_output=True)
        os.chmod(self.key, 0o600)

    def served_certificate(self):
        return ssl.get_server_certificate(("127.0.0.1", self.tls_port))

    def test_sighup_takes_up_a_new_certificate_and_keeps_the_former_where_it_is_broken(self):
        self.key, self.chain = os.path.join(self.folder, "key.pem"), os.path.join(self.folder, "chain.pem")
        self.tls_port = reserve_port()
        self.certificate("first.test")
        self.config["listeners"].append({"port": self.tls_port, "bind_addresses": ["127.0.0.1"], "type": "http", "tls": True,
                                         "tls_certificate_path": self.chain, "tls_private_key_path": self.key,
                                         "resources": [{"names": ["client"]}]})
        process = self.start("reloading")
        first = self.served_certificate()
        self.certificate("second.test")
        self.reloaded(process)
        wait_until(lambda: "Now in force: listeners[1]: certificate " + self.chain in self.log(), timeout=10)
        second = self.served_certificate()
        self.assertNotEqual(second, first)
        with open(self.chain, "w") as file:
            file.write("no certificate")
        self.reloaded(process)
        wait_until(lambda: "Refused: listeners[1]: The TLS certificate" in self.log(), timeout=10)
        self.assertEqual(self.served_certificate(), second)

    def test_sighup_opens_the_log_file_anew(self):
        process = self.start("reloading")
        os.rename(self.config["log"]["file"], self.config["log"]["file"] + ".1")
        self.reloaded(process)
        wait_until(lambda: os.path.exists(self.config["log"]["file"]) and "nothing has changed" in self.log(), timeout=10)


if __name__ == "__main__":
    unittest.main()
