# SPDX-License-Identifier: Apache-2.0
"""What goes on at a server beside the load of the kill series: those who type and read, those who come and go.

Nothing here insists: a server that nobody kills has no reason to fail a request.
"""

import itertools
from urllib.parse import quote

from lares_test.load import V3, Load, Worker

PASSWORD = "correct horse"


class Resident(Worker):
    """Lives in the rooms of the load: types, reads, says how things are, changes the name now and then."""

    def __init__(self, load, client):
        super().__init__(load, client, load.rest)
        self.count = 0

    def turn(self):
        self.count += 1
        client, room = self.client, self.load.rooms[self.count % len(self.load.rooms)]
        user = quote(client.user_id, safe="")
        client.put(client.room_path(room, "typing", client.user_id), {"typing": True, "timeout": 5000})
        newest = client.messages(room, "b", 20)["chunk"][0]["event_id"]
        client.post(client.room_path(room, "receipt", self.random.choice(["m.read", "m.read.private"]), newest))
        client.post(client.room_path(room, "read_markers"), {"m.fully_read": newest})
        client.put("%s/presence/%s/status" % (V3, user), {
            "presence": self.random.choice(["online", "unavailable"]), "status_msg": "turn %d" % self.count})
        client.sync(timeout=0)
        if self.count % 2:
            client.put(client.room_path(room, "typing", client.user_id), {"typing": False})
        if self.count % 50 == 0:
            client.put("%s/profile/%s/displayname" % (V3, user), {"displayname": "turn %d" % self.count})
        if self.count % 10 == 0:
            client.redact(room, client.send(room, "what will be taken back"))


class Wanderer(Worker):
    """Joins and leaves a room of the load, makes rooms of its own and forgets them."""

    def __init__(self, load, client, host):
        super().__init__(load, client, load.rest)
        self.host, self.count = host, 0

    def turn(self):
        self.count += 1
        room = self.load.rooms[self.count % len(self.load.rooms)]
        self.client.join(room)
        self.client.send(room, "here I am")
        self.client.sync(timeout=0)
        self.client.leave(room)
        if self.count % 10 == 0:
            room = self.client.create_room(preset="private_chat")
            self.client.invite(room, self.host.user_id)
            self.host.join(room)
            self.host.send(room, "hello")
            for guest in (self.host, self.client):
                guest.leave(room)
                guest.post(guest.room_path(room, "forget"))


class Visitor(Worker):
    """Logs in with a new device, looks around, logs out. Some are new here, and close their account as they leave."""

    _numbers = itertools.count()

    def __init__(self, load, client):
        super().__init__(load, client, 2 * load.rest)
        self.count = 0

    def turn(self):
        self.count += 1
        device = self.load.server.client()
        try:
            if self.count % 10 == 0:
                self.newcomer(device)
            else:
                self.visit(device.login(self.client.name), self.load.rooms[self.count % len(self.load.rooms)])
                device.post(V3 + "/logout")
        finally:
            device.disconnect()

    def visit(self, device, room):
        device.post("%s/user/%s/filter" % (V3, quote(device.user_id, safe="")), {"room": {"timeline": {"limit": 5}}})
        device.post(V3 + "/keys/upload", {"one_time_keys": {"test_key:AAAA": "of a visitor"}})
        device.sync(timeout=0, filter='{"room":{"timeline":{"limit":20},"state":{"lazy_load_members":true}}}')
        for _ in range(3):
            device.sync(timeout=200)
        device.get(device.room_path(room, "joined_members"))
        device.post(V3 + "/keys/query", {"device_keys": {device.user_id: []}})
        device.error("POST", V3 + "/login", {"type": "m.login.password", "password": "wrong",
                                             "identifier": {"type": "m.id.user", "user": self.client.name}})

    def newcomer(self, device):
        device.register("newcomer%d" % next(self._numbers), PASSWORD)
        device.join(self.load.rooms[0])
        self.visit(device, self.load.rooms[0])
        device.post(V3 + "/account/deactivate", {"auth": {
            "type": "m.login.password", "password": PASSWORD,
            "identifier": {"type": "m.id.user", "user": device.user_id}}})


class Life(Load):
    """The whole of it. `accounts` is how many are open for as long as it goes on, with one login each."""

    def __init__(self, server, seed, **options):
        super().__init__(server, seed, killed=False, **options)
        people = [server.register("resident%d" % number) for number in range(5)]
        for person in people[:3]:
            for room in self.rooms:
                person.join(room)
        self.accounts = len(self.readers) + len(self.producers) + len(people)
        self.producers += [*(Resident(self, person) for person in people[:2]), Visitor(self, people[2]),
                           Wanderer(self, people[3], people[4])]
