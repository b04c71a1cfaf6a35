# SPDX-License-Identifier: Apache-2.0
"""What modules are asked by what clients do: what they refuse does not happen, the rest does. invite_guard as it is shipped, and
one that writes down what it sees."""

import json
import os
import unittest

from engines import V3
from lares_test import Server
from lares_test.server import build_dir

CONFIG = {"modules": [{"module": "invite_guard", "config": {
    "invites": {"per_user": 2, "seconds": 3600}, "rooms": {"per_user": 3, "seconds": 3600},
    "denied_servers": ["*.spam.test"], "exempt_users": ["@exempt:*"], "denied_words": ["casino*"]}}]}


class ModulesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(Server(config=CONFIG))

    def refused(self, error, status=403, errcode="M_FORBIDDEN"):
        self.assertEqual((error.status, error.errcode), (status, errcode), error)

    def too_many(self, error):
        self.refused(error, 429, "M_LIMIT_EXCEEDED")

    def test_invitations_beyond_the_bound_are_refused_one_by_one_and_with_a_new_room(self):
        host = self.server.register("host")
        guests = [self.server.register("guest%d" % i) for i in range(4)]
        room = host.create_room(preset="private_chat", invite=[guests[0].user_id])
        host.invite(room, guests[1].user_id)
        self.too_many(host.error("POST", host.room_path(room, "invite"), {"user_id": guests[2].user_id}))
        self.assertNotIn("rooms", guests[2].sync())
        self.too_many(host.error("POST", V3 + "/createRoom", {"invite": [guests[3].user_id]}))
        self.assertNotIn("rooms", guests[3].sync())
        self.assertIn(room, guests[0].sync()["rooms"]["invite"])

    def test_servers_and_words_that_are_denied_are_refused_and_exempt_users_are_not(self):
        user, exempt = self.server.register("talker"), self.server.register("exempt")
        room = user.create_room()
        exempt.join(room)
        self.refused(user.error("POST", user.room_path(room, "invite"), {"user_id": "@x:bad.spam.test"}))
        path = user.room_path(room, "send", "m.room.message", "1")
        body = {"msgtype": "m.text", "body": "come to the casino"}
        self.refused(user.error("PUT", path, body))
        exempt.send(room, body["body"])
        user.send(room, "come for a walk")
        self.assertEqual([event["content"]["body"] for event in user.history(room) if event["type"] == "m.room.message"],
                         ["come to the casino", "come for a walk"])

    def test_rooms_beyond_the_bound_are_refused(self):
        user = self.server.register("builder")
        for _ in range(3):
            user.create_room()
        self.too_many(user.error("POST", V3 + "/createRoom", {}))
        self.assertEqual(len(user.get(V3 + "/joined_rooms")["joined_rooms"]), 3)

    def test_an_upgrade_counts_as_a_new_room(self):
        user = self.server.register("upgrader")
        room = user.create_room()
        for _ in range(2):
            room = user.post(user.room_path(room, "upgrade"), {"new_version": "11"})["replacement_room"]
        self.too_many(user.error("POST", user.room_path(room, "upgrade"), {"new_version": "11"}))
        self.assertFalse([event for event in user.history(room) if event["type"] == "m.room.tombstone"])


class EveryEndpointTest(unittest.TestCase):
    """A module that denies events with the word casino, rooms with the word roulette and joins of outcasts is asked whatever way a
    client takes."""

    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.record = os.path.join(cls.server.folder, "record")
        cls.server.config["modules"] = [{
            "module": os.path.join(build_dir(), "tests/host/recorder/recorder.so"),
            "config": {"file": cls.record, "event_word": "casino", "room_word": "roulette",
                       "join_word": "outcast"}}]
        cls.server.write_config()
        cls.enterClassContext(cls.server)

    def users(self, *names):
        return [self.server.register("%s-%s" % (name, self.id().split(".")[-1][-40:])) for name in names]

    def asked(self):
        if not os.path.exists(self.record):
            return []
        with open(self.record) as file:
            return [json.loads(line) for line in file]

    def refused(self, client, method, path, body):
        error = client.error(method, path, body)
        self.assertEqual((error.status, error.errcode, error.body["error"]), (403, "M_FORBIDDEN", "Not here."), path)

    def test_a_module_sees_what_the_sender_says_and_nothing_that_is_not_so_yet(self):
        user, = self.users("writer")
        room = user.create_room(room_version="10")
        message = user.send(room, "plain words")
        user.redact(room, message, "a slip")
        seen = {line["event"]["type"]: line for line in self.asked() if line.get("room_id") == room}
        for kind, more in (("m.room.message", []), ("m.room.redaction", ["redacts"])):
            event = seen[kind]["event"]
            self.assertEqual(sorted(event), sorted(["content", "origin_server_ts", "room_id", "sender", "type"] + more))
            self.assertEqual((event["room_id"], event["sender"], seen[kind]["event_id"]), (room, user.user_id, ""))
            self.assertEqual(seen[kind]["content"], event["content"])
            self.assertGreater(event["origin_server_ts"], 1_000_000_000_000)
        self.assertEqual(seen["m.room.redaction"]["event"]["redacts"], message)
        room = user.create_room(room_version="11")
        message = user.send(room, "plain words")
        user.put(user.room_path(room, "send", "m.room.redaction", user.new_txn()), {"redacts": message})
        last = self.asked()[-1]["event"]
        self.assertEqual((last["type"], last["content"]["redacts"]), ("m.room.redaction", message))

    def test_redactions(self):
        user, = self.users("writer")
        room = user.create_room()
        event = user.send(room, "stays")
        self.refused(user, "PUT", user.room_path(room, "redact", event, user.new_txn()), {"reason": "casino"})
        self.assertEqual(user.get(user.room_path(room, "event", event))["content"]["body"], "stays")

    def test_memberships(self):
        host, guest = self.users("host", "guest")
        room = host.create_room()
        word = {"reason": "casino"}
        self.refused(guest, "POST", guest.room_path(room, "join"), word)
        self.refused(guest, "POST", V3 + "/join/" + room, {"displayname": "casino"})
        self.refused(guest, "PUT", guest.room_path(room, "state", "m.room.member", guest.user_id), {"membership": "join", **word})
        self.assertEqual(guest.get(V3 + "/joined_rooms")["joined_rooms"], [])
        at_guest = {"user_id": guest.user_id, **word}
        self.refused(host, "POST", host.room_path(room, "invite"), at_guest)
        guest.join(room)
        self.refused(guest, "POST", guest.room_path(room, "leave"), word)
        self.refused(host, "POST", host.room_path(room, "kick"), at_guest)
        self.refused(host, "POST", host.room_path(room, "ban"), at_guest)
        self.assertEqual(guest.get(V3 + "/joined_rooms")["joined_rooms"], [room])
        host.post(host.room_path(room, "ban"), {"user_id": guest.user_id})
        self.refused(host, "POST", host.room_path(room, "unban"), at_guest)
        host.set_state(room, "m.room.join_rules", {"join_rule": "knock"})
        host.post(host.room_path(room, "unban"), {"user_id": guest.user_id})
        self.refused(guest, "POST", V3 + "/knock/" + room, word)
        guest.post(V3 + "/knock/" + room, {"reason": "please"})

    def test_who_comes_into_a_room(self):
        host, guest, outcast = self.users("host", "guest", "outcast")
        ways = (lambda client, room: ("POST", V3 + "/join/" + room, {}),
                lambda client, room: ("POST", client.room_path(room, "join"), {}),
                lambda client, room: ("PUT", client.room_path(room, "state", "m.room.member", client.user_id),
                                      {"membership": "join"}))
        entered = []
        for invited in (False, True):
            for way in ways:
                before = len(self.asked())
                room = host.create_room(preset="private_chat" if invited else "public_chat")
                if invited:
                    host.invite(room, guest.user_id)
                    host.invite(room, outcast.user_id)
                self.refused(outcast, *way(outcast, room))
                guest.call(*way(guest, room))
                entered.append(room)
                # Who makes a room is not asked about.
                self.assertEqual([line["join"] for line in self.asked()[before:] if "join" in line], [
                    {"user_id": who.user_id, "room_id": room, "invited": invited} for who in (outcast, guest)])
        self.assertEqual(outcast.get(V3 + "/joined_rooms")["joined_rooms"], [])
        self.assertEqual(sorted(guest.get(V3 + "/joined_rooms")["joined_rooms"]), sorted(entered))

    def test_what_is_written_as_state_by_who_is_not_in_the_room(self):
        host, guest = self.users("host", "guest")
        room = host.create_room(preset="private_chat", initial_state=[
            {"type": "m.room.join_rules", "content": {"join_rule": "knock"}}])
        for membership in ("knock", "leave"):
            guest.set_state(room, "m.room.member", {"membership": membership}, guest.user_id)
        host.invite(room, guest.user_id)
        guest.set_state(room, "m.room.member", {"membership": "leave"}, guest.user_id)
        self.assertEqual(host.get(host.room_path(room, "state", "m.room.member", guest.user_id))["membership"], "leave")
        error = guest.error("PUT", guest.room_path(room, "state", "m.room.topic", ""), {"topic": "from without"})
        self.assertEqual((error.status, error.errcode), (403, "M_FORBIDDEN"))

    def test_what_a_room_begins_with(self):
        user, other = self.users("maker", "other")
        path = V3 + "/createRoom"
        state = {"type": "m.room.message", "state_key": "", "content": {"body": "casino"}}
        for body in ({"name": "casino"}, {"topic": "casino"}, {"initial_state": [state]},
                     {"power_level_content_override": {"events": {"casino": 1}}},
                     {"initial_state": [{"type": "m.room.power_levels", "content": {"users": {user.user_id: 100}, "x": "casino"}}],
                      "room_version": "11"},
                     {"initial_state": [{"type": "m.room.member", "state_key": other.user_id,
                                         "content": {"membership": "invite", "displayname": "casino"}}]}):
            self.refused(user, "POST", path, body)
        self.assertEqual(user.get(V3 + "/joined_rooms")["joined_rooms"], [])
        before = len(self.asked())
        user.create_room(name="walks", invite=[other.user_id])
        events = [line for line in self.asked()[before:] if "event" in line]
        self.assertEqual([line["event"]["type"] for line in events], ["m.room.name", "m.room.member"])
        self.assertFalse(any("room_id" in line["event"] or line["room_id"] for line in events))

    def test_an_upgrade_is_shown_as_the_request_that_would_make_the_room(self):
        user, = self.users("maker")
        room = user.create_room(name="walks")
        made = user.post(user.room_path(room, "upgrade"), {"new_version": "11"})["replacement_room"]
        request = self.asked()[-1]["request"]
        self.assertEqual(request["room_version"], "11")
        self.assertEqual(request["creation_content"]["predecessor"]["room_id"], room)
        state = {event["type"]: event["content"] for event in request["initial_state"]}
        self.assertEqual(state["m.room.name"], {"name": "walks"})
        self.assertIn("m.room.power_levels", state)
        self.assertNotIn("m.room.member", state)
        user.set_state(made, "m.room.topic", {"topic": "roulette"})
        self.refused(user, "POST", user.room_path(made, "upgrade"), {"new_version": "11"})
        self.assertEqual(sorted(user.get(V3 + "/joined_rooms")["joined_rooms"]), sorted([room, made]))

    def test_a_request_that_is_repeated_is_not_asked_about_again(self):
        user, = self.users("writer")
        room = user.create_room()
        event = user.send(room, "once", txn="t1")
        redaction = user.put(user.room_path(room, "redact", event, "t2"), {})
        before = len(self.asked())
        self.assertEqual(user.send(room, "casino", txn="t1"), event)
        self.assertEqual(user.put(user.room_path(room, "redact", event, "t2"), {"reason": "casino"}), redaction)
        self.assertEqual(len(self.asked()), before)
        self.refused(user, "PUT", user.room_path(room, "send", "m.room.message", "t3"), {"body": "casino"})


class DeniedInvitesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(Server(config=CONFIG))

    def test_an_invitation_that_is_denied_keeps_the_room_from_being_made(self):
        host, guest = self.server.register("host"), self.server.register("guest")
        for body in ({"invite": [guest.user_id, "@x:bad.spam.test"]},
                     {"initial_state": [{"type": "m.room.member", "state_key": "@x:bad.spam.test",
                                         "content": {"membership": "invite"}}]}):
            error = host.error("POST", V3 + "/createRoom", {"room_alias_name": "walks", **body})
            self.assertEqual((error.status, error.errcode), (403, "M_FORBIDDEN"))
        self.assertEqual(host.get(V3 + "/joined_rooms")["joined_rooms"], [])
        self.assertNotIn("rooms", guest.sync())
        # Not even the alias was taken.
        room = host.create_room(room_alias_name="walks", invite=[guest.user_id])
        self.assertIn(room, guest.sync()["rooms"]["invite"])


class WordsOfADenialTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        module = {"module": os.path.join(build_dir(), "tests/host/unruly/unruly.so"), "config": {}}
        cls.server = cls.enterClassContext(Server(config={"modules": [module]}))

    def test_what_a_module_says_too_much_does_not_spoil_the_error(self):
        user = self.server.register("user")
        room = user.create_room()
        error = user.error("PUT", user.room_path(room, "send", "m.room.message", "1"), {"msgtype": "m.text", "body": "unruly"})
        self.assertEqual((error.status, error.body), (429, {
            "errcode": "M_LIMIT_EXCEEDED", "error": "x" + 511 * "\u00e9", "org.test.more": 7}))


if __name__ == "__main__":
    unittest.main()
