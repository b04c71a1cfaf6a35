# SPDX-License-Identifier: Apache-2.0
"""The homeserver that a test of real clients runs against, in the shape that LARES_E2E_SHAPE names."""

import contextlib
import os

from lares_test import Postgres, Server, Workers


@contextlib.contextmanager
def homeserver(**options):
    """A started Server: `sqlite` (also when nothing is named) or `postgres`; or the several processes of `workers`."""
    shape = os.environ.get("LARES_E2E_SHAPE", "sqlite")
    with contextlib.ExitStack() as stack:
        if shape == "workers":
            yield stack.enter_context(Workers(**options))
            return
        if shape == "postgres":
            options["database"] = stack.enter_context(Postgres()).create_database()
        elif shape != "sqlite":
            raise ValueError("LARES_E2E_SHAPE is sqlite, postgres or workers, not %r" % shape)
        yield stack.enter_context(Server(**options))
