# SPDX-License-Identifier: Apache-2.0
"""Ed25519 and signed JSON for tests, out of nothing but the standard library. Slow, and for tests alone."""

import base64
import hashlib
import json
import os

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)


def _recover_x(y, sign):
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    return P - x if x & 1 != sign else x


_Y = 4 * pow(5, P - 2, P) % P
_X = _recover_x(_Y, 0)
BASE = (_X, _Y, 1, _X * _Y % P)


def _add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _times(n, p):
    result = (0, 1, 1, 0)
    while n:
        if n & 1:
            result = _add(result, p)
        p, n = _add(p, p), n >> 1
    return result


def _packed(p):
    inverse = pow(p[2], P - 2, P)
    x, y = p[0] * inverse % P, p[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def unpadded(data):
    return base64.b64encode(data).decode().rstrip("=")


class Key:
    """A signing key. `public` is unpadded base64."""

    def __init__(self):
        digest = hashlib.sha512(os.urandom(32)).digest()
        self._scalar = (int.from_bytes(digest[:32], "little") & ((1 << 254) - 8)) | (1 << 254)
        self._prefix = digest[32:]
        self._public = _packed(_times(self._scalar, BASE))
        self.public = unpadded(self._public)

    def _sign(self, message):
        r = int.from_bytes(hashlib.sha512(self._prefix + message).digest(), "little") % L
        big_r = _packed(_times(r, BASE))
        h = int.from_bytes(hashlib.sha512(big_r + self._public + message).digest(), "little") % L
        return big_r + ((r + h * self._scalar) % L).to_bytes(32, "little")

    def sign(self, value, user_id, name=None):
        """The object with a signature by the user: with `ed25519:NAME`, or the key's own public key as the name."""
        bare = {key: part for key, part in value.items() if key not in ("signatures", "unsigned")}
        message = json.dumps(bare, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        signatures = {user: dict(by_key) for user, by_key in value.get("signatures", {}).items()}
        signatures.setdefault(user_id, {})["ed25519:" + (name or self.public)] = unpadded(self._sign(message))
        return {**value, "signatures": signatures}


class Identity:
    """A user's cross-signing keys, and the key of the device that made them."""

    def __init__(self, client):
        self.client, self.user_id = client, client.user_id
        self.master, self.self_signing, self.user_signing, self.device = Key(), Key(), Key(), Key()

    def _key(self, key, usage):
        return {"user_id": self.user_id, "usage": [usage], "keys": {"ed25519:" + key.public: key.public}}

    def master_key(self):
        return self._key(self.master, "master")

    def upload(self):
        """What /keys/device_signing/upload takes."""
        return {"master_key": self.master_key(),
                "self_signing_key": self.master.sign(self._key(self.self_signing, "self_signing"), self.user_id),
                "user_signing_key": self.master.sign(self._key(self.user_signing, "user_signing"), self.user_id)}

    def device_keys(self):
        device_id = self.client.device_id
        keys = {"user_id": self.user_id, "device_id": device_id,
                "algorithms": ["m.olm.v1.curve25519-aes-sha2", "m.megolm.v1.aes-sha2"],
                "keys": {"curve25519:" + device_id: unpadded(b"c" * 32), "ed25519:" + device_id: self.device.public}}
        return self.device.sign(keys, self.user_id, device_id)
