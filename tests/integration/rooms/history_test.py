# SPDX-License-Identifier: Apache-2.0
"""Reading a room: context, filters, times, what an event says of its reader, ignored users, upgrades, creation."""

import json
import re
import time
import unittest
from urllib.parse import quote

from engines import V1, V3, EngineTests, on_both_engines
from lares_test import wait_until


class History(EngineTests):
    def room_with(self, alice, bodies):
        room = alice.create_room()
        return room, [alice.send(room, body) for body in bodies]

    def bodies(self, events):
        return [event["content"]["body"] for event in events if event["type"] == "m.room.message"]

    def test_context_is_what_stands_around_an_event(self):
        alice, = self.users("alice")
        room, events = self.room_with(alice, [str(i) for i in range(9)])
        answer = alice.get(alice.room_path(room, "context", events[4]), limit=4)
        self.assertEqual(answer["event"]["event_id"], events[4])
        self.assertEqual(self.bodies(answer["events_before"]), ["3", "2"])
        self.assertEqual(self.bodies(answer["events_after"]), ["5", "6"])
        self.assertIn("m.room.create", [event["type"] for event in answer["state"]])
        older = alice.messages(room, "b", 2, **{"from": answer["start"]})
        self.assertEqual(self.bodies(older["chunk"]), ["1", "0"])
        newer = alice.messages(room, "f", 10, **{"from": answer["end"]})
        self.assertEqual(self.bodies(newer["chunk"]), ["7", "8"])
        alone = alice.get(alice.room_path(room, "context", events[4]), limit=0)
        self.assertEqual((alone["events_before"], alone["events_after"]), ([], []))
        self.check_error(alice.error("GET", alice.room_path(room, "context", "$nothing")), 404, "M_NOT_FOUND")
        bob, = self.users("bob")
        self.check_error(bob.error("GET", bob.room_path(room, "context", events[0])), 403, "M_FORBIDDEN")

    def test_what_is_no_token_or_membership_is_refused(self):
        alice, = self.users("alice")
        room = alice.create_room()
        for path in (V3 + "/sync?since=nonsense", V3 + "/sync?since=s1_2_3",
                     alice.room_path(room, "members") + "?membership=foo",
                     alice.room_path(room, "members") + "?not_membership=",
                     alice.room_path(room, "members") + "?at=foo"):
            self.check_error(alice.error("GET", path), 400, "M_INVALID_PARAM")

    def test_messages_are_filtered(self):
        alice, bob = self.users("alice", "bob")
        room, _ = self.room_with(alice, ["a", "b"])
        bob.join(room)
        bob.send(room, "c")
        only = json.dumps({"types": ["m.room.message"], "senders": [bob.user_id], "lazy_load_members": True})
        page = alice.messages(room, filter=only)
        self.assertEqual(self.bodies(page["chunk"]), ["c"])
        self.assertEqual([event["state_key"] for event in page["state"]], [bob.user_id])
        for bad in ("{", "[]", '{"types":5}', '{"limit":"x"}'):
            error = alice.error("GET", alice.room_path(room, "messages") + "?dir=b&filter=" + quote(bad))
            self.assertEqual(error.status, 400, bad)

    def test_messages_begin_where_a_sync_stood(self):
        alice, = self.users("alice")
        room, _ = self.room_with(alice, ["a", "b"])
        first = alice.sync()["next_batch"]
        alice.send(room, "c")
        second = alice.sync()["next_batch"]
        alice.send(room, "d")
        for query, expected in (({"from": first, "direction": "f"}, ["c", "d"]),
                                ({"from": first, "to": second, "direction": "f"}, ["c"]),
                                ({"from": second, "direction": "f"}, ["d"]), ({"from": second}, ["c", "b", "a"]),
                                ({"from": second, "to": first}, ["c"]), ({"from": first}, ["b", "a"])):
            self.assertEqual(self.bodies(alice.messages(room, **query)["chunk"]), expected, query)

    def test_messages_begin_at_what_the_writer_of_the_room_had_written(self):
        # Of several writers another was ahead: what this one wrote since lies beneath that one's place.
        alice, bob = self.users("alice", "bob")
        room, events = self.room_with(alice, ["a", "b"])
        alice.sync_until(lambda answer: "b" in self.bodies(alice.timeline(answer, room)))
        since = re.sub(r"(\.1-[0-9]+(~[0-9]+-[0-9]+)*)", r"\1~4000000000-1000000000", alice.since)
        alice.send(room, "c")
        bob.join(room)
        reply = alice.send(room, {"msgtype": "m.text", "body": "d",
                                  "m.relates_to": {"rel_type": "org.example.reply", "event_id": events[0]}})
        for query, expected in (({"from": since, "direction": "f"}, ["c", "d"]), ({"from": since}, ["b", "a"]),
                                ({"to": since}, ["d", "c"])):
            self.assertEqual(self.bodies(alice.messages(room, **query)["chunk"]), expected, query)
        self.assertEqual(alice.messages(room, **{"from": since})["start"], since)
        members = alice.get(alice.room_path(room, "members"), at=since)["chunk"]
        self.assertEqual([event["state_key"] for event in members], [alice.user_id])
        relations = V1 + "/rooms/%s/relations/%s" % (quote(room), quote(events[0]))
        for direction, expected in (("f", [reply]), ("b", [])):
            page = alice.get(relations, dir=direction, **{"from": since})
            self.assertEqual([event["event_id"] for event in page["chunk"]], expected, direction)

    def test_a_filter_in_a_query_has_a_depth(self):
        alice, = self.users("alice")
        room, _ = self.room_with(alice, ["a"])
        deep = '{"types":' + "[" * 300 + "]" * 300 + "}"
        for path in (V3 + "/sync", alice.room_path(room, "messages")):
            for query, errcode in ((deep, "M_BAD_JSON"), ("{", "M_NOT_JSON")):
                error = alice.error("GET", path + "?filter=" + quote(query, safe=""))
                self.check_error(error, 400, errcode)

    def test_a_sync_without_timeline_has_the_state_alone(self):
        alice, bob = self.users("alice", "bob")
        room, _ = self.room_with(alice, ["a"])
        bob.join(room)
        left = alice.create_room()
        bob.join(left)
        alice.set_state(left, "org.example.mark", {"before": True})
        bob.leave(left)
        nothing = json.dumps({"room": {"timeline": {"limit": 0}, "include_leave": True}})
        rooms = bob.sync(filter=nothing)["rooms"]
        kinds = {}
        for where, one in (("join", room), ("leave", left)):
            self.assertEqual(rooms[where][one]["timeline"]["events"], [])
            self.assertTrue(rooms[where][one]["timeline"]["limited"])
            kinds[where] = {(event["type"], event["state_key"]): event["content"]
                            for event in rooms[where][one]["state"]["events"]}
        self.assertEqual(kinds["join"]["m.room.member", bob.user_id]["membership"], "join")
        self.assertEqual(kinds["leave"]["m.room.member", bob.user_id]["membership"], "leave")
        self.assertEqual(kinds["leave"]["org.example.mark", ""], {"before": True})
        page = bob.messages(room, **{"from": rooms["join"][room]["timeline"]["prev_batch"]}, limit=2)
        self.assertEqual([event["type"] for event in page["chunk"]], ["m.room.member", "m.room.message"])

    def test_events_have_the_fields_and_the_form_that_the_client_wants(self):
        alice, bob = self.users("alice", "bob")
        room, events = self.room_with(alice, ["a"])
        bob.join(room)
        few = json.dumps({"event_fields": ["type", "content.body", "state_key", "content.x"]})
        joined = bob.call("GET", V3 + "/sync", query={"filter": few})["rooms"]["join"][room]
        shown = joined["timeline"]["events"]
        self.assertIn({"type": "m.room.message", "content": {"body": "a"}}, shown)
        self.assertIn({"type": "m.room.member", "state_key": bob.user_id}, shown)
        for event in shown + joined["state"]["events"]:
            self.assertLessEqual(set(event), {"type", "content", "state_key"})
        raw = json.dumps({"event_format": "federation"})
        joined = bob.call("GET", V3 + "/sync", query={"filter": raw})["rooms"]["join"][room]
        for event in joined["timeline"]["events"]:
            self.assertTrue({"auth_events", "depth", "event_id", "hashes", "prev_events", "room_id", "signatures",
                             "unsigned"} <= set(event), event)
            self.assertEqual(event["room_id"], room)
        for wrong in ({"event_fields": "type"}, {"event_format": "xml"}):
            error = alice.error("GET", V3 + "/sync?filter=" + quote(json.dumps(wrong)))
            self.check_error(error, 400, "M_BAD_JSON")

    def test_state_stands_where_the_client_wants_it(self):
        alice, bob = self.users("alice", "bob")
        room = alice.create_room()
        bob.join(room)
        since = bob.sync()["next_batch"]
        alice.set_state(room, "org.example.a", {"n": 1})
        alice.send(room, "between")
        alice.set_state(room, "org.example.a", {"n": 2})
        bob.leave(room)
        for parameter, section in (("use_state_after", "state_after"),
                                   ("org.matrix.msc4222.use_state_after", "org.matrix.msc4222.state_after")):
            for query in ({"since": since}, {"since": since, "full_state": "true"}, {}):
                client = self.server.client(alice.token)
                rooms = client.sync(**{parameter: "true"}, **query)["rooms"]["join"][room]
                self.assertNotIn("state", rooms)
                state = {(event["type"], event["state_key"]): event["content"] for event in rooms[section]["events"]}
                self.assertEqual(state["org.example.a", ""], {"n": 2}, query)
                self.assertEqual(state["m.room.member", bob.user_id]["membership"], "leave", query)
                self.assertEqual(("m.room.create", "") in state, query != {"since": since})
        left = self.server.client(bob.token).sync(since=since, use_state_after="true")["rooms"]["leave"][room]
        self.assertEqual({event["type"] for event in left["state_after"]["events"]}, {"org.example.a", "m.room.member"})
        usual = self.server.client(alice.token).sync(since=since)["rooms"]["join"][room]
        self.assertEqual(usual["state"]["events"], [])
        self.assertNotIn("state_after", usual)

    def test_an_event_that_one_may_not_read_is_not_there(self):
        alice, bob = self.users("alice", "bob")
        room, events = self.room_with(alice, ["a"])
        self.check_error(bob.error("GET", bob.room_path(room, "event", events[0])), 404, "M_NOT_FOUND")
        self.check_error(bob.error("GET", bob.room_path("!no:where", "event", events[0])), 404, "M_NOT_FOUND")

    def test_an_event_is_found_by_its_time(self):
        alice, = self.users("alice")
        room, events = self.room_with(alice, ["first"])
        time.sleep(0.02)
        between = alice.get(alice.room_path(room, "event", events[0]))["origin_server_ts"] + 5
        second = alice.send(room, "second")
        path = V1 + "/rooms/%s/timestamp_to_event" % quote(room, safe="")
        self.assertEqual(alice.get(path, ts=between, dir="f")["event_id"], second)
        self.assertEqual(alice.get(path, ts=between, dir="b")["event_id"], events[0])
        self.assertEqual(alice.get(path, ts=0, dir="f")["event_id"], alice.history(room)[0]["event_id"])
        self.check_error(alice.error("GET", path + "?ts=0&dir=b"), 404, "M_NOT_FOUND")
        self.check_error(alice.error("GET", path + "?ts=9999999999999&dir=f"), 404, "M_NOT_FOUND")
        for query in ("", "?ts=x", "?ts=1&dir=up", "?ts=-1"):
            self.assertEqual(alice.error("GET", path + query).status, 400, query)

    def test_an_event_tells_its_reader_s_membership(self):
        alice, bob = self.users("alice", "bob")
        room, events = self.room_with(alice, ["before"])
        bob.join(room)
        after = alice.send(room, "after")
        seen = {event["event_id"]: event["unsigned"]["membership"] for event in bob.history(room)}
        self.assertEqual((seen[events[0]], seen[after]), ("leave", "join"))

    def test_who_is_ignored_is_not_heard(self):
        alice, bob = self.users("alice", "bob")
        room, _ = self.room_with(alice, ["from alice"])
        bob.join(room)
        bob.sync()
        bob.put(V3 + "/user/%s/account_data/m.ignored_user_list" % bob.user_id,
                {"ignored_users": {alice.user_id: {}}})
        hidden = alice.send(room, "not heard")
        alice.set_state(room, "m.room.topic", {"topic": "heard"})
        answer = bob.sync()
        kinds = [event["type"] for event in bob.timeline(answer, room)]
        self.assertEqual(kinds, ["m.room.topic"])
        self.assertEqual(self.bodies(bob.history(room)), [])
        self.check_error(bob.error("GET", bob.room_path(room, "event", hidden)), 404, "M_NOT_FOUND")
        other = alice.create_room(preset="private_chat")
        alice.invite(other, bob.user_id)
        self.assertNotIn("invite", bob.sync().get("rooms", {}))

    def test_redactions_are_once_only_across_a_kill_and_may_be_sent_as_events(self):
        alice, = self.users("alice")
        room, events = self.room_with(alice, ["one", "two"])
        path = alice.room_path(room, "redact", events[0], "txn")
        first = alice.put(path)["event_id"]
        self.server.kill()
        self.server.start()
        self.assertEqual(alice.put(path)["event_id"], first)
        alice.send(room, {"redacts": events[1]}, kind="m.room.redaction")
        self.assertEqual(alice.get(alice.room_path(room, "event", events[1]))["content"], {})

    def test_a_message_and_a_redaction_may_have_the_same_transaction_id(self):
        alice, = self.users("alice")
        room = alice.create_room()
        message = alice.send(room, "once", txn="1")
        path = alice.room_path(room, "redact", message, "1")
        redaction = alice.put(path)["event_id"]
        self.assertNotEqual(redaction, message)
        self.server.kill()
        self.server.start()
        self.assertEqual((alice.send(room, "once", txn="1"), alice.put(path)["event_id"]), (message, redaction))
        shown = {event["event_id"]: event for event in alice.history(room)}
        self.assertEqual(shown[message]["content"], {})
        for event in (message, redaction):
            self.assertEqual(shown[event]["unsigned"]["transaction_id"], "1")
        for endpoint in () if self.behind_nginx else (("send", "m.room.message"), ("redact", message)):
            error = alice.error("PUT", alice.room_path(room, *endpoint, "\0001"), {})
            self.check_error(error, 400, "M_INVALID_PARAM")


class Upgrades(EngineTests):
    def test_an_upgraded_room_goes_on_in_its_successor(self):
        for old_version, version in (("10", "11"), ("11", "12"), ("12", "12")):
            with self.subTest(old=old_version, new=version):
                alice, bob, carol = (self.server.register("%s%s%s" % (name, old_version, version))
                                     for name in ("ua", "ub", "uc"))
                room = alice.create_room(room_version=old_version, name="House", topic="Talk",
                                         room_alias_name="house" + old_version + version)
                bob.join(room)
                alice.post(alice.room_path(room, "ban"), {"user_id": carol.user_id})
                self.check_error(bob.error("POST", bob.room_path(room, "upgrade"), {"new_version": version}),
                                 403, "M_FORBIDDEN")
                new = alice.post(alice.room_path(room, "upgrade"), {"new_version": version})["replacement_room"]
                self.assertEqual(alice.get(alice.room_path(room, "state", "m.room.tombstone"))["replacement_room"], new)
                state = {(event["type"], event["state_key"]): event["content"]
                         for event in alice.get(alice.room_path(new, "state"))}
                self.assertEqual(state["m.room.create", ""]["predecessor"]["room_id"], room)
                self.assertEqual(state["m.room.create", ""]["room_version"], version)
                self.assertEqual((state["m.room.name", ""], state["m.room.topic", ""]["topic"]),
                                 ({"name": "House"}, "Talk"))
                self.assertEqual(state["m.room.member", carol.user_id]["membership"], "ban")
                alias = "#house%s%s:%s" % (old_version, version, self.server.name)
                self.assertEqual(state["m.room.canonical_alias", ""]["alias"], alias)
                self.assertEqual(alice.get(V3 + "/directory/room/" + quote(alias))["room_id"], new)
                bob.join(new)
                self.check_error(bob.error("PUT", bob.room_path(room, "send", "m.room.message", "x"),
                                           {"msgtype": "m.text", "body": "still here"}), 403, "M_FORBIDDEN")
                self.check_error(alice.error("POST", alice.room_path(room, "upgrade"), {"new_version": version}),
                                 403, "M_FORBIDDEN")

    def settings(self, client, room):
        """What a user has set for a room, in account data and in push rules."""
        user = V3 + "/user/%s" % quote(client.user_id)
        rules = client.get(V3 + "/pushrules/")["global"]
        mute = [rule for rule in rules["override"] if rule["rule_id"] == room]
        return {"tags": client.get(user + "/rooms/%s/tags" % quote(room))["tags"],
                "direct": [who for who, rooms in client.get(user + "/account_data/m.direct").items() if room in rooms],
                "room": [rule["actions"] for rule in rules["room"] if rule["rule_id"] == room],
                "muted": [(rule["conditions"][0]["pattern"], rule["enabled"]) for rule in mute]}

    def set_all(self, client, room, other):
        user = V3 + "/user/%s" % quote(client.user_id)
        client.put(user + "/rooms/%s/tags/m.favourite" % quote(room), {"order": 0.5})
        client.put(user + "/account_data/m.direct", {other.user_id: [room, "!else:where"], "@x:y": ["!else:where"]})
        client.put(V3 + "/pushrules/global/room/" + quote(room), {"actions": ["notify"]})
        client.put(V3 + "/pushrules/global/override/" + quote(room), {"actions": [], "conditions": [
            {"kind": "event_match", "key": "room_id", "pattern": room}]})
        client.put(V3 + "/pushrules/global/override/%s/enabled" % quote(room), {"enabled": False})

    def test_what_its_members_have_set_for_a_room_comes_along(self):
        for by_hand in (False, True):
            with self.subTest(by_hand=by_hand):
                alice, bob = (self.server.register("%s-moves-%s" % (name, by_hand)) for name in ("alice", "bob"))
                room = alice.create_room(room_version="11")
                bob.join(room)
                self.set_all(alice, room, bob)
                self.set_all(bob, room, alice)
                if by_hand:
                    new = alice.create_room(creation_content={"predecessor": {"room_id": room}})
                    alice.set_state(room, "m.room.tombstone", {"body": "moved", "replacement_room": new})
                else:
                    new = alice.post(alice.room_path(room, "upgrade"), {"new_version": "12"})["replacement_room"]
                bob.join(new)
                for client, other in ((alice, bob), (bob, alice)):
                    wait_until(lambda: self.settings(client, new) == {
                        "tags": {"m.favourite": {"order": 0.5}}, "direct": [other.user_id], "room": [["notify"]],
                        "muted": [(new, False)]}, what="the settings in the new room")
                    old = self.settings(client, room)
                    self.assertEqual((old["tags"], old["room"]), ({"m.favourite": {"order": 0.5}}, [["notify"]]))

    def test_it_comes_along_with_a_join_that_is_written_as_state(self):
        alice, bob = self.users("alice", "bob")
        room = alice.create_room(room_version="11")
        bob.join(room)
        self.set_all(bob, room, alice)
        new = alice.post(alice.room_path(room, "upgrade"), {"new_version": "12"})["replacement_room"]
        bob.set_state(new, "m.room.member", {"membership": "join"}, bob.user_id)
        wait_until(lambda: self.settings(bob, new) == {
            "tags": {"m.favourite": {"order": 0.5}}, "direct": [alice.user_id], "room": [["notify"]],
            "muted": [(new, False)]}, what="the settings in the new room")

    def test_a_room_that_only_calls_itself_a_successor_gets_nothing(self):
        alice, mallory = self.users("alice", "mallory")
        room = alice.create_room()
        self.set_all(alice, room, mallory)
        false = mallory.create_room(creation_content={"predecessor": {"room_id": room}})
        alice.join(false)
        self.assertEqual(self.settings(alice, false), {"tags": {}, "direct": [], "room": [], "muted": []})

    def test_an_upgrade_to_nowhere_is_refused(self):
        alice, bob = self.users("alice", "bob")
        room = alice.create_room()
        path = alice.room_path(room, "upgrade")
        self.check_error(alice.error("POST", path, {"new_version": "99"}), 400, "M_UNSUPPORTED_ROOM_VERSION")
        self.check_error(alice.error("POST", path, {}), 400, "M_MISSING_PARAM")
        self.check_error(bob.error("POST", path, {"new_version": "12"}), 403, "M_FORBIDDEN")


class Creation(EngineTests):
    def state(self, client, room):
        return {(event["type"], event["state_key"]): event["content"]
                for event in client.get(client.room_path(room, "state"))}

    def test_presets_set_what_the_specification_says(self):
        alice, bob = self.users("alice", "bob")
        for preset, rule, guests in (("private_chat", "invite", "can_join"), ("trusted_private_chat", "invite", "can_join"),
                                     ("public_chat", "public", "forbidden")):
            for version in ("10", "11", "12"):
                with self.subTest(preset=preset, version=version):
                    room = alice.create_room(preset=preset, room_version=version, invite=[bob.user_id], is_direct=True)
                    state = self.state(alice, room)
                    self.assertEqual(state["m.room.join_rules", ""]["join_rule"], rule)
                    self.assertEqual(state["m.room.guest_access", ""]["guest_access"], guests)
                    self.assertEqual(state["m.room.history_visibility", ""]["history_visibility"], "shared")
                    self.assertTrue(state["m.room.member", bob.user_id]["is_direct"])
                    trusted = preset == "trusted_private_chat"
                    if version == "12":
                        self.assertEqual(state["m.room.create", ""].get("additional_creators"),
                                         [bob.user_id] if trusted else None)
                    else:
                        self.assertEqual(bob.user_id in state["m.room.power_levels", ""]["users"], trusted)

    def test_what_the_client_gives_takes_the_place_of_the_preset(self):
        alice, bob = self.users("alice", "bob")
        for version in ("10", "11", "12"):
            with self.subTest(version=version):
                alias = "given-%s-%s" % (version, alice.user_id[1:4])
                room = alice.create_room(
                    preset="public_chat", name="N", topic="T", room_alias_name=alias, room_version=version,
                    creation_content={"m.federate": False, "type": "m.space", "room_version": "1", "creator": bob.user_id},
                    power_level_content_override={"events_default": 7}, invite=[bob.user_id], is_direct=True,
                    initial_state=[{"type": "m.room.join_rules", "content": {"join_rule": "invite"}},
                                   {"type": "x.y", "state_key": "k", "content": {"z": 1}}])
                state = self.state(alice, room)
                create = state["m.room.create", ""]
                self.assertEqual((create["type"], create["m.federate"], create["room_version"]), ("m.space", False, version))
                self.assertEqual(create.get("creator"), alice.user_id if version == "10" else None)
                levels = state["m.room.power_levels", ""]
                self.assertEqual(levels["events_default"], 7)
                self.assertEqual(levels.get("users", {}), {} if version == "12" else {alice.user_id: 100})
                self.assertEqual(state["m.room.join_rules", ""], {"join_rule": "invite"})
                self.assertEqual(state["x.y", "k"], {"z": 1})
                self.assertEqual(state["m.room.name", ""], {"name": "N"})
                self.assertEqual(state["m.room.topic", ""]["topic"], "T")
                self.assertEqual(state["m.room.topic", ""]["m.topic"]["m.text"][0]["body"], "T")
                invited = state["m.room.member", bob.user_id]
                self.assertEqual((invited["membership"], invited["is_direct"]), ("invite", True))
                full = "#%s:%s" % (alias, self.server.name)
                self.assertEqual(state["m.room.canonical_alias", ""]["alias"], full)
                self.assertEqual(alice.get(V3 + "/directory/room/" + quote(full))["room_id"], room)

    def test_what_no_power_allows_is_no_lack_of_power(self):
        alice, bob = self.users("alice", "bob")
        for version, status in (("11", 200), ("12", 400)):
            room = alice.create_room(room_version=version, creation_content={"additional_creators": [bob.user_id]})
            for creator in (alice, bob):
                levels = alice.get(alice.room_path(room, "state", "m.room.power_levels"))
                levels["users"] = {alice.user_id: 100, creator.user_id: 100}
                if version == "12" and creator is bob:
                    del levels["users"][alice.user_id]
                answer = alice.raw("PUT", alice.room_path(room, "state", "m.room.power_levels"), levels)
                self.assertEqual(answer.status, status, answer.text)
            self.check_error(alice.error("PUT", alice.room_path(room, "state", "m.room.create"), {"x": 1}),
                             400, "M_INVALID_PARAM")
            self.check_error(bob.error("PUT", bob.room_path(room, "state", "m.room.create"), {"x": 1}),
                             403, "M_FORBIDDEN")

    def test_what_cannot_be_created_is_refused(self):
        alice, = self.users("alice")
        alice.create_room(room_alias_name="taken")
        for body, status, errcode in (
                ({"room_version": "99"}, 400, "M_UNSUPPORTED_ROOM_VERSION"), ({"preset": "x"}, 400, "M_BAD_JSON"),
                ({"visibility": "secret"}, 400, "M_INVALID_PARAM"), ({"invite": "bob"}, 400, "M_BAD_JSON"),
                ({"invite": ["bob"]}, 400, "M_INVALID_PARAM"), ({"initial_state": {}}, 400, "M_BAD_JSON"),
                ({"initial_state": [5]}, 400, "M_BAD_JSON"), ({"creation_content": []}, 400, "M_BAD_JSON"),
                ({"room_alias_name": "taken"}, 400, "M_ROOM_IN_USE"), ({"room_alias_name": "a:b"}, 400, "M_INVALID_PARAM"),
                ({"room_alias_name": ""}, 400, "M_INVALID_PARAM"), ({"name": 5}, 400, "M_BAD_JSON"),
                ({"power_level_content_override": {"ban": "x"}}, 400, "M_INVALID_ROOM_STATE"),
                ({"power_level_content_override": {"users": {alice.user_id: 100}}}, 400, "M_INVALID_ROOM_STATE"),
                ({"creation_content": {"additional_creators": ["bob"]}}, 400, "M_INVALID_ROOM_STATE"),
                ({"invite_3pid": [{"medium": "email", "address": "a@b"}]}, 403, "M_THREEPID_DENIED")):
            self.check_error(alice.error("POST", V3 + "/createRoom", body), status, errcode)


on_both_engines(History, globals(), processes=True)
on_both_engines(Upgrades, globals(), processes=True)
on_both_engines(Creation, globals())

if __name__ == "__main__":
    unittest.main()
