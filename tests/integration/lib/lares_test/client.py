# SPDX-License-Identifier: Apache-2.0
"""A Matrix client that hides nothing: a line of a test is a request of the specification."""

import http.client
import itertools
import json
import os
import socket
import threading
import time
from urllib.parse import quote, urlencode, urlsplit

from .patience import PATIENCE

V3 = "/_matrix/client/v3"
_counter = itertools.count()


def wait_until(condition, timeout=20, every=0.02, what="the condition"):
    """Calls `condition` until it gives something true, and returns that."""
    end = time.monotonic() + timeout * PATIENCE
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError("%s did not come true within %s s" % (what, timeout))
        time.sleep(every)


class MatrixError(Exception):
    """An answer that is not 2xx."""

    def __init__(self, request, response):
        super().__init__("%s -> %d %s" % (request, response.status, response.text[:300]))
        self.status = response.status
        self.response = response
        self.body = response.json if isinstance(response.json, dict) else {}
        self.errcode = self.body.get("errcode")


class Response:
    def __init__(self, status, headers, data):
        self.status, self.headers, self.data = status, headers, data
        self.text = data.decode(errors="replace")
        try:
            self.json = json.loads(data) if data else None
        except ValueError:
            self.json = None


class Client:
    """Keeps one connection per thread. A request on a connection that the server had closed meanwhile is sent again when
    nothing of an answer came; everything else that fails is for the caller, since a test of kills must see it."""

    def __init__(self, base, token=None, timeout=60):
        url = urlsplit(base)
        self.base, self.host, self.port = base, url.hostname, url.port
        self.timeout = timeout
        self.token = token
        self.user_id = self.device_id = self.refresh_token = self.password = self.name = None
        self.since = None
        self._local = threading.local()

    # -- requests ---------------------------------------------------------------------------------------------------
    def _connect(self):
        connection = http.client.HTTPConnection(self.host, self.port, timeout=self.timeout)
        connection.connect()
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._local.connection = connection
        return connection

    def raw(self, method, path, body=None, headers=None, timeout=None):
        """One request, any answer. `body` is bytes, or a value that is sent as JSON."""
        sent = dict(headers or {})
        if self.token is not None:
            sent.setdefault("Authorization", "Bearer " + self.token)
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        connection = getattr(self._local, "connection", None)
        reused = connection is not None
        connection = connection or self._connect()
        while True:
            try:
                connection.sock.settimeout(timeout or self.timeout)
                connection.request(method, path, body=body, headers=sent)
                answer = connection.getresponse()
                response = Response(answer.status, answer.headers, answer.read())
                if answer.will_close:
                    self.disconnect()
                return response
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError, http.client.CannotSendRequest):
                self.disconnect()
                if not reused:
                    raise
                reused = False
                connection = self._connect()
            except BaseException:
                self.disconnect()
                raise

    def disconnect(self):
        """Closes this thread's connection."""
        connection = getattr(self._local, "connection", None)
        self._local.connection = None
        if connection is not None:
            connection.close()

    def call(self, method, path, body=None, query=None, **options):
        """One request that must succeed; gives the decoded body."""
        if query:
            path += "?" + urlencode(query, doseq=True)
        response = self.raw(method, path, body, **options)
        if not 200 <= response.status < 300:
            raise MatrixError("%s %s" % (method, path), response)
        return response.json

    def get(self, path, **query):
        return self.call("GET", path, query=query)

    def post(self, path, body=None):
        return self.call("POST", path, {} if body is None else body)

    def put(self, path, body=None):
        return self.call("PUT", path, {} if body is None else body)

    def delete(self, path, body=None):
        return self.call("DELETE", path, body)

    def error(self, method, path, body=None, **options):
        """One request that must fail; gives the MatrixError."""
        try:
            answer = self.call(method, path, body, **options)
        except MatrixError as error:
            return error
        raise AssertionError("%s %s succeeded: %s" % (method, path, answer))

    # -- accounts ---------------------------------------------------------------------------------------------------
    def logged_in(self, answer):
        self.token, self.user_id = answer["access_token"], answer["user_id"]
        self.device_id, self.refresh_token = answer.get("device_id"), answer.get("refresh_token")
        return self

    def register(self, user, password="correct horse", **fields):
        """Registers through the dummy stage of user-interactive authentication."""
        body = {"username": user, "password": password, **fields}
        first = self.raw("POST", V3 + "/register", body)
        if first.status == 401 and first.json and "session" in first.json:
            body["auth"] = {"type": "m.login.dummy", "session": first.json["session"]}
            first = self.raw("POST", V3 + "/register", body)
        if first.status != 200:
            raise MatrixError("POST " + V3 + "/register", first)
        self.password, self.name = password, user
        return self.logged_in(first.json)

    def login(self, user, password="correct horse", **fields):
        self.token = None
        self.password, self.name = password, user
        return self.logged_in(self.post(V3 + "/login", {
            "type": "m.login.password", "identifier": {"type": "m.id.user", "user": user}, "password": password, **fields}))

    # -- rooms ------------------------------------------------------------------------------------------------------
    @staticmethod
    def room_path(room, *parts):
        return "/".join([V3 + "/rooms", quote(room, safe=""), *(quote(part, safe="") for part in parts)])

    @staticmethod
    def new_txn():
        return "t%d-%d-%x" % (os.getpid(), next(_counter), time.time_ns())

    def create_room(self, preset="public_chat", **fields):
        return self.post(V3 + "/createRoom", {"preset": preset, **fields})["room_id"]

    def invite(self, room, user_id):
        return self.post(self.room_path(room, "invite"), {"user_id": user_id})

    def join(self, room):
        return self.post(V3 + "/join/" + quote(room, safe=""))

    def leave(self, room):
        return self.post(self.room_path(room, "leave"))

    def send(self, room, body, txn=None, kind="m.room.message"):
        """Sends a text, or any content; gives the event id."""
        content = body if isinstance(body, dict) else {"msgtype": "m.text", "body": body}
        return self.put(self.room_path(room, "send", kind, txn or self.new_txn()), content)["event_id"]

    def set_state(self, room, kind, content, key=""):
        return self.put(self.room_path(room, "state", kind, key), content)["event_id"]

    def redact(self, room, event_id, reason=None):
        return self.put(self.room_path(room, "redact", event_id, self.new_txn()),
                        {"reason": reason} if reason else {})["event_id"]

    def messages(self, room, direction="b", limit=100, **query):
        return self.get(self.room_path(room, "messages"), dir=direction, limit=limit, **query)

    def history(self, room, **query):
        """Every event of the room that this user may see, oldest first."""
        events, query = [], dict(query)
        while True:
            page = self.messages(room, "b", 100, **query)
            events += page["chunk"]
            if "end" not in page:
                return events[::-1]
            query["from"] = page["end"]

    # -- sync -------------------------------------------------------------------------------------------------------
    def sync(self, timeout=0, since=None, **query):
        """One /sync from where the last one ended; remembers where this one did."""
        since = since or self.since
        if since is not None:
            query["since"] = since
        answer = self.call("GET", V3 + "/sync", query={"timeout": timeout, **query}, timeout=self.timeout + timeout / 1000)
        self.since = answer["next_batch"]
        return answer

    def sync_until(self, found, timeout=20, **query):
        """Long-polls until `found(answer)` gives something true, and returns that."""
        end = time.monotonic() + timeout * PATIENCE
        while time.monotonic() < end:
            result = found(self.sync(timeout=2000, **query))
            if result:
                return result
        raise AssertionError("sync did not bring what was waited for within %s s" % timeout)

    @staticmethod
    def timeline(answer, room):
        """The timeline events of a joined room in a sync's answer."""
        return answer.get("rooms", {}).get("join", {}).get(room, {}).get("timeline", {}).get("events", [])
