# SPDX-License-Identifier: Apache-2.0
"""How many files the process may have open."""

import resource
import unittest

from lares_test import Server


class FileLimit(unittest.TestCase):
    def limits(self, shell="", **config):
        """Soft and hard limit of a server that a shell starts after this, and what it logged."""
        with Server(config=config) as server:
            server.stop()
            server.process.command = ["sh", "-c", shell + '; exec "$@"', "sh", *server.process.command]
            server.start()
            return resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE), server.process.log_text()

    def test_the_soft_limit_is_raised_to_the_hard_one(self):
        limits, log = self.limits("ulimit -Sn 256; ulimit -Hn 3000", http={"max_connections": 2000})
        self.assertEqual(limits, (3000, 3000))
        self.assertNotIn("http.max_connections is", log)

    def test_the_configured_limit_counts(self):
        self.assertEqual(self.limits("ulimit -Sn 256; ulimit -Hn 3000", soft_file_limit=1000)[0], (1000, 3000))

    def test_a_limit_that_the_system_does_not_allow_is_said(self):
        limits, log = self.limits("ulimit -n 3000", soft_file_limit=5000)
        self.assertEqual(limits, (3000, 3000))
        self.assertIn("soft_file_limit is 5000, and the system allows 3000 open files. Raise the hard limit: LimitNOFILE= of "
                      "the service, or ulimit -Hn.", log)

    def test_more_connections_than_files_is_said(self):
        _, log = self.limits("ulimit -n 3000", http={"max_connections": 3000})
        self.assertIn("http.max_connections is 3000, and the process may have 3000 files open, connections among them. Raise "
                      "the limit (soft_file_limit; LimitNOFILE= of the service, or ulimit -Hn), or lower "
                      "http.max_connections.", log)


if __name__ == "__main__":
    unittest.main()
