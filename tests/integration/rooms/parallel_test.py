# SPDX-License-Identifier: Apache-2.0
"""Equal requests that arrive at one moment: what the specification lets happen once happens once."""

import collections
import threading
import unittest

from engines import V3, EngineTests, on_both_engines

THREADS = 8


class Parallel(EngineTests):
    CONFIG = {"password_hash": {"memory": "8K", "passes": 1}}

    def at_once(self, call, times=1):
        """What `call(number of the thread, turn)` gave in each of some threads that begin together."""
        barrier = threading.Barrier(THREADS)
        answers, failures = [], []

        def run(thread):
            try:
                barrier.wait(30)
                for turn in range(times):
                    answers.append(call(thread, turn))
            except BaseException as error:  # told by the main thread
                failures.append(error)
        threads = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        return answers

    def raw_at_once(self, method, path, body, client):
        def call(thread, _turn):
            answer = client.raw(method, path(thread) if callable(path) else path, body)
            client.disconnect()
            return answer
        return self.at_once(call)

    def outcomes(self, answers):
        return collections.Counter((answer.status, answer.json.get("errcode")) for answer in answers)

    def holding(self, tokens):
        return [token for token in tokens
                if self.server.client(token).raw("GET", V3 + "/account/whoami").status == 200]

    def test_rooms_that_are_created_at_one_moment_are_different_rooms(self):
        [alice] = self.users("alice")
        rooms = self.at_once(lambda _thread, _turn: alice.create_room(), 30)
        self.assertEqual(len(set(rooms)), THREADS * 30)
        self.assertEqual(set(alice.get(V3 + "/joined_rooms")["joined_rooms"]), set(rooms))

    def test_rooms_that_are_upgraded_at_one_moment_have_different_successors(self):
        [alice] = self.users("alice")
        rooms = [[alice.create_room() for _ in range(4)] for _ in range(THREADS)]
        successors = self.at_once(lambda thread, turn: alice.post(
            alice.room_path(rooms[thread][turn], "upgrade"), {"new_version": "12"})["replacement_room"], 4)
        self.assertEqual(len(set(successors)), THREADS * 4)
        told = [alice.get(alice.room_path(room, "state", "m.room.tombstone"))["replacement_room"]
                for of_thread in rooms for room in of_thread]
        self.assertEqual(set(told), set(successors))

    def test_one_transaction_is_one_event(self):
        [alice] = self.users("alice")
        room = alice.create_room()
        for txn in range(20):
            answers = self.raw_at_once("PUT", alice.room_path(room, "send", "m.room.message", "txn%d" % txn),
                                       {"msgtype": "m.text", "body": "once"}, alice)
            self.assertEqual(self.outcomes(answers), {(200, None): THREADS})
            self.assertEqual(len({answer.json["event_id"] for answer in answers}), 1)
        self.assertEqual(len([event for event in alice.history(room) if event["type"] == "m.room.message"]), 20)

    def test_one_transaction_is_one_message_to_a_device(self):
        alice, bob = self.users("alice", "bob")
        bob.sync()
        answers = self.raw_at_once("PUT", V3 + "/sendToDevice/test.once/txn",
                                   {"messages": {bob.user_id: {bob.device_id: {"x": "y"}}}}, alice)
        self.assertEqual(self.outcomes(answers), {(200, None): THREADS})
        messages = bob.sync_until(lambda answer: answer.get("to_device", {}).get("events"))
        messages += bob.sync().get("to_device", {}).get("events", [])
        self.assertEqual(len(messages), 1, messages)

    def test_one_name_is_one_account(self):
        for number in range(5):
            name = "one-name-%d" % number
            answers = self.raw_at_once("POST", V3 + "/register", {
                "username": name, "password": "correct horse", "auth": {"type": "m.login.dummy"}}, self.server.client())
            self.assertEqual(self.outcomes(answers), {(200, None): 1, (400, "M_USER_IN_USE"): THREADS - 1})

    def test_one_refresh_token_gives_one_session(self):
        [alice] = self.users("alice")
        login = alice.post(V3 + "/login", {
            "type": "m.login.password", "identifier": {"type": "m.id.user", "user": alice.name},
            "password": alice.password, "refresh_token": True})
        answers = self.raw_at_once("POST", V3 + "/refresh", {"refresh_token": login["refresh_token"]}, self.server.client())
        self.assertEqual({answer.status for answer in answers} - {200, 401}, set(), self.outcomes(answers))
        self.assertEqual(len(self.holding(
            answer.json["access_token"] for answer in answers if answer.status == 200)), 1)

    def test_one_device_has_one_token(self):
        [alice] = self.users("alice")
        answers = self.raw_at_once("POST", V3 + "/login", {
            "type": "m.login.password", "identifier": {"type": "m.id.user", "user": alice.name},
            "password": alice.password, "device_id": "ONE"}, self.server.client())
        self.assertEqual(self.outcomes(answers), {(200, None): THREADS})
        self.assertEqual(len(self.holding(answer.json["access_token"] for answer in answers)), 1)
        devices = [device["device_id"] for device in alice.get(V3 + "/devices")["devices"]]
        self.assertEqual(devices.count("ONE"), 1)

    def test_one_user_joins_once(self):
        alice, bob = self.users("alice", "bob")
        room = alice.create_room()
        answers = self.raw_at_once("POST", alice.room_path(room, "join"), {}, bob)
        self.assertEqual(self.outcomes(answers), {(200, None): THREADS})
        joins = [event for event in alice.history(room)
                 if event["type"] == "m.room.member" and event["state_key"] == bob.user_id]
        self.assertEqual(len(joins), 1, joins)

    def test_one_user_reacts_once_in_one_way(self):
        [alice] = self.users("alice")
        room = alice.create_room()
        event = alice.send(room, "to be liked")
        reaction = {"m.relates_to": {"rel_type": "m.annotation", "event_id": event, "key": "x"}}
        answers = self.raw_at_once("PUT", lambda thread: alice.room_path(room, "send", "m.reaction", "like%d" % thread),
                                   reaction, alice)
        self.assertEqual(self.outcomes(answers), {(200, None): 1, (400, "M_DUPLICATE_ANNOTATION"): THREADS - 1})

    def test_one_key_is_given_once(self):
        alice, bob = self.users("alice", "bob")
        alice.post(V3 + "/keys/upload", {"one_time_keys": {"test:A": "a", "test:B": "b"}})
        answers = self.raw_at_once("POST", V3 + "/keys/claim",
                                   {"one_time_keys": {alice.user_id: {alice.device_id: "test"}}}, bob)
        given = sorted(key for answer in answers
                       for device in answer.json["one_time_keys"].get(alice.user_id, {}).values() for key in device)
        self.assertEqual(given, ["test:A", "test:B"])


on_both_engines(Parallel, globals())
del Parallel

if __name__ == "__main__":
    unittest.main(verbosity=2)
