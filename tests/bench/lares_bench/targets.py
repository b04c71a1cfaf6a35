# SPDX-License-Identifier: Apache-2.0
"""What is measured: Lares in each of its shapes, or any homeserver."""

import os
import time
import urllib.error
import urllib.request

from lares_test import Postgres, Process, Server, Workers


class Running:
    """A homeserver that somebody else has started."""

    def __init__(self, base, secret=None, pids=()):
        self.base, self.secret = base.rstrip("/"), secret
        self.pids = {str(pid): pid for pid in pids}
        self.folder = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def processes(self):
        """Roots of its processes' trees by name."""
        return self.pids

    def can_restart(self):
        return False

    def can_change_log_level(self):
        return False

    def restart(self):
        self.stop()
        self.start()

    def close(self):
        pass

    def answers(self):
        try:
            with urllib.request.urlopen(self.base + "/_matrix/client/versions", timeout=5) as answer:
                return answer.status == 200
        except (OSError, urllib.error.URLError):
            return False


class Command(Running):
    """Any homeserver, by the command that runs it in the foreground until SIGTERM."""

    def __init__(self, base, command, secret=None, folder=None, log=os.devnull):
        super().__init__(base, secret)
        self.folder = folder
        self.process = Process("the homeserver", ["/bin/sh", "-c", "exec " + command], log)

    def __enter__(self):
        self.start()
        return self

    def processes(self):
        return {"server": self.process.pid}

    def can_restart(self):
        return True

    def start(self):
        self.process.start()
        self.process.wait_ready(self.answers, 300)

    def stop(self):
        self.process.stop(120)

    def close(self):
        self.process.kill()


class Lares(Running):
    """One process of Lares, on SQLite or PostgreSQL."""

    def __init__(self, log_level, postgres=False):
        self.postgres = Postgres({"fsync": "on"}).start() if postgres else None
        database = self.postgres.create_database() if postgres else None
        self.server = Server(config={"log": {"level": log_level}}, database=database)
        super().__init__(self.server.base)
        self.folder = self.server.folder if not postgres else None

    def __enter__(self):
        self.server.start()
        return self

    def processes(self):
        roots = {"laresd": self.server.process.pid}
        if self.postgres:
            roots["postgres"] = self.postgres.process.pid
        return roots

    def can_restart(self):
        return True

    def start(self):
        self.server.start()

    def stop(self):
        self.server.stop()

    def can_change_log_level(self):
        return True

    def set_log_level(self, level):
        self.server.config["log"]["level"] = level
        self.server.write_config()
        self.server.reload()
        # Nothing tells from outside when it is in force; it takes milliseconds.
        time.sleep(1)

    def close(self):
        self.server.close()
        if self.postgres:
            self.postgres.close()


class Cluster(Running):
    """Lares as `quickstart --workers` runs it, through nginx."""

    def __init__(self, log_level):
        self.workers = Workers(config={"log": {"level": log_level}})
        super().__init__(self.workers.base)

    def __enter__(self):
        self.workers.__enter__()
        return self

    def processes(self):
        return {name: self.workers.pid(name) for name in Workers.ALL}

    def can_restart(self):
        return True

    def restart(self):
        self.workers.restart()

    def close(self):
        self.workers.close()
