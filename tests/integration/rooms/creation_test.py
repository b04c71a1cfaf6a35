# SPDX-License-Identifier: Apache-2.0
"""What a room begins with: what is the client's to say, and what the administrator."""

import json
import subprocess
import unittest
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

from engines import V3
from lares_test import Server, wait_until


class CreationTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(Server())

    def state(self, client, room, kind, key=""):
        return client.get(client.room_path(room, "state", kind, key))

    def test_creator_and_version_are_not_the_clients_to_say(self):
        alice = self.server.register("alice")
        for version, creator in (("10", alice.user_id), ("11", None), ("12", None)):
            room = alice.create_room(room_version=version, creation_content={
                "creator": "@somebody:else.test", "room_version": "1", "com.example.kept": True})
            content = self.state(alice, room, "m.room.create")
            self.assertEqual((content.get("creator"), content["room_version"], content["com.example.kept"]),
                             (creator, version, True))

    def test_only_a_known_version_is_the_one_of_new_rooms(self):
        self.server.config["default_room_version"] = "11"
        self.server.write_config()
        self.server.reload()
        bob = self.server.register("bob")
        wait_until(lambda: self.state(bob, bob.create_room(), "m.room.create")["room_version"] == "11",
                   what="rooms of the new default version")
        self.server.config["default_room_version"] = "99"
        self.server.write_config()
        self.addCleanup(self.server.config.pop, "default_room_version")
        checked = subprocess.run([*self.server.process.command, "--check-config"], capture_output=True, text=True, timeout=60)
        self.assertEqual(checked.returncode, 78)
        self.assertIn("default_room_version", checked.stdout + checked.stderr)


class AdministratorsSayTest(unittest.TestCase):
    """Keys of the configuration that say what rooms begin with, and who invites whom."""

    LEVELS = {"private_chat": {"events_default": 7}, "public_chat": {"invite": 60}}

    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(Server(config={
            "encryption_enabled_by_default_for_room_type": "invite", "default_power_level_content_override": cls.LEVELS}))

    def state(self, client, room, kind, key=""):
        return client.get(client.room_path(room, "state", kind, key))

    def test_rooms_entered_by_invitation_are_encrypted_unless_the_client_says_how(self):
        alice = self.server.register("alice")
        for preset in ("private_chat", "trusted_private_chat"):
            room = alice.create_room(preset=preset)
            self.assertEqual(self.state(alice, room, "m.room.encryption"), {"algorithm": "m.megolm.v1.aes-sha2"})
        own = {"algorithm": "m.megolm.v1.aes-sha2", "rotation_period_msgs": 5}
        room = alice.create_room(preset="private_chat", initial_state=[{"type": "m.room.encryption", "content": own}])
        self.assertEqual(self.state(alice, room, "m.room.encryption"), own)
        room = alice.create_room(preset="public_chat")
        self.assertEqual(alice.error("GET", alice.room_path(room, "state", "m.room.encryption")).status, 404)

    def test_levels_of_a_preset_stand_behind_those_of_the_client(self):
        bob = self.server.register("bob")
        levels = self.state(bob, bob.create_room(preset="private_chat"), "m.room.power_levels")
        self.assertEqual((levels["events_default"], levels["invite"], levels["ban"]), (7, 50, 50))
        levels = self.state(bob, bob.create_room(preset="public_chat"), "m.room.power_levels")
        self.assertEqual((levels["events_default"], levels["invite"]), (0, 60))
        room = bob.create_room(preset="public_chat", power_level_content_override={"invite": 3})
        self.assertEqual(self.state(bob, room, "m.room.power_levels")["invite"], 3)

    def test_levels_that_are_none_are_refused_at_the_start(self):
        server = Server(config={"default_power_level_content_override": {"public_chat": 5}})
        self.addCleanup(server.close)
        server.process.start()
        self.assertEqual(server.process.wait(), 78)
        self.assertIn("default_power_level_content_override", server.process.log_text())

    def test_only_administrators_invite_where_it_is_said_so(self):
        with Server(config={"block_non_admin_invites": True}) as server:
            boss, user = server.register_admin("boss"), server.register("user")
            room = user.create_room()
            for path, body in ((user.room_path(room, "invite"), {"user_id": boss.user_id}),
                               (V3 + "/createRoom", {"invite": [boss.user_id]})):
                error = user.error("POST", path, body)
                self.assertEqual((error.status, error.errcode), (403, "M_FORBIDDEN"))
            self.assertEqual(user.get(V3 + "/joined_rooms")["joined_rooms"], [room])
            boss.invite(boss.create_room(invite=["@x:hs.test"]), user.user_id)

    def test_invitations_may_leave_out_who_is_invited(self):
        for shown in (True, False):
            with Server(config={"include_profile_data_on_invite": shown}) as server:
                host, guest = server.register("host"), server.register("guest")
                guest.put(V3 + "/profile/%s/displayname" % guest.user_id, {"displayname": "Guest of Honour"})
                for room in (host.create_room(invite=[guest.user_id]), host.create_room()):
                    if guest.user_id not in json.dumps(host.get(host.room_path(room, "members"))):
                        host.invite(room, guest.user_id)
                    content = self.state(host, room, "m.room.member", guest.user_id)
                    self.assertEqual(content.get("displayname"), "Guest of Honour" if shown else None)

    def test_timelines_are_bounded_whatever_a_filter_asks_for(self):
        wanted = {"room": {"timeline": {"limit": 100000}}}
        for limit, shown in ((3, 3), (-1, 9)):
            with Server(config={"filter_timeline_limit": limit}) as server:
                user = server.register("user")
                room = user.create_room()
                for number in range(3):
                    user.send(room, str(number))
                stored = user.post(V3 + "/user/%s/filter" % user.user_id, wanted)["filter_id"]
                for asked in (json.dumps(wanted), stored):
                    answer = user.call("GET", V3 + "/sync", query={"filter": asked})
                    timeline = answer["rooms"]["join"][room]["timeline"]
                    self.assertEqual((len(timeline["events"]), timeline["limited"]), (shown, shown == 3))

    def test_rooms_can_be_kept_out_of_syncs(self):
        with Server() as server:
            user = server.register("user")
            shown, hidden = user.create_room(), user.create_room()
            fresh = lambda: set(server.client(user.token).sync()["rooms"]["join"])  # noqa: E731
            self.assertEqual(fresh(), {shown, hidden})
            server.config["exclude_rooms_from_sync"] = [hidden]
            server.write_config()
            server.reload()
            wait_until(lambda: fresh() == {shown}, what="a sync without the room")
            user.sync()
            user.send(hidden, "not shown")
            last = user.send(shown, "shown")
            answer = user.sync_until(lambda answer: answer if last in json.dumps(answer) else None)
            self.assertNotIn("not shown", json.dumps(answer))

    def test_what_of_a_room_is_shown_to_who_is_invited(self):
        state = {"additional_event_types": ["com.example.whole", ["com.example.one", "a"]]}
        for bare in (False, True):
            with Server(config={"room_prejoin_state": {**state, "disable_default_event_types": bare}}) as server:
                host, guest = server.register("host"), server.register("guest")
                room = host.create_room(name="walks")
                for kind, key in (("com.example.whole", "x"), ("com.example.whole", "y"), ("com.example.one", "a"),
                                  ("com.example.one", "b"), ("com.example.none", "")):
                    host.set_state(room, kind, {"k": key}, key)
                host.invite(room, guest.user_id)
                events = guest.sync()["rooms"]["invite"][room]["invite_state"]["events"]
                seen = {(event["type"], event["state_key"]) for event in events}
                more = {(kind, key) for kind, key in seen if kind.startswith("com.")}
                self.assertEqual(more, {("com.example.whole", "x"), ("com.example.whole", "y"), ("com.example.one", "a")})
                self.assertEqual(("m.room.name", "") in seen, not bare)
                self.assertIn(("m.room.member", host.user_id), seen)

    def test_who_registers_is_brought_into_rooms_that_are_made_where_they_are_not_there(self):
        lobby, hall = "#lobby:hs.test", "#hall:hs.test"
        with Server(config={"auto_join_rooms": [lobby, "#not:else.test", hall], "allow_guest_access": True,
                            "autocreate_auto_join_rooms_federated": False}) as server:
            first, second = server.register("first"), server.register("second")
            rooms = [first.get(V3 + "/directory/room/" + quote(alias))["room_id"] for alias in (lobby, hall)]
            for user in (first, second):
                self.assertEqual(sorted(user.get(V3 + "/joined_rooms")["joined_rooms"]), sorted(rooms))
            create = self.state(second, rooms[0], "m.room.create")
            self.assertEqual(create["m.federate"], False)
            self.assertEqual(self.state(second, rooms[0], "m.room.canonical_alias"), {"alias": lobby})
            first.set_state(rooms[0], "m.room.guest_access", {"guest_access": "can_join"})
            guest = server.client()
            guest.logged_in(guest.call("POST", V3 + "/register", {}, query={"kind": "guest"}))
            self.assertEqual(guest.get(V3 + "/joined_rooms")["joined_rooms"], rooms[:1])

    def test_a_guest_makes_no_room(self):
        with Server(config={"auto_join_rooms": ["#lobby:hs.test"], "allow_guest_access": True}) as server:
            guest = server.client()
            guest.logged_in(guest.call("POST", V3 + "/register", {}, query={"kind": "guest"}))
            self.assertEqual(guest.get(V3 + "/joined_rooms")["joined_rooms"], [])
            user = server.register("user")
            room, = user.get(V3 + "/joined_rooms")["joined_rooms"]
            creator, = user.get(user.room_path(room, "joined_members"))["joined"]
            self.assertEqual(creator, user.user_id)

    def test_nobody_stays_in_a_room_that_did_not_get_its_alias(self):
        rules = [{"room_id": "!*", "action": "deny"}, {"action": "allow"}]
        with Server(config={"auto_join_rooms": ["#lobby:hs.test"], "alias_creation_rules": rules}) as server:
            user = server.register("user")
            self.assertEqual(user.get(V3 + "/joined_rooms")["joined_rooms"], [])
            left = user.sync(filter=json.dumps({"room": {"include_leave": True}}))["rooms"]["leave"]
            self.assertEqual(len(left), 1)

    def test_those_who_register_at_one_moment_are_in_one_room(self):
        with Server(config={"auto_join_rooms": ["#lobby:hs.test"],
                            "password_hash": {"memory": "8K", "passes": 1}}) as server:
            with ThreadPoolExecutor(8) as threads:
                users = list(threads.map(server.register, ["user%d" % number for number in range(8)]))
            self.assertEqual(len({tuple(user.get(V3 + "/joined_rooms")["joined_rooms"]) for user in users}), 1)
            room, = users[0].get(V3 + "/joined_rooms")["joined_rooms"]
            self.assertEqual(len(users[0].get(users[0].room_path(room, "joined_members"))["joined"]), 8)

    def test_a_host_makes_the_rooms_and_invites_into_them(self):
        with Server(config={"auto_join_rooms": ["#lobby:hs.test"], "auto_join_mxid_localpart": "host",
                            "autocreate_auto_join_room_preset": "private_chat"}) as server:
            # Whoever comes to be called so must not find these rooms made in their name.
            early = server.register("early")
            self.assertEqual(early.get(V3 + "/joined_rooms")["joined_rooms"], [])
            host, user = server.register("host"), server.register("user")
            room, = user.get(V3 + "/joined_rooms")["joined_rooms"]
            self.assertEqual(self.state(user, room, "m.room.join_rules"), {"join_rule": "invite"})
            self.assertEqual(sorted(host.get(host.room_path(room, "joined_members"))["joined"]),
                             [host.user_id, user.user_id])
            server.config["autocreate_auto_join_rooms"] = False
            server.config["auto_join_rooms"] = ["#other:hs.test"]
            server.write_config()
            server.restart()
            self.assertEqual(server.register("late").get(V3 + "/joined_rooms")["joined_rooms"], [])

    def test_the_older_name_switches_presence_off(self):
        with Server(config={"use_presence": False}) as server:
            one = server.register("one")
            one.put(V3 + "/presence/%s/status" % one.user_id, {"presence": "online", "status_msg": "here"})
            self.assertNotIn("here", json.dumps(one.get(V3 + "/presence/%s/status" % one.user_id)))


if __name__ == "__main__":
    unittest.main()
