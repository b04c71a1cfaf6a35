# SPDX-License-Identifier: Apache-2.0
"""Ends what was started to outlive its starter, and removes its folder."""

import subprocess

# It waits until the test's end of a pipe is closed, as it is when the test is killed, too, and then ends whatever of the folder
# is left. A number in a file may be a stranger's by then.
_WORK = """
read -r _
for file in "$0"/run/*.pid "$0"/*.pid; do
  pid=$(cat "$file") && grep -qF "$0" "/proc/$pid/cmdline" || continue
  # With its children, whom nginx would replace and PostgreSQL would not end at once.
  kill -KILL "$pid" $(pgrep -P "$pid")
  while grep -qF "$0" "/proc/$pid/cmdline"; do sleep 0.02; done
done
[ -n "$LARES_KEEP" ] || rm -rf "$0"
"""


class Undertaker:
    """For a folder whose processes, that name it in their command lines, have left their numbers in run/*.pid or *.pid."""

    def __init__(self, folder):
        self._process = subprocess.Popen(["/bin/sh", "-c", _WORK, folder], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                         start_new_session=True)

    def close(self):
        """Returns when all of it is gone."""
        self._process.communicate()
