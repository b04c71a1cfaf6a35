# SPDX-License-Identifier: Apache-2.0
"""matrix-js-sdk with its Rust cryptography, under the node that packaging/client-sdk put into the build folder."""

import glob
import os
import shutil
import subprocess
import sys
import tempfile
import threading

from lares_test import source_dir
from shape import homeserver

HERE = os.path.dirname(os.path.abspath(__file__))
SDK = os.environ.get("LARES_CLIENT_SDK") or os.path.join(source_dir(), "build", "e2e")
TIMEOUT_S = 240


def run(script, server):
    """Runs a script of js/ beside the installed SDK, where node finds it, and answers its requests."""
    if not os.path.exists(os.path.join(SDK, "node")):
        sys.exit("no client SDK at %s: packaging/client-sdk %s puts it there" % (SDK, SDK))
    with tempfile.TemporaryDirectory(prefix="run-", dir=SDK) as folder:
        for path in glob.glob(os.path.join(HERE, "js", "*.mjs")):
            shutil.copy(path, folder)
        node = subprocess.Popen([os.path.join(SDK, "node"), os.path.join(folder, script), server.base],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        alarm = threading.Timer(TIMEOUT_S, node.kill)
        alarm.start()
        try:
            last = ""
            for line in node.stdout:
                last = line.strip()
                print(last, flush=True)
                if last == "RESTART":
                    server.restart()
                    node.stdin.write("restarted\n")
                    node.stdin.flush()
            code = node.wait()
        finally:
            alarm.cancel()
            node.kill()
        if code != 0 or last != "DONE":
            raise AssertionError("%s ended with %s; its last step: %s" % (script, code, last))


if __name__ == "__main__":
    with homeserver() as homeserver_:
        run(sys.argv[1], homeserver_)
