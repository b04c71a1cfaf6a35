# SPDX-License-Identifier: Apache-2.0
"""A homeserver of several processes, as `packaging/quickstart --workers` runs it, in a temporary folder."""

import json
import os
import signal
import subprocess
import tempfile
import time

from .client import Client
from .ports import reserve_port
from .process import lives
from .server import SHARED_SECRET, build_dir, source_dir
from .undertaker import Undertaker


class Workers:
    """PostgreSQL, Redis, nginx, a main process, two event persisters, a writer of the other streams, and a reader.

        with Workers() as cluster:
            alice = cluster.register("alice")
            cluster.kill("event_persister1"); cluster.start()

    Clients connect to nginx.
    """

    LARES = ["main", "event_persister1", "event_persister2", "stream_writer1", "generic_worker1"]
    ALL = ["postgres", "redis", *LARES, "nginx"]

    def __init__(self, name="cluster.test", config=None):
        self.name = name
        self.folder = tempfile.mkdtemp(prefix="lares-ws-", dir="/tmp")
        self.port = reserve_port()
        self.base = "http://127.0.0.1:%d" % self.port
        self.config = {"enable_registration": True, "enable_registration_without_verification": True,
                       "rate_limits": False, "filter_timeline_limit": -1, "registration_shared_secret_path": None,
                       "registration_shared_secret": SHARED_SECRET, **(config or {})}
        self.bin = os.path.join(build_dir(), "bin")
        # What packaging/cluster starts does not end with the test.
        self._undertaker = Undertaker(self.folder)
        subprocess.run([os.path.join(self.bin, "laresctl"), "config", "generate", "--server-name", name,
                        "--data-dir", self.folder, "--config-dir", self.folder], check=True, stdout=subprocess.DEVNULL)
        # JSON is YAML.
        with open(os.path.join(self.folder, "quickstart.yaml"), "w") as file:
            json.dump(self.config, file)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, kind, *_):
        if kind is not None:
            for name in self.LARES:
                print("%s, end of its log:\n%s" % (name, self.log_text(name)[-3000:]))
        self.close()

    def start(self):
        """Starts whatever is not running, and returns when clients are served."""
        done = subprocess.run([os.path.join(source_dir(), "packaging", "cluster"), self.folder, self.bin, str(self.port),
                               "start"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            raise RuntimeError("the cluster did not start:\n" + done.stdout)
        return self

    def pid(self, name):
        with open(os.path.join(self.folder, "run", name + ".pid")) as file:
            return int(file.read())

    def signal(self, name, number):
        os.kill(self.pid(name), number)

    def kill(self, name):
        """SIGKILL, of all of its processes for PostgreSQL and nginx, and waits until it is gone."""
        pid = self.pid(name)
        family = [pid]
        if name in ("postgres", "nginx"):
            # So that no child is born that nobody has counted.
            os.kill(pid, signal.SIGSTOP)
            family += self._children(pid)
        for process in family:
            self._kill(process)
        while any(lives(process) for process in family):
            time.sleep(0.01)

    def stop(self):
        """SIGTERM to all of Lares' processes; returns when they have ended."""
        for name in reversed(self.LARES):
            self.signal(name, signal.SIGTERM)
        while any(self.running(name) for name in self.LARES):
            time.sleep(0.01)

    def restart(self):
        """The same, and starts them again."""
        self.stop()
        return self.start()

    def running(self, name):
        try:
            return lives(self.pid(name))
        except (OSError, ValueError):
            return False

    def log_text(self, name):
        try:
            with open(os.path.join(self.folder, "log", name + ".log"), errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def close(self):
        """Ends all of it at once."""
        self._undertaker.close()

    def client(self, token=None, **options):
        return Client(self.base, token, **options)

    def register(self, user, password="correct horse", **fields):
        return self.client().register(user, password, **fields)

    @staticmethod
    def _kill(pid):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    @staticmethod
    def _children(pid):
        listed = subprocess.run(["pgrep", "-P", str(pid)], stdout=subprocess.PIPE, text=True).stdout
        return [int(child) for child in listed.split()]
