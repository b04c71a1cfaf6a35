# SPDX-License-Identifier: Apache-2.0
"""One process that a test started: it never outlives the test."""

import ctypes
import os
import queue
import signal
import subprocess
import threading
import time

from .patience import PATIENCE

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)

# The kernel sends the signal of PR_SET_PDEATHSIG when the *thread* that started the child ends. So one thread that lives
# as long as this process starts them all.
_orders = queue.Queue()
_spawner = None
_spawner_lock = threading.Lock()


def _spawn_loop():
    while True:
        arguments, answer = _orders.get()
        try:
            answer.put((subprocess.Popen(**arguments), None))
        except BaseException as error:  # handed to the caller, whatever it is
            answer.put((None, error))


def _spawn(**arguments):
    global _spawner
    with _spawner_lock:
        if _spawner is None:
            _spawner = threading.Thread(target=_spawn_loop, daemon=True, name="spawner")
            _spawner.start()
    answer = queue.Queue()
    _orders.put((arguments, answer))
    process, error = answer.get()
    if error is not None:
        raise error
    return process


def _die_with_parent():
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def lives(pid):
    """Whether there is such a process that has not ended yet."""
    try:
        with open("/proc/%d/stat" % pid) as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class ProcessError(Exception):
    """A process ended or failed when it should not have. Carries the end of its log."""


class Process:
    """A command with its output in a file, that can be started again.

    Usable from several threads as long as one of them at a time starts or ends it.
    """

    def __init__(self, name, command, log, environment=None, folder=None, user=None):
        self.name = name
        self.command = [str(part) for part in command]
        self.log = log
        self.environment = environment or {}
        self.folder = folder
        self.user = user
        self._process = None

    @property
    def pid(self):
        return self._process.pid

    def running(self):
        return self._process is not None and self._process.poll() is None

    def start(self):
        if self.running():
            raise ProcessError("%s runs already" % self.name)
        arguments = dict(args=self.command, cwd=self.folder, stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT,
                         env={**os.environ, **self.environment}, preexec_fn=_die_with_parent)
        if self.user is not None:
            arguments.update(user=self.user, group=self.user, extra_groups=[])
        with open(self.log, "ab") as out:
            self._process = _spawn(stdout=out, **arguments)
        return self

    def signal(self, number):
        if self.running():
            self._process.send_signal(number)

    def kill(self):
        """SIGKILL, and waits until it is gone."""
        self.signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait(30)

    def stop(self, timeout=30):
        """SIGTERM. Returns the exit code; an unwilling process is killed and named."""
        if self._process is None:
            return None
        self.signal(signal.SIGTERM)
        return self.wait(timeout)

    def wait(self, timeout=30):
        """Waits for the end and returns the exit code (negative: the signal that ended it)."""
        try:
            return self._process.wait(timeout * PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ProcessError("%s did not end within %s s\n%s" % (self.name, timeout, self.log_tail())) from None

    def log_text(self):
        try:
            with open(self.log, errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def log_tail(self, lines=40):
        return "".join("  | %s\n" % line for line in self.log_text().splitlines()[-lines:])

    def wait_ready(self, probe, timeout=30, every=0.01):
        """Calls `probe` until it gives something true; fails at once when the process ends."""
        end = time.monotonic() + timeout * PATIENCE
        while True:
            result = probe()
            if result:
                return result
            if not self.running():
                raise ProcessError("%s ended with %s while starting\n%s"
                                   % (self.name, self._process.returncode, self.log_tail()))
            if time.monotonic() > end:
                raise ProcessError("%s was not ready within %s s\n%s" % (self.name, timeout, self.log_tail()))
            time.sleep(every)
