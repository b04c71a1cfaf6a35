# SPDX-License-Identifier: Apache-2.0
"""Names of rooms, and the list of public rooms."""

import unittest
from urllib.parse import quote

from engines import V3, EngineTests, on_both_engines


class Directory(EngineTests):
    def path(self, alias):
        return V3 + "/directory/room/" + quote(alias, safe="")

    def test_an_alias_leads_to_its_room_until_it_is_deleted(self):
        alice, bob, carol = self.users("alice", "bob", "carol")
        room, alias = alice.create_room(), "#way:" + self.server.name
        self.check_error(bob.error("PUT", self.path(alias), {"room_id": room}), 403, "M_FORBIDDEN")
        bob.join(room)
        bob.put(self.path(alias), {"room_id": room})
        self.assertEqual(self.server.client().get(self.path(alias)), {"room_id": room, "servers": [self.server.name]})
        self.check_error(alice.error("PUT", self.path(alias), {"room_id": room}), 409, "M_UNKNOWN")
        carol.post(V3 + "/join/" + quote(alias, safe=""))
        self.assertEqual(carol.get(carol.room_path(room, "aliases")), {"aliases": [alias]})
        self.check_error(carol.error("DELETE", self.path(alias)), 403, "M_FORBIDDEN")
        alice.set_state(room, "m.room.canonical_alias", {"alias": alias, "alt_aliases": [alias]})
        bob.delete(self.path(alias))
        self.check_error(bob.error("GET", self.path(alias)), 404, "M_NOT_FOUND")
        alice.put(self.path(alias), {"room_id": room})
        alice.delete(self.path(alias))
        stranger, = self.users("stranger")
        self.check_error(stranger.error("GET", stranger.room_path(room, "aliases")), 403, "M_FORBIDDEN")

    def test_deleting_an_alias_takes_it_out_of_the_room_s_state(self):
        alice, = self.users("alice")
        room = alice.create_room(room_alias_name="main-name")
        alias, other = "#main-name:" + self.server.name, "#other-name:" + self.server.name
        alice.put(self.path(other), {"room_id": room})
        alice.set_state(room, "m.room.canonical_alias", {"alias": alias, "alt_aliases": [other]})
        alice.delete(self.path(alias))
        self.assertEqual(alice.get(alice.room_path(room, "state", "m.room.canonical_alias")), {"alt_aliases": [other]})

    def test_a_room_names_only_aliases_that_lead_to_it(self):
        alice, = self.users("alice")
        room, elsewhere = alice.create_room(), alice.create_room(room_alias_name="elsewhere")
        path = alice.room_path(room, "state", "m.room.canonical_alias")
        for content, errcode in (({"alias": "#nowhere:" + self.server.name}, "M_BAD_ALIAS"),
                                 ({"alt_aliases": ["#elsewhere:" + self.server.name]}, "M_BAD_ALIAS"),
                                 ({"alias": "nonsense"}, "M_INVALID_PARAM"), ({"alias": 5}, "M_INVALID_PARAM"),
                                 ({"alt_aliases": "#a:b"}, "M_INVALID_PARAM"), ({"alt_aliases": [5]}, "M_INVALID_PARAM")):
            self.check_error(alice.error("PUT", path, content), 400, errcode)
        alice.set_state(elsewhere, "m.room.canonical_alias", {"alias": "#elsewhere:" + self.server.name})
        alice.set_state(elsewhere, "m.room.canonical_alias", {})

    def test_what_is_no_alias_is_refused(self):
        alice, = self.users("alice")
        room = alice.create_room()
        for alias, body in (("nothing", {"room_id": room}), ("#a:elsewhere.test", {"room_id": room}),
                            ("#a:" + self.server.name, {}), ("#a:" + self.server.name, {"room_id": 5}),
                            ("#a:" + self.server.name, {"room_id": "!unknown:x"}),
                            ("#" + "x" * 300 + ":" + self.server.name, {"room_id": room})):
            error = alice.error("PUT", self.path(alias), body)
            self.assertEqual(error.status, 400, (alias, body))

    def test_public_rooms_are_listed_searched_and_paged(self):
        alice, bob = self.users("alice", "bob")
        rooms = [alice.create_room(visibility="public", name="Listed %d of the paging test" % i, topic="Topic %d" % i)
                 for i in range(5)]
        space = alice.create_room(visibility="public", name="Space of the paging test",
                                  creation_content={"type": "m.space"})
        for room in rooms[3:]:
            bob.join(room)
        def search(**body):
            body.setdefault("filter", {}).setdefault("generic_search_term", "PAGING test")
            return alice.post(V3 + "/publicRooms", body)
        everything = search()
        self.assertEqual(everything["total_room_count_estimate"], 6)
        self.assertEqual({room["room_id"] for room in everything["chunk"][:2]}, set(rooms[3:]))
        self.assertEqual(everything["chunk"][0]["num_joined_members"], 2)
        first = search(limit=4)
        rest = search(limit=4, since=first["next_batch"])
        self.assertEqual([room["room_id"] for room in first["chunk"] + rest["chunk"]],
                         [room["room_id"] for room in everything["chunk"]])
        self.assertNotIn("next_batch", rest)
        self.assertEqual(search(limit=4, since=""), first)
        self.assertEqual([room["room_id"] for room in search(filter={"room_types": ["m.space"]})["chunk"]], [space])
        self.assertEqual(len(search(filter={"room_types": [None]})["chunk"]), 5)
        self.assertEqual(search(filter={"generic_search_term": "topic 2"})["chunk"][0]["room_id"], rooms[2])
        alice.put(V3 + "/directory/list/room/" + quote(rooms[0], safe=""), {"visibility": "private"})
        self.assertEqual(search()["total_room_count_estimate"], 5)
        self.assertIn("chunk", alice.get(V3 + "/publicRooms", limit=1))

    def test_only_who_has_the_power_changes_what_is_listed(self):
        alice, bob = self.users("alice", "bob")
        room = alice.create_room()
        path = V3 + "/directory/list/room/" + quote(room, safe="")
        bob.join(room)
        self.check_error(bob.error("PUT", path, {"visibility": "public"}), 403, "M_FORBIDDEN")
        self.assertEqual(self.server.client().get(path), {"visibility": "private"})
        alice.put(path, {"visibility": "public"})
        self.assertEqual(bob.get(path), {"visibility": "public"})
        self.check_error(alice.error("PUT", path, {"visibility": "x"}), 400, "M_INVALID_PARAM")
        self.check_error(alice.error("GET", V3 + "/directory/list/room/%21nothing"), 404, "M_NOT_FOUND")
        self.check_error(self.server.client().error("GET", V3 + "/publicRooms"), 401, "M_MISSING_TOKEN")
        for body in ({"limit": "x"}, {"since": "zzz"}, {"since": 5}, {"filter": []}, {"filter": {"room_types": 5}},
                     {"filter": {"generic_search_term": 5}}, {"limit": -1}):
            self.assertEqual(alice.error("POST", V3 + "/publicRooms", body).status, 400, body)


class Rules(EngineTests):
    CONFIG = {"allow_public_rooms_without_auth": True,
              "alias_creation_rules": [{"user_id": "@trusted*", "alias": "#*"}, {"alias": "#free-*"}],
              "room_list_publication_rules": [{"user_id": "@bad*", "action": "deny"}, {"alias": "*"}]}

    def test_rules_say_who_names_and_lists_rooms(self):
        trusted, other, bad = (self.server.register(name) for name in ("trusted1", "other1", "bad1"))
        trusted.create_room(room_alias_name="any", visibility="public")
        other.create_room(room_alias_name="free-for-all")
        self.check_error(other.error("POST", V3 + "/createRoom", {"room_alias_name": "reserved"}), 403, "M_FORBIDDEN")
        self.check_error(bad.error("POST", V3 + "/createRoom", {"visibility": "public"}), 403, "M_FORBIDDEN")
        self.assertEqual(self.server.client().get(V3 + "/publicRooms")["total_room_count_estimate"], 1)


on_both_engines(Directory, globals())
on_both_engines(Rules, globals())

if __name__ == "__main__":
    unittest.main()
