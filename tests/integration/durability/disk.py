# SPDX-License-Identifier: Apache-2.0
"""A server on SQLite whose disk the test has in its hand."""

import os

from lares_test import Server, build_dir

DATABASE = "homeserver.db"


def server_with_disk(environment=None, config=None):
    library = os.path.join(build_dir(), "tests", "liblares_test_disk.so")
    # A sanitizer's runtime wants to be loaded first, and does as well if it is not.
    sanitizer = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
    return Server(environment={"LD_PRELOAD": library, "ASAN_OPTIONS": sanitizer, **(environment or {})}, config=config)
