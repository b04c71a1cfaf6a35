# SPDX-License-Identifier: Apache-2.0
"""matrix-nio, a client that others wrote, in the plain flows. Run by Debian's python3, which has it as python3-matrix-nio."""

import asyncio
import contextlib
import os
import tempfile
import unittest

import nio

from shape import homeserver

PASSWORD = "correct horse battery staple"


def setUpModule():
    global server, stack
    stack = contextlib.ExitStack()
    server = stack.enter_context(homeserver(config={"room_list_publication_rules": [{"action": "allow"}]}))


def tearDownModule():
    stack.close()


class ClientTest(unittest.IsolatedAsyncioTestCase):
    """Each test has users of its own; `await self.user("alice")` registers one and gives the logged-in client."""

    count = 0

    async def asyncSetUp(self):
        ClientTest.count += 1
        self.clients = []

    async def asyncTearDown(self):
        for client in self.clients:
            await client.close()

    def new_client(self, user="", **options):
        client = nio.AsyncClient(server.base, user, **options)
        self.clients.append(client)
        return client

    async def user(self, name, **options):
        client = self.new_client("%s%d" % (name, ClientTest.count), **options)
        self.good(await client.register(client.user, PASSWORD, "device of " + name), nio.RegisterResponse)
        return client

    def good(self, response, kind=None):
        """The response if it is not an error."""
        self.assertNotIsInstance(response, nio.ErrorResponse, response)
        if kind is not None:
            self.assertIsInstance(response, kind)
        return response

    def refused(self, response, errcode):
        self.assertIsInstance(response, nio.ErrorResponse)
        self.assertEqual(response.status_code, errcode, response)

    async def room_of(self, owner, *members, **options):
        room = self.good(await owner.room_create(**options), nio.RoomCreateResponse).room_id
        for member in members:
            self.good(await owner.room_invite(room, member.user_id), nio.RoomInviteResponse)
            self.good(await member.join(room), nio.JoinResponse)
        return room

    async def say(self, client, room, text):
        content = {"msgtype": "m.text", "body": text}
        return self.good(await client.room_send(room, "m.room.message", content), nio.RoomSendResponse).event_id

    async def sync_until(self, client, found):
        """Long-polls until `found(response)` gives something true, and returns that."""
        for _ in range(40):
            result = found(self.good(await client.sync(timeout=5000), nio.SyncResponse))
            if result:
                return result
        self.fail("what was waited for never came")

    async def event_in_sync(self, client, room, event_id):
        def found(response):
            joined = response.rooms.join.get(room)
            return joined and next((event for event in joined.timeline.events if event.event_id == event_id), None)
        return await self.sync_until(client, found)


class AccountTest(ClientTest):
    async def test_password_login_whoami_devices_and_logout(self):
        alice = await self.user("alice")
        phone = self.new_client(alice.user)
        answer = self.good(await phone.login(PASSWORD, "phone"), nio.LoginResponse)
        self.assertEqual(answer.user_id, alice.user_id)
        self.assertNotEqual(answer.device_id, alice.device_id)
        self.assertEqual(self.good(await phone.whoami()).user_id, alice.user_id)
        devices = {device.id: device for device in self.good(await alice.devices(), nio.DevicesResponse).devices}
        self.assertEqual(set(devices), {alice.device_id, phone.device_id})
        self.assertEqual(devices[phone.device_id].display_name, "phone")
        self.good(await alice.update_device(phone.device_id, {"display_name": "old phone"}), nio.UpdateDeviceResponse)
        self.good(await phone.logout(), nio.LogoutResponse)
        self.assertEqual([device.id for device in (await alice.devices()).devices], [alice.device_id])

    async def test_wrong_password_is_refused(self):
        alice = await self.user("alice")
        self.refused(await self.new_client(alice.user).login("another"), "M_FORBIDDEN")

    async def test_forged_token_is_refused(self):
        forger = self.new_client("nobody")
        forger.access_token = "syt_bm9ib2R5_forged"
        self.refused(await forger.whoami(), "M_UNKNOWN_TOKEN")

    async def test_deleting_a_device_asks_for_the_password(self):
        alice = await self.user("alice")
        phone = self.new_client(alice.user)
        self.good(await phone.login(PASSWORD))
        asked = await alice.delete_devices([phone.device_id])
        self.assertIsInstance(asked, nio.DeleteDevicesAuthResponse)
        auth = {"type": "m.login.password", "session": asked.session, "password": PASSWORD,
                "identifier": {"type": "m.id.user", "user": alice.user}, "user": alice.user}
        self.good(await alice.delete_devices([phone.device_id], auth), nio.DeleteDevicesResponse)
        self.refused(await phone.whoami(), "M_UNKNOWN_TOKEN")

    async def test_profile(self):
        alice, bob = await self.user("alice"), await self.user("bob")
        self.good(await alice.set_displayname("Alice in Chains"), nio.ProfileSetDisplayNameResponse)
        self.good(await alice.set_avatar("mxc://hs.test/abc"), nio.ProfileSetAvatarResponse)
        seen = self.good(await bob.get_profile(alice.user_id), nio.ProfileGetResponse)
        self.assertEqual((seen.displayname, seen.avatar_url), ("Alice in Chains", "mxc://hs.test/abc"))


class RoomTest(ClientTest):
    async def test_invite_join_talk(self):
        alice, bob = await self.user("alice"), await self.user("bob")
        room = self.good(await alice.room_create(name="Den", topic="foxes"), nio.RoomCreateResponse).room_id
        self.good(await alice.room_invite(room, bob.user_id), nio.RoomInviteResponse)
        invited = await self.sync_until(bob, lambda response: response.rooms.invite.get(room))
        names = [event.name for event in invited.invite_state if isinstance(event, nio.InviteNameEvent)]
        self.assertEqual(names, ["Den"])
        self.good(await bob.join(room), nio.JoinResponse)
        hello = await self.say(alice, room, "hello")
        event = await self.event_in_sync(bob, room, hello)
        self.assertEqual((event.body, event.sender), ("hello", alice.user_id))
        answer = await self.say(bob, room, "hello yourself")
        self.assertEqual((await self.event_in_sync(alice, room, answer)).body, "hello yourself")
        self.assertEqual(bob.rooms[room].name, "Den")
        self.assertEqual(bob.rooms[room].topic, "foxes")
        members = self.good(await bob.joined_members(room), nio.JoinedMembersResponse).members
        self.assertEqual({member.user_id for member in members}, {alice.user_id, bob.user_id})
        self.assertEqual(self.good(await bob.joined_rooms(), nio.JoinedRoomsResponse).rooms, [room])

    async def test_leave_kick_ban_unban_forget(self):
        alice, bob = await self.user("alice"), await self.user("bob")
        room = await self.room_of(alice, bob)
        self.good(await alice.room_kick(room, bob.user_id, "out"), nio.RoomKickResponse)
        await self.sync_until(bob, lambda response: room in response.rooms.leave)
        self.refused(await bob.join(room), "M_FORBIDDEN")
        self.good(await alice.room_ban(room, bob.user_id), nio.RoomBanResponse)
        self.assertIsInstance(await alice.room_invite(room, bob.user_id), nio.RoomInviteError)
        self.good(await alice.room_unban(room, bob.user_id), nio.RoomUnbanResponse)
        self.good(await alice.room_invite(room, bob.user_id), nio.RoomInviteResponse)
        self.good(await bob.join(room), nio.JoinResponse)
        self.good(await bob.room_leave(room), nio.RoomLeaveResponse)
        self.good(await bob.room_forget(room), nio.RoomForgetResponse)
        # Of several processes the one that answers may hear of it a moment later.
        for _ in range(20):
            response = await bob.room_messages(room, "")
            if isinstance(response, nio.ErrorResponse):
                break
            await asyncio.sleep(0.1)
        self.refused(response, "M_FORBIDDEN")

    async def test_typing(self):
        alice, bob = await self.user("alice"), await self.user("bob")
        room = await self.room_of(alice, bob)
        await bob.sync()

        def typers(response):
            joined = response.rooms.join.get(room)
            return joined and [event.users for event in joined.ephemeral if isinstance(event, nio.TypingNoticeEvent)]
        self.good(await alice.room_typing(room, True, 20000), nio.RoomTypingResponse)
        self.assertEqual(await self.sync_until(bob, typers), [[alice.user_id]])
        self.good(await alice.room_typing(room, False), nio.RoomTypingResponse)
        self.assertEqual(await self.sync_until(bob, typers), [[]])

    async def test_receipts_and_unread_counts(self):
        alice, bob = await self.user("alice"), await self.user("bob")
        room = await self.room_of(alice, bob)
        await bob.sync()
        await self.say(alice, room, "one")
        last = await self.say(alice, room, "two")
        await self.event_in_sync(bob, room, last)
        self.assertEqual(bob.rooms[room].unread_notifications, 2)
        self.good(await bob.room_read_markers(room, last, last), nio.RoomReadMarkersResponse)

        def receipts(response):
            joined = response.rooms.join.get(room)
            return joined and [receipt for event in joined.ephemeral if isinstance(event, nio.ReceiptEvent)
                               for receipt in event.receipts]
        seen = await self.sync_until(alice, receipts)
        self.assertEqual([(receipt.event_id, receipt.receipt_type, receipt.user_id) for receipt in seen],
                         [(last, "m.read", bob.user_id)])
        await self.sync_until(bob, lambda _: bob.rooms[room].unread_notifications == 0)
        self.assertEqual(bob.rooms[room].fully_read_marker, last)

    async def test_redaction(self):
        alice, bob = await self.user("alice"), await self.user("bob")
        room = await self.room_of(alice, bob)
        slip = await self.say(alice, room, "the password is swordfish")
        await self.event_in_sync(bob, room, slip)
        redaction = self.good(await alice.room_redact(room, slip, "slip"), nio.RoomRedactResponse).event_id
        event = await self.event_in_sync(bob, room, redaction)
        self.assertEqual((event.redacts, event.reason), (slip, "slip"))
        left = self.good(await bob.room_get_event(room, slip), nio.RoomGetEventResponse).event
        self.assertIsInstance(left, nio.RedactedEvent)
        other = await self.say(alice, room, "mine")
        self.refused(await bob.room_redact(room, other), "M_FORBIDDEN")

    async def test_state(self):
        alice, bob = await self.user("alice"), await self.user("bob")
        room = await self.room_of(alice, bob)
        self.good(await alice.room_put_state(room, "m.room.topic", {"topic": "bees"}), nio.RoomPutStateResponse)
        topic = self.good(await bob.room_get_state_event(room, "m.room.topic"), nio.RoomGetStateEventResponse)
        self.assertEqual(topic.content["topic"], "bees")
        self.refused(await bob.room_put_state(room, "m.room.topic", {"topic": "wasps"}), "M_FORBIDDEN")
        self.refused(await bob.room_get_state_event(room, "no.such.type"), "M_NOT_FOUND")
        types = [event["type"] for event in self.good(await bob.room_get_state(room), nio.RoomGetStateResponse).events]
        for kind in ("m.room.create", "m.room.power_levels", "m.room.join_rules", "m.room.topic"):
            self.assertIn(kind, types)

    async def test_history_is_paged_and_has_context(self):
        alice = await self.user("alice")
        room = await self.room_of(alice)
        sent = [await self.say(alice, room, "message %d" % number) for number in range(30)]
        pages, place = [], ""
        while True:
            page = self.good(await alice.room_messages(room, place, limit=10), nio.RoomMessagesResponse)
            pages += [event.event_id for event in page.chunk if isinstance(event, nio.RoomMessageText)]
            if not page.end or not page.chunk:
                break
            place = page.end
        self.assertEqual(pages, sent[::-1])
        middle = self.good(await alice.room_context(room, sent[15], limit=6), nio.RoomContextResponse)
        self.assertEqual(middle.event.event_id, sent[15])
        self.assertEqual([event.event_id for event in middle.events_before], sent[12:15][::-1])
        self.assertEqual([event.event_id for event in middle.events_after], sent[16:19])

    async def test_alias_and_public_room(self):
        alice, bob = await self.user("alice"), await self.user("bob")
        room = self.good(await alice.room_create(visibility=nio.RoomVisibility.public, alias="den%d" % self.count,
                                                 preset=nio.RoomPreset.public_chat)).room_id
        alias = "#den%d:%s" % (self.count, server.name)
        found = self.good(await bob.room_resolve_alias(alias), nio.RoomResolveAliasResponse)
        self.assertEqual(found.room_id, room)
        self.assertEqual(self.good(await bob.room_get_visibility(room)).visibility, "public")
        self.assertEqual(self.good(await bob.join(alias), nio.JoinResponse).room_id, room)
        self.good(await alice.room_delete_alias(alias), nio.RoomDeleteAliasResponse)
        self.refused(await bob.room_resolve_alias(alias), "M_NOT_FOUND")

    async def test_a_repeated_transaction_gives_the_first_event(self):
        alice = await self.user("alice")
        room = await self.room_of(alice)
        content = {"msgtype": "m.text", "body": "once"}
        first = self.good(await alice.room_send(room, "m.room.message", content, tx_id="again"))
        second = self.good(await alice.room_send(room, "m.room.message", content, tx_id="again"))
        self.assertEqual(first.event_id, second.event_id)

    async def test_strangers_see_nothing(self):
        alice, mallory = await self.user("alice"), await self.user("mallory")
        room = await self.room_of(alice)
        event = await self.say(alice, room, "secret")
        self.refused(await mallory.join(room), "M_FORBIDDEN")
        self.refused(await mallory.room_messages(room, ""), "M_FORBIDDEN")
        self.assertIsInstance(await mallory.room_get_event(room, event), nio.ErrorResponse)
        self.refused(await mallory.room_send(room, "m.room.message", {"msgtype": "m.text", "body": "x"}), "M_FORBIDDEN")

    async def test_presence(self):
        alice, bob = await self.user("alice"), await self.user("bob")
        await self.room_of(alice, bob)
        self.good(await alice.set_presence("unavailable", "out for lunch"), nio.PresenceSetResponse)
        seen = self.good(await bob.get_presence(alice.user_id), nio.PresenceGetResponse)
        self.assertEqual(seen.status_msg, "out for lunch")


class RestartTest(ClientTest):
    async def test_a_waiting_sync_goes_on_after_a_restart(self):
        alice, bob = await self.user("alice"), await self.user("bob")
        room = await self.room_of(alice, bob)
        before = await self.say(alice, room, "before")
        await self.event_in_sync(bob, room, before)
        await asyncio.to_thread(server.restart)
        after = await self.say(alice, room, "after")
        self.assertEqual((await self.event_in_sync(bob, room, after)).body, "after")


class EncryptionTest(ClientTest):
    """Olm and Megolm by libolm, so a second implementation beside the Rust one of matrix-js-sdk."""

    async def encrypting(self, name, folder):
        store = os.path.join(folder, name)
        os.mkdir(store)
        config = nio.AsyncClientConfig(encryption_enabled=True, store_sync_tokens=True)
        client = await self.user(name, store_path=store, config=config)
        client.load_store()
        self.good(await client.keys_upload(), nio.KeysUploadResponse)
        return client

    async def refresh(self, client):
        """What a client's main loop does between two syncs."""
        self.good(await client.sync(timeout=0, full_state=True))
        if client.should_upload_keys:
            await client.keys_upload()
        if client.should_query_keys:
            self.good(await client.keys_query())
        if client.should_claim_keys:
            self.good(await client.keys_claim(client.get_users_for_key_claiming()))
        await client.send_to_device_messages()

    async def test_an_encrypted_room_across_a_restart(self):
        with tempfile.TemporaryDirectory() as folder:
            alice, bob = await self.encrypting("alice", folder), await self.encrypting("bob", folder)
            room = await self.room_of(alice, bob, initial_state=[nio.EnableEncryptionBuilder().as_dict()])
            for speaker, listener, text in ((alice, bob, "one"), (bob, alice, "two"), (alice, bob, "three")):
                if text == "three":
                    await asyncio.to_thread(server.restart)
                for client in (alice, bob):
                    await self.refresh(client)
                content = {"msgtype": "m.text", "body": text}
                sent = self.good(await speaker.room_send(room, "m.room.message", content,
                                                         ignore_unverified_devices=True), nio.RoomSendResponse)
                event = await self.event_in_sync(listener, room, sent.event_id)
                self.assertIsInstance(event, nio.RoomMessageText)
                self.assertEqual(event.body, text)
                viewer = server.client(speaker.access_token)
                stored = viewer.get("/_matrix/client/v3/rooms/%s/event/%s" % (room, sent.event_id))
                viewer.disconnect()
                self.assertEqual(stored["type"], "m.room.encrypted")


if __name__ == "__main__":
    unittest.main()
