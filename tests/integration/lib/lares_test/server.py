# SPDX-License-Identifier: Apache-2.0
"""A whole homeserver in a temporary folder: configuration, key and data are made, started, ended and removed."""

import hashlib
import hmac
import http.client
import json
import os
import shutil
import signal
import tempfile

from .client import Client
from .ports import reserve_port
from .process import Process

SHARED_SECRET = "shared secret of the tests"


def source_dir():
    here = os.path.dirname(os.path.abspath(__file__))
    return os.environ.get("LARES_SOURCE_DIR") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(here))))


def build_dir():
    """The build under test: LARES_BUILD_DIR, which ctest sets, or the newest of the presets' folders."""
    given = os.environ.get("LARES_BUILD_DIR")
    if given:
        return given
    built = [os.path.join(source_dir(), "build", preset) for preset in ("debug", "release")]
    built = [folder for folder in built if os.path.exists(os.path.join(folder, "bin", "laresd"))]
    if not built:
        raise RuntimeError("nothing is built: run packaging/quickstart --build-only, or set LARES_BUILD_DIR")
    return max(built, key=lambda folder: os.path.getmtime(os.path.join(folder, "bin", "laresd")))


def merge(base, over):
    """`over` laid upon `base`, mapping by mapping."""
    result = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merge(result[key], value) if both else value
    return result


class Server:
    """One laresd, by itself or over PostgreSQL.

        with Server() as server:
            alice = server.register("alice")
            room = alice.create_room()
            server.kill(); server.start()
            assert alice.send(room, "still here")

    `config` is laid upon the configuration that it starts with: open registration, no rate limits, timelines as long as a
    filter says, a client listener on a reserved port. `database` is what Postgres.create_database() gives; without it
    SQLite in the folder. The folder goes away with the server unless LARES_KEEP is set in the environment.
    """

    def __init__(self, name="hs.test", config=None, database=None, folder=None, arguments=(), environment=None):
        self.name = name
        self._own_folder = folder is None
        self.folder = folder or tempfile.mkdtemp(prefix="lares-hs-", dir="/tmp")
        self.port = reserve_port()
        self.base = "http://127.0.0.1:%d" % self.port
        self.config = merge({
            "server_name": name,
            "listeners": [{"port": self.port, "bind_addresses": ["127.0.0.1"], "type": "http",
                           "resources": [{"names": ["client", "federation"]}]}],
            "database": database or {"name": "sqlite3",
                                     "args": {"database": os.path.join(self.folder, "homeserver.db")}},
            "signing_key_path": os.path.join(self.folder, "signing.key"),
            "enable_registration": True,
            "enable_registration_without_verification": True,
            "registration_shared_secret": SHARED_SECRET,
            "rate_limits": False,
            "filter_timeline_limit": -1,
        }, config or {})
        self.config_path = os.path.join(self.folder, "homeserver.yaml")
        self.process = Process(
            "laresd %s" % name,
            [os.path.join(build_dir(), "bin", "laresd"), "--config-path", self.config_path, *arguments],
            os.path.join(self.folder, "laresd.log"), environment=environment, folder=self.folder)
        self.write_config()

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, kind, *_):
        if kind is not None:
            print("%s, end of its log:\n%s" % (self.process.name, self.process.log_tail(60)))
        self.close()

    def write_config(self):
        """Writes self.config. JSON is YAML, so any value arrives as it is."""
        with open(os.open(self.config_path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(self.config, file, indent=1)

    def _answers(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/_matrix/client/versions")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def start(self, timeout=60):
        """Starts it and returns when it answers."""
        self.process.start()
        self.process.wait_ready(self._answers, timeout)
        return self

    def stop(self, timeout=30):
        """SIGTERM; returns the exit code."""
        return self.process.stop(timeout)

    def kill(self):
        """SIGKILL."""
        self.process.kill()

    def restart(self):
        self.stop()
        return self.start()

    def reload(self):
        """SIGHUP."""
        self.process.signal(signal.SIGHUP)

    def close(self):
        self.process.kill()
        if self._own_folder and not os.environ.get("LARES_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)

    def client(self, token=None, **options):
        return Client(self.base, token, **options)

    def register(self, user, password="correct horse", **fields):
        """A new account by open registration, as a Client that is logged in."""
        return self.client().register(user, password, **fields)

    def register_admin(self, user, password="correct horse", admin=True):
        """A new account by the shared secret."""
        client = self.client()
        nonce = client.get("/_synapse/admin/v1/register")["nonce"]
        parts = [nonce, user, password, "admin" if admin else "notadmin"]
        mac = hmac.new(self.config["registration_shared_secret"].encode(), "\0".join(parts).encode(), hashlib.sha1)
        answer = client.post("/_synapse/admin/v1/register",
                             {"nonce": nonce, "username": user, "password": password, "admin": admin,
                              "mac": mac.hexdigest()})
        return client.logged_in(answer)
