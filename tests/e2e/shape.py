# SPDX-License-Identifier: Apache-2.0
"""The homeserver that a test of real clients runs against, in the shape that LARES_E2E_SHAPE names."""

import contextlib
import os
import sys

from lares_test import Postgres, Redis, Server, reserve_port, source_dir

sys.path.insert(0, os.path.join(source_dir(), "tests", "integration", "replication"))
from cluster import PASSWORD, Worker, redis_says  # noqa: E402

WRITERS = {"events": "persister1", "to_device": "devices1", "device_lists": "devices1", "account_data": "streams1",
           "receipts": "streams1", "typing": "streams1", "presence": "streams1", "push_rules": "streams1"}


def start_workers(stack, **options):
    """A main process that clients talk to, and three that write; gives the main one."""
    redis = stack.enter_context(Redis())
    redis_says(redis, "CONFIG", "SET", "requirepass", PASSWORD)
    ports = {name: reserve_port() for name in ("main", *sorted(set(WRITERS.values())))}
    config = {**options.pop("config", {}),
              "redis": {**redis.config(), "password": PASSWORD},
              "worker_replication_secret": "between processes",
              "instance_map": {name: {"host": "127.0.0.1", "port": port} for name, port in ports.items()},
              "stream_writers": {stream: [name] for stream, name in WRITERS.items()}}
    main = Server(config=config, **options)
    main.config["signing_key_path"] = os.path.join(main.folder, "signing.key")
    main.config["listeners"].append({"port": ports["main"], "bind_addresses": ["127.0.0.1"], "type": "http",
                                     "resources": [{"names": ["replication"]}]})
    main.write_config()
    stack.enter_context(main)
    for name in sorted(set(WRITERS.values())):
        stack.enter_context(Worker(name, main, ports[name]))
    return main


@contextlib.contextmanager
def homeserver(**options):
    """A started Server: `sqlite` (also when nothing is named), `postgres`, or the main process of `workers`."""
    shape = os.environ.get("LARES_E2E_SHAPE", "sqlite")
    with contextlib.ExitStack() as stack:
        if shape in ("postgres", "workers"):
            options["database"] = stack.enter_context(Postgres()).create_database()
        elif shape != "sqlite":
            raise ValueError("LARES_E2E_SHAPE is sqlite, postgres or workers, not %r" % shape)
        if shape == "workers":
            yield start_workers(stack, **options)
        else:
            yield stack.enter_context(Server(**options))
