# SPDX-License-Identifier: Apache-2.0
"""Rooms that are created at once."""

import threading
import unittest

from engines import V3, EngineTests, on_both_engines


class Create(EngineTests):
    def at_once(self, threads, function):
        answers = []

        def work():
            for _ in range(10):
                answers.append(function())
        workers = [threading.Thread(target=work) for _ in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return answers

    def test_rooms_of_one_moment_differ(self):
        alice, = self.users("alice")
        answers = self.at_once(8, lambda: self.server.client(alice.token).raw(
            "POST", V3 + "/createRoom", {"room_version": "12"}))
        self.assertEqual({answer.status for answer in answers}, {200}, answers[-1].text)
        self.assertEqual(len({answer.json["room_id"] for answer in answers}), len(answers))

    def test_upgrades_of_one_moment_differ(self):
        alice, = self.users("alice")
        room = alice.create_room()
        answers = self.at_once(3, lambda: self.server.client(alice.token).raw(
            "POST", alice.room_path(room, "upgrade"), {"new_version": "12"}))
        made = [answer.json["replacement_room"] for answer in answers if answer.status == 200]
        self.assertEqual(len(set(made)), len(made))
        # The rest came when the room had been upgraded.
        self.assertEqual({answer.status for answer in answers} - {200, 403}, set(), answers[-1].text)
        self.assertTrue(made)


on_both_engines(Create, globals(), processes=True)


if __name__ == "__main__":
    unittest.main()
