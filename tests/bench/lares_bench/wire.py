# SPDX-License-Identifier: Apache-2.0
"""HTTP on a bare socket, for latencies: http.client would spend longer on an answer than the server does."""

import json
import select
import socket
import time
from urllib.parse import urlsplit


class Wire:
    """One connection, one request at a time."""

    def __init__(self, base, token=None):
        url = urlsplit(base)
        self.host = "%s:%d" % (url.hostname, url.port or 80)
        self.token = token
        self._socket = socket.create_connection((url.hostname, url.port or 80), timeout=120)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._rest = b""

    def close(self):
        self._socket.close()

    def encode(self, method, path, body=None):
        """The bytes of a request, so that making them is not part of what is measured."""
        data = b"" if body is None else json.dumps(body).encode()
        head = "%s %s HTTP/1.1\r\nHost: %s\r\n" % (method, path, self.host)
        if self.token:
            head += "Authorization: Bearer %s\r\n" % self.token
        if body is not None:
            head += "Content-Type: application/json\r\nContent-Length: %d\r\n" % len(data)
        return head.encode() + b"\r\n" + data

    def _receive(self):
        more = self._socket.recv(1 << 20)
        if not more:
            raise ConnectionError("the server closed the connection in the middle of an answer")
        return more

    def post(self, request):
        """Sends, and leaves the answer for later."""
        self._socket.sendall(request)

    def has_answer(self):
        """Whether something of an answer has come, or the connection has ended."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return bool(poll.poll(0))

    def exchange(self, request):
        """Sends; gives (status, body, seconds since the clock of time.monotonic at the last byte)."""
        self._socket.sendall(request)
        data = self._rest or self._receive()
        while b"\r\n\r\n" not in data:
            data += self._receive()
        head, _, body = data.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        headers = {key.strip().lower(): value.strip() for key, _, value in (line.partition(":") for line in lines[1:])}
        if headers.get("transfer-encoding", "").lower() == "chunked":
            body = self._chunks(body)
        else:
            parts, have, length = [body], len(body), int(headers["content-length"])
            while have < length:
                parts.append(self._receive())
                have += len(parts[-1])
            body = b"".join(parts)
            body, self._rest = body[:length], body[length:]
        return int(lines[0].split()[1]), body, time.monotonic()

    def _chunks(self, data):
        whole = b""
        while True:
            while b"\r\n" not in data:
                data += self._receive()
            size, _, data = data.partition(b"\r\n")
            length = int(size.split(b";")[0], 16)
            while len(data) < length + 2:
                data += self._receive()
            whole, data = whole + data[:length], data[length + 2:]
            if length == 0:
                self._rest = data
                return whole

    def call(self, method, path, body=None):
        """One request that must succeed; gives (decoded body, milliseconds)."""
        request = self.encode(method, path, body)
        start = time.monotonic()
        status, data, end = self.exchange(request)
        if status != 200:
            raise RuntimeError("%s %s: %d %s" % (method, path, status, data[:300]))
        return json.loads(data), 1000 * (end - start)
