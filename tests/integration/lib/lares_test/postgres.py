# SPDX-License-Identifier: Apache-2.0
"""A PostgreSQL of the test's own: in a temporary folder, on a unix socket, gone afterwards."""

import glob
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time

from .process import Process, lives


def postgres_bin():
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))
    if not found:
        raise RuntimeError("no PostgreSQL server programs found: apt install postgresql")
    return os.path.dirname(found[-1])


class Postgres:
    """`with Postgres() as pg: Server(database=pg.create_database())`.

    PostgreSQL refuses root; then it runs as the user postgres that Debian's package makes.
    """

    def __init__(self, settings=None):
        self.bin = postgres_bin()
        self.user = "postgres" if os.geteuid() == 0 else None
        self.superuser = self.user or pwd.getpwuid(os.geteuid()).pw_name
        # Short, since the path of a unix socket may have 107 bytes.
        self.folder = tempfile.mkdtemp(prefix="lares-pg-", dir="/tmp")
        self.data = os.path.join(self.folder, "data")
        self._databases = 0
        owner = {"user": self.user, "group": self.user, "extra_groups": []} if self.user else {}
        if self.user:
            shutil.chown(self.folder, self.user, self.user)
        subprocess.run([os.path.join(self.bin, "initdb"), "-D", self.data, "-U", self.superuser, "-A", "trust",
                        "-E", "UTF8", "--locale=C", "--no-sync"], check=True, cwd=self.folder,
                       stdout=subprocess.DEVNULL, **owner)
        # A killed process loses nothing that it wrote, with fsync or without: only a dying machine does.
        options = {"listen_addresses": "", "unix_socket_directories": self.folder, "fsync": "off",
                   "max_connections": "200", "shared_buffers": "64MB", **(settings or {})}
        arguments = [part for key, value in options.items() for part in ("-c", "%s=%s" % (key, value))]
        self.process = Process("postgres", [os.path.join(self.bin, "postgres"), "-D", self.data, *arguments],
                               os.path.join(tempfile.gettempdir(), os.path.basename(self.folder) + ".log"),
                               folder=self.folder, user=self.user)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()

    def start(self):
        self.process.start()
        self.process.wait_ready(lambda: subprocess.run(
            [os.path.join(self.bin, "pg_isready"), "-q", "-h", self.folder]).returncode == 0)
        return self

    def stop(self):
        """Fast shutdown: connections are cut, what is committed is flushed."""
        self.process.signal(signal.SIGINT)
        return self.process.wait()

    def kill(self):
        """SIGKILL of the postmaster and of every backend, and waits until they are gone: while one lives, PostgreSQL does
        not start again."""
        # So that no child is born that nobody has counted.
        self.process.signal(signal.SIGSTOP)
        children = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True).stdout.split()
        self.process.kill()
        for child in children:
            try:
                os.kill(int(child), signal.SIGKILL)
            except ProcessLookupError:
                pass
        while any(lives(int(child)) for child in children):
            time.sleep(0.01)

    def close(self):
        if self.process.running():
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
        if os.path.exists(self.process.log):
            os.unlink(self.process.log)

    def sql(self, statement, database="postgres"):
        """Runs a statement and gives the rows as lists of strings."""
        out = subprocess.run([os.path.join(self.bin, "psql"), "-h", self.folder, "-U", self.superuser, "-d", database,
                              "-v", "ON_ERROR_STOP=1", "-qAtX", "-F", "\t", "-c", statement],
                             check=True, capture_output=True, text=True, cwd=self.folder).stdout
        return [line.split("\t") for line in out.splitlines()]

    def create_database(self):
        """A fresh database. Returns what `database:` of a configuration says."""
        self._databases += 1
        name = "lares%d" % self._databases
        self.sql("CREATE DATABASE %s TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'" % name)
        return {"name": "psycopg2",
                "args": {"user": self.superuser, "dbname": name, "host": self.folder, "cp_min": 2, "cp_max": 8}}
