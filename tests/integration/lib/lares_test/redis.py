# SPDX-License-Identifier: Apache-2.0
"""A Redis of the test's own, on a unix socket."""

import os
import shutil
import socket
import tempfile

from .process import Process


class Redis:
    """`with Redis() as redis: Server(config={"redis": redis.config()})`."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="lares-redis-", dir="/tmp")
        self.socket = os.path.join(self.folder, "redis.sock")
        self.process = Process("redis", ["redis-server", "--port", "0", "--unixsocket", self.socket, "--save", "",
                                         "--appendonly", "no", "--dir", self.folder],
                               os.path.join(self.folder, "redis.log"))

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()

    def config(self):
        """What `redis:` of a configuration says."""
        return {"enabled": True, "path": self.socket}

    def _answers(self):
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.connect(self.socket)
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith(b"+PONG")
        except OSError:
            return False

    def start(self):
        self.process.start()
        self.process.wait_ready(self._answers)
        return self

    def stop(self):
        return self.process.stop()

    def kill(self):
        self.process.kill()

    def close(self):
        self.process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
