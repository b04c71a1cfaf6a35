# SPDX-License-Identifier: Apache-2.0
"""A main process and a worker that persists events, over one PostgreSQL and one Redis."""

import contextlib
import http.client
import os
import socket

from lares_test import Client, Exposition, Postgres, Redis, Server, reserve_port

PASSWORD = "of this test's Redis"


class Worker(Server):
    """A worker beside a main process; it answers on its replication listener alone."""

    def __init__(self, name, main, port):
        super().__init__(name=main.config["server_name"], database=main.config["database"])
        self.port, self.base = port, "http://127.0.0.1:%d" % port
        self.process.name = name
        # As docs/workers.md has it: the file that all processes read, then the worker's own.
        self.process.command = [self.process.command[0], "--config-path", main.config_path,
                                "--config-path", self.config_path]
        self.config = {"worker_app": "generic_worker", "worker_name": name, "worker_listeners": [
            {"port": port, "bind_addresses": ["127.0.0.1"], "type": "http", "resources": [{"names": ["replication", "metrics"]}]}]}
        self.write_config()

    def _answers(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def metrics_of(port):
    """What the process that has a listener with the resource `metrics` on this port shows."""
    return Exposition(Client("http://127.0.0.1:%d" % port).raw("GET", "/_synapse/metrics").text)


def redis_says(redis, *words, password=None):
    """One command to Redis; gives the first bytes of the answer."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(redis.socket)
        if password:
            connection.sendall(b"AUTH " + b'"%s"' % password.encode() + b"\r\n")
            connection.recv(64)
        connection.sendall(b" ".join(b'"%s"' % word.encode() for word in words) + b"\r\n")
        return connection.recv(4096).decode(errors="replace")


class Cluster:
    """`with Cluster() as cluster: cluster.main.register("alice")`. `main` and `persister` are Servers, `redis` a Redis."""

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.postgres = stack.enter_context(Postgres())
            database = self.postgres.create_database()
            self.database = database["args"]["dbname"]
            self.redis = stack.enter_context(Redis())
            self.lock_redis()
            main_port, persister_port = reserve_port(), reserve_port()
            self.main = Server(name="cluster.test", database=database, config={
                "redis": {**self.redis.config(), "password": PASSWORD, "dbid": 1},
                "worker_replication_secret": "between processes",
                "instance_map": {"main": {"host": "127.0.0.1", "port": main_port},
                                 "persister1": {"host": "127.0.0.1", "port": persister_port}},
                "stream_writers": {"events": ["persister1"]}})
            self.main.config["signing_key_path"] = os.path.join(self.main.folder, "signing.key")
            self.main_port = main_port
            self.main.config["listeners"].append(
                {"port": main_port, "bind_addresses": ["127.0.0.1"], "type": "http",
                 "resources": [{"names": ["replication", "metrics"]}]})
            self.main.write_config()
            self.persister = Worker("persister1", self.main, persister_port)
            stack.push(self.main.__exit__)
            stack.push(self.persister.__exit__)
            self.main.start()
            self.persister.start()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error):
        return self._stack.__exit__(*error)

    def lock_redis(self):
        """Redis asks for a password from now on, as one does that is set up well."""
        redis_says(self.redis, "CONFIG", "SET", "requirepass", PASSWORD)
