# SPDX-License-Identifier: Apache-2.0
"""A right body for each route that takes JSON, so that one field at a time can be made wrong."""

ALGORITHM = "m.megolm_backup.v1.curve25519-aes-sha2"
SESSION = {"first_message_index": 1, "forwarded_count": 0, "is_verified": False, "session_data": {"ciphertext": "x"}}
LOGIN = {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": "wrong"}, "password": "correct horse"}


def bodies(user, device, room, event, other, version):
    """(method, path of the operation) -> the bodies to begin with. `user` asks, with `device`, in `room`, where `event` is;
    `other` is somebody else, `version` that of a backup."""
    client = "/_matrix/client/*"
    room_path = client + "/rooms/{roomId}"
    public = "A" * 43
    device_keys = {"user_id": user, "device_id": device, "algorithms": ["a"], "keys": {"ed25519:" + device: "key"},
                   "signatures": {user: {"ed25519:" + device: "signature"}}}
    master = {"user_id": user, "usage": ["master"], "keys": {"ed25519:" + public: public}}
    whom = {"user_id": other, "reason": "x"}
    keys = {"device_keys": device_keys, "one_time_keys": {"a:A": "x", "b:B": {"key": "x", "signatures": {}}},
            "fallback_keys": {"b:C": {"key": "x", "fallback": True, "signatures": {}}}}
    table = {
        ("POST", client + "/account/password"): [{
            "new_password": LOGIN["password"], "logout_devices": False, "auth": LOGIN}],
        ("POST", client + "/account/deactivate"): [{
            "erase": False, "id_server": "x", "auth": {**LOGIN, "password": "not it"}}],
        ("POST", client + "/createRoom"): [{
            "name": "x", "topic": "x", "preset": "private_chat", "visibility": "private", "room_version": "12",
            "room_alias_name": "wrong-fields", "invite": [other], "is_direct": True, "creation_content": {"m.federate": True},
            "initial_state": [{"type": "m.room.history_visibility", "state_key": "",
                               "content": {"history_visibility": "shared"}}],
            "power_level_content_override": {"users_default": 0, "events": {"m.room.name": 50}, "users": {other: 1}}}],
        ("POST", client + "/delete_devices"): [{"devices": ["OTHER"], "auth": auth} for auth in (LOGIN, {**LOGIN, "session": "x"})],
        ("PUT", client + "/devices/{deviceId}"): [{"display_name": "x"}],
        ("DELETE", client + "/devices/{deviceId}"): [{"auth": LOGIN}],
        ("PUT", client + "/directory/list/room/{roomId}"): [{"visibility": "public"}],
        ("PUT", client + "/directory/room/{roomAlias}"): [{"room_id": room}],
        ("POST", client + "/join/{roomIdOrAlias}"): [{"reason": "x", "third_party_signed": {
            "sender": other, "mxid": user, "token": "x", "signatures": {"x": {"ed25519:x": "x"}}}}, {"reason": "x"}],
        ("POST", client + "/keys/claim"): [{"timeout": 1000, "one_time_keys": {user: {device: "a"}}}],
        ("POST", client + "/keys/device_signing/upload"): [{"master_key": master, "self_signing_key": {
            **master, "usage": ["self_signing"], "signatures": {user: {"ed25519:" + public: "x"}}}, "auth": LOGIN},
                                                          {"master_key": master, "auth": LOGIN}],
        ("POST", client + "/keys/query"): [{"timeout": 1000, "token": "x", "device_keys": {user: [device]}}],
        ("POST", client + "/keys/signatures/upload"): [{user: {device: device_keys, public: master}}],
        ("POST", client + "/keys/upload"): [keys],
        ("POST", client + "/keys/upload/{deviceId}"): [keys],
        ("POST", client + "/knock/{roomIdOrAlias}"): [{"reason": "x"}],
        ("POST", client + "/login"): [{**LOGIN, "device_id": "WRONG", "initial_device_display_name": "x", "refresh_token": False}],
        ("PUT", client + "/presence/{userId}/status"): [{"presence": "online", "status_msg": "x"}],
        ("PUT", client + "/profile/{userId}/{keyName}"): [{"displayname": "x"}],
        ("POST", client + "/publicRooms"): [{"limit": 1, "since": "x", "filter": {
            "generic_search_term": "x", "room_types": [None, "x"]}, "include_all_networks": False,
            "third_party_instance_id": "x"}, {"filter": {"generic_search_term": "x", "room_types": [None, "x"]}}],
        ("PUT", client + "/pushrules/{scope}/{kind}/{ruleId}"): [{"actions": ["notify", {"set_tweak": "sound", "value": "x"}],
            "conditions": [{"kind": "event_match", "key": "type", "pattern": "x"},
                           {"kind": "room_member_count", "is": "2"},
                           {"kind": "event_property_is", "key": "content.x", "value": 1}]}],
        ("PUT", client + "/pushrules/{scope}/{kind}/{ruleId}/actions"): [{"actions": ["notify", {"set_tweak": "highlight"}]}],
        ("PUT", client + "/pushrules/{scope}/{kind}/{ruleId}/enabled"): [{"enabled": True}],
        ("POST", client + "/register"): [{
            "username": "wrong-fields", "password": "correct horse", "device_id": "WRONG", "inhibit_login": False,
            "initial_device_display_name": "x", "refresh_token": False, "auth": {"type": "m.login.dummy"}}],
        ("POST", client + "/refresh"): [{"refresh_token": "x"}],
        ("PUT", client + "/room_keys/keys"): [{"rooms": {room: {"sessions": {"s": SESSION}}}}],
        ("PUT", client + "/room_keys/keys/{roomId}"): [{"sessions": {"s": SESSION}}],
        ("PUT", client + "/room_keys/keys/{roomId}/{sessionId}"): [SESSION],
        ("POST", client + "/room_keys/version"): [{"algorithm": ALGORITHM, "auth_data": {"public_key": "x", "signatures": {
            user: {"ed25519:" + device: "x"}}}}],
        ("PUT", client + "/room_keys/version/{version}"): [{"algorithm": ALGORITHM, "auth_data": {"public_key": "x"},
                                                            "version": version}],
        ("POST", room_path + "/read_markers"): [{"m.fully_read": event, "m.read": event, "m.read.private": event}],
        ("POST", room_path + "/receipt/{receiptType}/{eventId}"): [{"thread_id": "main"}],
        ("PUT", room_path + "/redact/{eventId}/{txnId}"): [{"reason": "x"}],
        ("PUT", room_path + "/send/{eventType}/{txnId}"): [
            {"msgtype": "m.text", "body": "x", "m.mentions": {"user_ids": [other], "room": True},
             "m.relates_to": {"rel_type": "m.annotation", "event_id": event, "key": "x"}},
            {"m.relates_to": {"rel_type": "m.thread", "event_id": event, "is_falling_back": True,
                              "m.in_reply_to": {"event_id": event}}},
            {"m.new_content": {"body": "x"}, "m.relates_to": {"rel_type": "m.replace", "event_id": event}}],
        ("PUT", room_path + "/state/{eventType}"): [{"name": "x"}],
        ("PUT", room_path + "/state/{eventType}/{stateKey}"): [{"name": "x"}],
        ("PUT", room_path + "/typing/{userId}"): [{"typing": True, "timeout": 1000}],
        ("POST", room_path + "/upgrade"): [{"new_version": "12", "additional_creators": [other]}],
        ("PUT", client + "/sendToDevice/{eventType}/{txnId}"): [{"messages": {user: {device: {"x": "y"}, "*": {"x": "y"}}}}],
        ("PUT", client + "/user/{userId}/account_data/{type}"): [{"x": {"y": "z"}}],
        ("PUT", client + "/user/{userId}/rooms/{roomId}/account_data/{type}"): [{"x": {"y": "z"}}],
        ("PUT", client + "/user/{userId}/rooms/{roomId}/tags/{tag}"): [{"order": 0.5}],
        ("POST", client + "/user/{userId}/filter"): [{
            "event_fields": ["content.body"], "event_format": "client",
            "presence": {"limit": 1, "types": ["x"], "not_types": ["x"], "senders": [user], "not_senders": [other]},
            "account_data": {"limit": 1, "types": ["x"]},
            "room": {"include_leave": True, "rooms": [room], "not_rooms": [room],
                     "timeline": {"limit": 1, "types": ["x"], "lazy_load_members": True, "contains_url": True,
                                  "unread_thread_notifications": True},
                     "state": {"lazy_load_members": True}, "ephemeral": {"types": ["x"]}, "account_data": {"types": ["x"]}}}],
        ("POST", "/_synapse/admin/*/register"): [{"nonce": "x", "username": "x", "password": "x", "admin": True, "mac": "x",
                                                  "displayname": "x", "user_type": None}],
        ("POST", "/_synapse/admin/*/registration_tokens/new"): [{"token": "wrong-fields", "uses_allowed": 1, "expiry_time": None,
                                                                "length": 16}],
        ("PUT", "/_synapse/admin/*/registration_tokens/{token}"): [{"uses_allowed": 1, "expiry_time": None}],
    }
    table.update({("POST", room_path + "/" + what): [whom] for what in ("ban", "invite", "kick", "unban")})
    table.update({("POST", room_path + "/" + what): [{"reason": "x"}] for what in ("join", "leave", "forget")})
    return table
