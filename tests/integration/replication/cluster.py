# SPDX-License-Identifier: Apache-2.0
"""A main process and a worker that persists events, over one PostgreSQL and one Redis."""

import contextlib
import http.client
import os
import socket

from lares_test import Client, Exposition, Postgres, Redis, Server, reserve_port
from lares_test.metrics_page import undocumented

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


def check_counts(test, cluster, transport):
    """What two processes say to each other over the transport is counted, and every family is on the page. Gives what the main
    process shows."""
    alice = cluster.main.register("alice")
    alice.send(alice.create_room(), "counted")
    reader, writer = metrics_of(cluster.main_port), metrics_of(cluster.persister.port)
    for metrics in (reader, writer):
        faults = undocumented(metrics)
        test.assertEqual(faults, [], "\n".join(faults))
    commands = "synapse_replication_tcp_protocol_%sbound_commands_total"
    # T10: what a command sets going is charged to a background process of its name.
    process = "synapse_background_process_%s"
    work = {"name": "replication-RDATA-events"}
    for metrics, family, labels in (
            (reader, commands % "in", {"command": "RDATA", "name": transport}),
            (writer, commands % "out", {"command": "RDATA", "name": transport}),
            (writer, commands % "out", {"command": "POSITION", "name": transport}),
            (reader, "synapse_replication_tcp_protocol_inbound_rdata_count_total", {"stream_name": "events"}),
            (writer, "synapse_replication_tcp_resource_stream_updates_total", {"stream_name": "events"}),
            (reader, "synapse_outgoing_replication_requests_total", {"name": "events/write", "code": "200"}),
            (writer, "synapse_util_metrics_block_count_total", {"block_name": "repl_send_events_parse"}),
            (reader, process % "start_count_total", work)):
        test.assertGreater(metrics.value(family, **labels), 0, family)
    test.assertGreater(reader.value(process % "ru_utime_seconds_total", **work)
                       + reader.value(process % "ru_stime_seconds_total", **work), 0)
    return reader


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
