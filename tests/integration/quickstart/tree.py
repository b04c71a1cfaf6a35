# SPDX-License-Identifier: Apache-2.0
"""The real packaging/quickstart, beside a release that is the build under test."""

import os
import re
import shutil
import stat
import subprocess
import tempfile

from lares_test import Process, Undertaker, build_dir, source_dir, wait_until
from lares_test.patience import PATIENCE


def lives(pid):
    try:
        with open("/proc/%d/stat" % pid) as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for_the_end(*pids):
    wait_until(lambda: not any(lives(pid) for pid in pids), timeout=60, what="the end of %s" % (pids,))


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


class Tree:
    """A clone of the repository, as far as quickstart looks at it, and a data folder that is not made yet."""

    def __init__(self, test):
        self.root = tempfile.mkdtemp(prefix="lares-qs-", dir="/tmp")
        test.addCleanup(shutil.rmtree, self.root)
        os.symlink(os.path.join(source_dir(), "packaging"), os.path.join(self.root, "packaging"))
        release = os.path.join(self.root, "build", "release")
        os.makedirs(release)
        os.symlink(os.path.join(build_dir(), "bin"), os.path.join(release, "bin"))
        self.bin = os.path.join(release, "bin")
        self.programs = os.path.join(self.root, "programs")
        os.makedirs(self.programs)
        with open(os.path.join(source_dir(), "packaging", "dependencies")) as file:
            packages = re.findall(r"^[a-z][^ \n]*", file.read(), re.MULTILINE)
        self._write_program("dpkg-query", "\n".join("echo installed %s" % package for package in packages))
        self._write_program("cmake", 'echo "cmake $*" >> %s' % self.built)
        self._write_program("ninja", 'echo "ninja $*" >> %s' % self.built)
        self.data = tempfile.mkdtemp(prefix="lares-qs-", dir="/tmp")
        os.rmdir(self.data)
        undertaker = Undertaker(self.data)
        test.addCleanup(undertaker.close)
        self.environment = {"PATH": self.programs + ":" + os.environ["PATH"], "http_proxy": "http://127.0.0.1:1"}

    @property
    def built(self):
        return os.path.join(self.root, "built")

    def _write_program(self, name, text):
        path = os.path.join(self.programs, name)
        with open(path, "w") as file:
            file.write("#!/bin/sh\n%s\n" % text)
        os.chmod(path, 0o755)

    def slow_down(self, name):
        self._write_program(name, 'sleep 1\nexec %s "$@"' % shutil.which(name))

    def cut_initdb_off(self):
        """The first initdb ends in the middle, with what it has made so far."""
        self._write_program("setpriv", """case "$*" in *initdb*)
  if mkdir '%s' 2> /dev/null; then
    for word; do
      [ "$before" != -D ] || echo 15 > "$word/PG_VERSION"
      before=$word
    done
    exit 137
  fi ;;
esac
exec %s "$@\"""" % (os.path.join(self.root, "cut off"), shutil.which("setpriv")))

    def command(self, *options):
        return [os.path.join(self.root, "packaging", "quickstart"), "--data", self.data, *map(str, options)]

    def run(self, *options, code=0):
        """Runs it to its end, which is expected to have the exit code; returns everything it said."""
        done = subprocess.run(self.command(*options), env={**os.environ, **self.environment}, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=100 * PATIENCE)
        assert done.returncode == code, "quickstart ended with %d:\n%s" % (done.returncode, done.stdout)
        return done.stdout

    def background(self, *options):
        """With --background; returns the number that its last line gives, and everything it said."""
        said = self.run("--background", *options)
        return int(re.fullmatch(r"pid (\d+)", said.splitlines()[-1])[1]), said

    def start(self, *options):
        """In the foreground. What it says is in the log of the process."""
        return Process("quickstart", self.command(*options), os.path.join(self.root, "said"),
                       environment=self.environment).start()

    def path(self, *parts):
        return os.path.join(self.data, *parts)

    def noted_pid(self, *parts):
        with open(self.path(*parts)) as file:
            return int(file.read())

    def open_registration(self):
        """As an administrator would, in homeserver.yaml."""
        with open(self.path("homeserver.yaml")) as file:
            text = file.read()
        text, found = re.subn(r"(?m)^(enable_registration\w*): false$", r"\1: true", text)
        assert found == 2, text
        with open(self.path("homeserver.yaml"), "w") as file:
            file.write(text)
