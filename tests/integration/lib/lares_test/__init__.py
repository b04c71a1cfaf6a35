# SPDX-License-Identifier: Apache-2.0
"""What the tests with real processes are written with: servers, databases, clients. The standard library is enough."""

from .client import Client, MatrixError, Response, wait_until
from .cluster import Workers
from .metrics import Exposition
from .postgres import Postgres
from .process import Process, ProcessError
from .ports import reserve_port
from .redis import Redis
from .server import Server, build_dir, source_dir
from .settled import SettledWorkers
from .transcript import Judgement, Transcript, judge
from .undertaker import Undertaker

__all__ = ["Client", "Exposition", "Judgement", "MatrixError", "Postgres", "Process", "ProcessError", "Redis", "Response",
           "Server", "SettledWorkers", "Transcript", "Undertaker", "Workers", "build_dir", "judge", "reserve_port", "source_dir",
           "wait_until"]
