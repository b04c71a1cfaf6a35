# SPDX-License-Identifier: Apache-2.0
"""A server on SQLite whose disk the test has in its hand."""

import os

from lares_test import Server, build_dir

DATABASE = "homeserver.db"


def server_with_disk(environment=None, config=None):
    library = os.path.join(build_dir(), "tests", "liblares_test_disk.so")
    return Server(environment={"LD_PRELOAD": library, **(environment or {})}, config=config)
