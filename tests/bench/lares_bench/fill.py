# SPDX-License-Identifier: Apache-2.0
"""Fills a homeserver with the users and rooms of the workloads, through the client API alone."""

import hashlib
import hmac
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor

from lares_test import Client

USERS = 16


class Account(dict):
    """name, password, user_id, token; a dict, so that it can be kept in a file."""

    def client(self, base):
        client = Client(base, self["token"], timeout=300)
        client.user_id = self["user_id"]
        return client


def register(base, name, secret):
    password = "password of " + name
    client = Client(base, timeout=300)
    if secret:
        nonce = client.get("/_synapse/admin/v1/register")["nonce"]
        mac = hmac.new(secret.encode(), "\0".join([nonce, name, password, "notadmin"]).encode(), hashlib.sha1)
        client.logged_in(client.post("/_synapse/admin/v1/register", {
            "nonce": nonce, "username": name, "password": password, "admin": False, "mac": mac.hexdigest()}))
    else:
        client.register(name, password)
    return Account(name=name, password=password, user_id=client.user_id, token=client.token)


class Filling:
    """What stands on the server, kept in a file, so that a second run need not fill again."""

    def __init__(self, base, secret=None, sizes=None, threads=8):
        self.base, self.secret, self.threads = base, secret, threads
        self.sizes = {"history": 10000, "rooms": 100, "messages": 50, **(sizes or {})}
        self.data = {"tag": "b%x" % time.time_ns()}

    def load(self, path):
        with open(path) as file:
            self.data = json.load(file)

    def save(self, path):
        with open(path + ".new", "w") as file:
            json.dump(self.data, file, indent=1)
        os.replace(path + ".new", path)

    def account(self, role):
        return Account(self.data["accounts"][role])

    def client(self, role):
        return self.account(role).client(self.base)

    def each(self, what, items):
        with ThreadPoolExecutor(self.threads) as pool:
            return list(pool.map(what, items))

    def run(self, say=print):
        """Fills everything; gives the seconds that each part took."""
        times = {}
        for part in (self._accounts, self._send_rooms, self._poll_rooms, self._sync_rooms, self._history):
            start = time.monotonic()
            part()
            times[part.__name__[1:]] = time.monotonic() - start
            say("filled %s in %.1f s" % (part.__name__[1:].replace("_", " "), times[part.__name__[1:]]))
        return times

    def _accounts(self):
        roles = ["solo", "talker", "listener", "syncer", "reader"]
        roles += ["%s%02d" % (kind, number) for kind in ("send", "poll", "login") for number in range(USERS)]
        roles += ["owner%d" % number for number in range(10)]
        made = self.each(lambda role: register(self.base, "%s-%s" % (self.data["tag"], role), self.secret), roles)
        self.data["accounts"] = dict(zip(roles, made))

    def _send_rooms(self):
        roles = ["solo"] + ["send%02d" % number for number in range(USERS)]
        rooms = self.each(lambda role: self.client(role).create_room("private_chat"), roles)
        self.data["own_rooms"] = dict(zip(roles, rooms))
        self.data["shared_room"] = self.client(roles[1]).create_room()
        self.each(lambda role: self.client(role).join(self.data["shared_room"]), roles[2:])
        self.data["latency_room"] = self.client("talker").create_room()
        self.client("listener").join(self.data["latency_room"])

    def _poll_rooms(self):
        """Five rooms for each, shared with nobody, so that nothing ever happens in them."""
        def rooms(number):
            client = self.client("poll%02d" % number)
            for _ in range(5):
                client.create_room("private_chat")
        self.each(rooms, range(USERS))

    def _sync_rooms(self):
        """Rooms of three owners and the one who syncs, with messages by turns."""
        def fill(number):
            owners = [self.client("owner%d" % ((number + turn) % 10)) for turn in range(3)]
            room = owners[0].create_room(name="room %03d" % number)
            for member in (*owners[1:], self.client("syncer")):
                member.join(room)
            for message in range(self.sizes["messages"]):
                owners[message % 3].send(room, "message %d in room %d: the quick brown fox" % (message, number))
        self.each(fill, range(self.sizes["rooms"]))

    def _history(self):
        reader = self.client("reader")
        room = self.data["history_room"] = reader.create_room("private_chat")
        self.each(lambda number: reader.send(room, "history message %06d lorem ipsum dolor sit amet" % number),
                  range(self.sizes["history"]))
