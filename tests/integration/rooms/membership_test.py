# SPDX-License-Identifier: Apache-2.0
"""Coming into rooms and going out of them: knocking, restricted joins, bans, what is forgotten."""

import json
import unittest
from urllib.parse import quote

from engines import V1, V3, EngineTests, on_both_engines
from lares_test import Server


def restricted(*rooms, rule="restricted"):
    return {"type": "m.room.join_rules", "content": {
        "join_rule": rule, "allow": [{"type": "m.room_membership", "room_id": room} for room in rooms]}}


class Membership(EngineTests):
    def members(self, client, room, **query):
        chunk = client.get(client.room_path(room, "members"), **query)["chunk"]
        return {event["state_key"]: event["content"]["membership"] for event in chunk}

    def test_a_knock_is_seen_answered_and_withdrawn(self):
        alice, bob, carol = self.users("alice", "bob", "carol")
        room = alice.create_room(preset="private_chat", name="Parlour", initial_state=[
            {"type": "m.room.join_rules", "content": {"join_rule": "knock"}}])
        answer = bob.post(V3 + "/knock/" + quote(room, safe=""), {"reason": "let me in"})
        self.assertEqual(answer, {"room_id": room})
        knocked = bob.sync()["rooms"]["knock"][room]["knock_state"]["events"]
        self.assertIn("Parlour", [event["content"].get("name") for event in knocked])
        alice.invite(room, bob.user_id)
        bob.join(room)
        carol.post(V3 + "/knock/" + quote(room, safe=""))
        carol.leave(room)
        self.assertEqual(self.members(alice, room), {
            alice.user_id: "join", bob.user_id: "join", carol.user_id: "leave"})
        closed = alice.create_room(preset="private_chat")
        self.check_error(bob.error("POST", V3 + "/knock/" + quote(closed, safe=""), {}), 403, "M_FORBIDDEN")

    def test_members_of_a_space_may_join_its_restricted_room(self):
        for version in ("10", "11", "12"):
            for rule in ("restricted", "knock_restricted"):
                with self.subTest(version=version, rule=rule):
                    alice, bob, carol = (self.server.register("%s%s%s" % (name, version, rule[:5]))
                                         for name in ("ra", "rb", "rc"))
                    space = alice.create_room(creation_content={"type": "m.space"})
                    room = alice.create_room(preset="private_chat", room_version=version,
                                             initial_state=[restricted(space, rule=rule)])
                    bob.join(space)
                    bob.join(room)
                    event = bob.get(bob.room_path(room, "state", "m.room.member", bob.user_id))
                    self.assertEqual(event["join_authorised_via_users_server"], alice.user_id)
                    self.check_error(carol.error("POST", carol.room_path(room, "join"), {}), 403, "M_FORBIDDEN")

    def test_a_membership_written_as_state_opens_no_other_door(self):
        alice, bob, carol = self.users("alice", "bob", "carol")
        space = alice.create_room(creation_content={"type": "m.space"})
        room = alice.create_room(preset="private_chat", initial_state=[restricted(space)])
        path = carol.room_path(room, "state", "m.room.member", carol.user_id)
        forged = {"membership": "join", "join_authorised_via_users_server": alice.user_id}
        self.check_error(carol.error("PUT", path, forged), 403, "M_FORBIDDEN")
        self.check_error(carol.error("PUT", path, {"membership": 5}), 400, "M_BAD_JSON")
        bob.join(space)
        path = bob.room_path(room, "state", "m.room.member", bob.user_id)
        forged["join_authorised_via_users_server"] = bob.user_id
        bob.call("PUT", path, forged)
        self.assertEqual(bob.get(path), {"membership": "join", "join_authorised_via_users_server": alice.user_id})
        # What comes back with a change of name is not said again.
        bob.call("PUT", path, {**bob.get(path), "displayname": "Bob here"})
        self.assertEqual(bob.get(path), {"membership": "join", "displayname": "Bob here"})

    def test_a_room_may_begin_with_members_in_its_state(self):
        alice, bob = self.users("alice", "bob")
        room = alice.create_room(preset="private_chat", initial_state=[
            {"type": "m.room.member", "state_key": bob.user_id, "content": {
                "membership": "invite", "join_authorised_via_users_server": bob.user_id}}])
        bob.join(room)
        self.assertEqual(self.members(alice, room), {alice.user_id: "join", bob.user_id: "join"})
        wrong = {"initial_state": [{"type": "m.room.member", "state_key": "bob", "content": {"membership": "invite"}}]}
        self.check_error(alice.error("POST", V3 + "/createRoom", wrong), 400, "M_INVALID_PARAM")

    def test_a_ban_holds_until_it_is_lifted_and_kicks_are_for_members(self):
        alice, bob = self.users("alice", "bob")
        room = alice.create_room()
        path = {deed: alice.room_path(room, deed) for deed in ("kick", "ban", "unban")}
        target = {"user_id": bob.user_id}
        self.check_error(alice.error("POST", path["kick"], target), 403, "M_FORBIDDEN")
        bob.join(room)
        alice.post(path["kick"], {**target, "reason": "manners"})
        self.check_error(alice.error("POST", path["unban"], target), 403, "M_BAD_STATE")
        alice.post(path["ban"], target)
        self.check_error(bob.error("POST", bob.room_path(room, "join"), {}), 403, "M_FORBIDDEN")
        self.check_error(alice.error("POST", path["kick"], target), 403, "M_FORBIDDEN")
        alice.post(path["unban"], target)
        bob.join(room)
        self.check_error(bob.error("POST", bob.room_path(room, "ban"), {"user_id": alice.user_id}), 403, "M_FORBIDDEN")

    def test_joining_and_leaving_twice_is_as_good_as_once(self):
        alice, bob = self.users("alice", "bob")
        room = alice.create_room()
        bob.join(room)
        before = len(alice.history(room))
        bob.join(room)
        bob.leave(room)
        bob.leave(room)
        self.assertEqual(len(alice.history(room)), before + 1)
        stranger, = self.users("stranger")
        self.check_error(stranger.error("POST", stranger.room_path(room, "leave"), {}), 403, "M_FORBIDDEN")

    def test_who_joins_says_what_else_stands_in_the_member_event(self):
        alice, bob = self.users("alice", "bob")
        room = alice.create_room()
        bob.post(V3 + "/join/" + quote(room, safe=""), {
            "reason": "curious", "org.example.mood": "fine", "displayname": "Bob here", "membership": "ban",
            "join_authorised_via_users_server": alice.user_id})
        content = bob.get(bob.room_path(room, "state", "m.room.member", bob.user_id))
        self.assertEqual(content, {"membership": "join", "reason": "curious", "org.example.mood": "fine",
                                   "displayname": "Bob here"})

    def test_a_room_that_is_not_known_cannot_be_entered(self):
        alice, = self.users("alice")
        for action, status, errcode in (("join", 403, "M_FORBIDDEN"), ("knock", 404, "M_NOT_FOUND")):
            self.check_error(alice.error("POST", V3 + "/%s/%s" % (action, quote("!no:where")), {}), status, errcode)

    def test_a_forgotten_room_is_neither_shown_nor_read(self):
        alice, bob = self.users("alice", "bob")
        room = alice.create_room()
        bob.join(room)
        forget = bob.room_path(room, "forget")
        self.check_error(bob.error("POST", forget, {}), 400, "M_UNKNOWN")
        bob.leave(room)
        leaving = {"filter": '{"room":{"include_leave":true}}'}
        self.assertIn(room, bob.call("GET", V3 + "/sync", query=leaving)["rooms"]["leave"])
        bob.messages(room)
        bob.post(forget)
        self.assertNotIn("rooms", bob.call("GET", V3 + "/sync", query=leaving))
        self.check_error(bob.error("GET", bob.room_path(room, "messages") + "?dir=b"), 403, "M_FORBIDDEN")
        self.server.kill()
        self.server.start()
        self.check_error(bob.error("GET", bob.room_path(room, "messages") + "?dir=b"), 403, "M_FORBIDDEN")
        bob.join(room)
        self.assertIn(room, bob.call("GET", V3 + "/sync")["rooms"]["join"])
        stranger, = self.users("stranger")
        self.check_error(stranger.error("POST", forget, {}), 403, "M_FORBIDDEN")

    def test_members_are_listed_by_membership_and_as_they_were(self):
        alice, bob, carol = self.users("alice", "bob", "carol")
        room = alice.create_room()
        bob.join(room)
        at = alice.sync()["next_batch"]
        bob.leave(room)
        carol.join(room)
        self.assertEqual(self.members(alice, room, membership="join"), {alice.user_id: "join", carol.user_id: "join"})
        self.assertEqual(self.members(alice, room, not_membership="join"), {bob.user_id: "leave"})
        self.assertEqual(self.members(alice, room, membership="join", not_membership="ban"),
                         {alice.user_id: "join", bob.user_id: "leave", carol.user_id: "join"})
        self.assertEqual(self.members(alice, room, membership="leave", not_membership="join"), {bob.user_id: "leave"})
        self.assertEqual(self.members(alice, room, at=at), {alice.user_id: "join", bob.user_id: "join"})
        whole = self.server.client(alice.token).sync(filter='{"room":{"timeline":{"limit":100}}}')
        at = whole["rooms"]["join"][room]["timeline"]["prev_batch"]
        self.assertEqual(self.members(alice, room, at=at), {alice.user_id: "join"})
        joined = alice.get(alice.room_path(room, "joined_members"))["joined"]
        self.assertEqual(set(joined), {alice.user_id, carol.user_id})
        self.assertIn(room, alice.get(V3 + "/joined_rooms")["joined_rooms"])

    def test_a_room_that_all_others_have_left_is_named_after_them(self):
        alice, bob, carol = self.users("alice", "bob", "carol")
        room = alice.create_room(invite=[carol.user_id])
        bob.join(room)
        alice.sync()
        alice.post(alice.room_path(room, "ban"), {"user_id": carol.user_id})
        self.assertEqual(alice.sync()["rooms"]["join"][room]["summary"]["m.heroes"], [bob.user_id])
        bob.leave(room)
        heroes = [carol.user_id, bob.user_id]
        self.assertEqual(alice.sync()["rooms"]["join"][room]["summary"]["m.heroes"], heroes)
        lazy = self.server.client(alice.token).sync(filter=json.dumps(
            {"room": {"state": {"lazy_load_members": True}, "timeline": {"limit": 1}}}))["rooms"]["join"][room]
        self.assertEqual(lazy["summary"]["m.heroes"], heroes)
        shown = lazy["state"]["events"] + lazy["timeline"]["events"]
        self.assertLessEqual(set(heroes), {event.get("state_key") for event in shown})

    def test_a_room_without_a_name_is_named_after_those_who_came_first(self):
        alice, = self.users("alice")
        others = self.users("z", "y", "x", "w", "v", "u")
        room = alice.create_room()
        for other in others:
            other.join(room)
        summary = alice.sync()["rooms"]["join"][room]["summary"]
        self.assertEqual(summary["m.heroes"], [other.user_id for other in others[:5]])
        others[1].leave(room)
        seen = alice.sync()["rooms"]["join"][room]["summary"]
        self.assertEqual(seen["m.heroes"], [other.user_id for other in [others[0]] + others[2:]])
        self.assertEqual(seen["m.joined_member_count"], 6)

    def test_a_summary_is_for_those_who_could_come_in(self):
        alice, bob = self.users("alice", "bob")
        room = alice.create_room(name="Open", topic="house")
        answer = bob.get(V1 + "/room_summary/" + quote(room, safe=""))
        self.assertEqual((answer["name"], answer["topic"], answer["join_rule"], answer["num_joined_members"]),
                         ("Open", "house", "public", 1))
        self.assertNotIn("membership", answer)
        closed = alice.create_room(preset="private_chat")
        self.check_error(bob.error("GET", V1 + "/room_summary/" + quote(closed, safe="")), 404, "M_NOT_FOUND")
        self.assertEqual(alice.get(V1 + "/room_summary/" + quote(closed, safe=""))["membership"], "join")

    def test_what_is_no_user_or_room_is_refused(self):
        alice, = self.users("alice")
        room = alice.create_room()
        for path, body in ((alice.room_path(room, "invite"), {}), (alice.room_path(room, "invite"), {"user_id": 5}),
                           (alice.room_path(room, "invite"), {"user_id": "bob"}),
                           (alice.room_path(room, "ban"), {"user_id": "@b:hs.test", "reason": []}),
                           (alice.room_path("nothing", "join"), {}), (V3 + "/join/nothing", {}),
                           (V3 + "/knock/%s" % ("x" if self.behind_nginx else "%00"), {}),
                           (alice.room_path(room, "invite"), {"medium": "email", "address": "a@b", "id_server": "x"})):
            error = alice.error("POST", path, body)
            self.assertTrue(400 <= error.status < 500 and error.errcode.startswith("M_"), (path, error))


class ForgettingOnLeave(EngineTests):
    CONFIG = {"forget_rooms_on_leave": True}

    def test_a_room_is_forgotten_with_the_leave_and_clients_still_hear_of_it(self):
        alice, bob = self.users("alice", "bob")
        room = alice.create_room()
        bob.join(room)
        bob.sync()
        bob.leave(room)
        self.assertIn(room, bob.sync()["rooms"]["leave"])
        self.check_error(bob.error("GET", bob.room_path(room, "messages") + "?dir=b"), 403, "M_FORBIDDEN")
        leaving = {"filter": '{"room":{"include_leave":true}}'}
        self.assertNotIn("rooms", bob.call("GET", V3 + "/sync", query=leaving))


class JoinLimits(unittest.TestCase):
    def test_joins_written_as_state_count_as_joins(self):
        plenty = {"per_second": 1000, "burst_count": 1000}
        with Server(config={"rate_limits": True, "rc_registration": plenty, "rc_message": plenty,
                            "rc_joins": {"local": {"per_second": 0.001, "burst_count": 1}}}) as server:
            alice, bob = server.register("alice"), server.register("bob")
            first, second = alice.create_room(), alice.create_room()
            content = {"membership": "join"}
            bob.call("PUT", bob.room_path(first, "state", "m.room.member", bob.user_id), content)
            error = bob.error("PUT", bob.room_path(second, "state", "m.room.member", bob.user_id), content)
            self.assertEqual((error.status, error.errcode), (429, "M_LIMIT_EXCEEDED"))
            named = {**content, "displayname": "Bob here"}
            bob.call("PUT", bob.room_path(first, "state", "m.room.member", bob.user_id), named)


on_both_engines(Membership, globals(), processes=True)
on_both_engines(ForgettingOnLeave, globals())

if __name__ == "__main__":
    unittest.main()
