# SPDX-License-Identifier: Apache-2.0
"""The backup of room keys: versions, three granularities, which key replaces which."""

import unittest
from urllib.parse import quote

from shape import SHAPE, ShapeTest

V3 = "/_matrix/client/v3/room_keys"
ROOM, OTHER = "!one:hs.test", "!two:hs.test"


def key(index=1, forwarded=0, verified=False, data="x"):
    return {"first_message_index": index, "forwarded_count": forwarded, "is_verified": verified,
            "session_data": {"ciphertext": data}}


class BackupTest(ShapeTest):
    def setUp(self):
        self.alice, = self.users("alice")

    def create(self):
        return self.alice.post(V3 + "/version", {"algorithm": "m.megolm_backup.v1.curve25519-aes-sha2",
                                                 "auth_data": {"public_key": "abc"}})["version"]

    def path(self, version, *parts):
        return "/".join([V3 + "/keys", *(quote(part, safe="") for part in parts)]) + "?version=" + version

    def test_versions_are_made_read_changed_and_deleted(self):
        alice = self.alice
        self.assertEqual(alice.error("GET", V3 + "/version").errcode, "M_NOT_FOUND")
        first = self.create()
        second = self.create()
        self.assertNotEqual(first, second)
        newest = alice.get(V3 + "/version")
        self.assertEqual(newest, {"version": second, "algorithm": "m.megolm_backup.v1.curve25519-aes-sha2",
                                  "auth_data": {"public_key": "abc"}, "count": 0, "etag": newest["etag"]})
        self.assertIsInstance(newest["etag"], str)
        changed = {"algorithm": newest["algorithm"], "auth_data": {"public_key": "abc", "signatures": {}}, "version": second}
        alice.put(V3 + "/version/" + second, changed)
        self.assertEqual(alice.get(V3 + "/version/" + second)["auth_data"], changed["auth_data"])
        self.assertEqual(alice.error("PUT", V3 + "/version/" + second, {**changed, "algorithm": "m.other"}).errcode,
                         "M_INVALID_PARAM")
        self.assertEqual(alice.error("PUT", V3 + "/version/" + second, {**changed, "version": first}).errcode,
                         "M_INVALID_PARAM")
        self.assertEqual(alice.error("PUT", V3 + "/version/999", {**changed, "version": "999"}).errcode, "M_NOT_FOUND")
        alice.delete(V3 + "/version/" + second)
        self.assertEqual(alice.get(V3 + "/version")["version"], first)
        self.assertEqual(alice.error("GET", V3 + "/version/" + second).errcode, "M_NOT_FOUND")
        self.assertEqual(alice.error("DELETE", V3 + "/version/" + second).errcode, "M_NOT_FOUND")
        # No number is given twice.
        self.assertNotIn(self.create(), (first, second))

    def test_keys_in_three_granularities(self):
        alice, version = self.alice, self.create()
        one = alice.put(self.path(version, ROOM, "s/1"), key(data="1"))
        self.assertEqual(one["count"], 1)
        room = alice.put(self.path(version, ROOM), {"sessions": {"s2": key(data="2"), "s3": key(data="3")}})
        self.assertEqual(room["count"], 3)
        self.assertNotEqual(room["etag"], one["etag"])
        everything = alice.put(self.path(version), {"rooms": {OTHER: {"sessions": {"s1": key(data="4")}}}})
        self.assertEqual(everything["count"], 4)
        self.assertEqual(alice.get(V3 + "/version"), {**alice.get(V3 + "/version"), **everything})
        self.assertEqual(alice.call("GET", self.path(version, ROOM, "s/1")), key(data="1"))
        self.assertEqual(alice.call("GET", self.path(version, OTHER)), {"sessions": {"s1": key(data="4")}})
        self.assertEqual({room: set(found["sessions"]) for room, found in
                          alice.call("GET", self.path(version))["rooms"].items()},
                         {ROOM: {"s/1", "s2", "s3"}, OTHER: {"s1"}})
        self.assertEqual(alice.error("GET", self.path(version, OTHER, "none")).errcode, "M_NOT_FOUND")
        self.assertEqual(alice.call("GET", self.path(version, "!none:hs.test")), {"sessions": {}})
        self.assertEqual(alice.delete(self.path(version, ROOM, "s2"))["count"], 3)
        self.assertEqual(alice.delete(self.path(version, ROOM))["count"], 1)
        self.assertEqual(alice.delete(self.path(version))["count"], 0)
        self.assertEqual(alice.call("GET", self.path(version)), {"rooms": {}})

    def test_a_key_is_replaced_by_a_better_one_alone(self):
        alice, version = self.alice, self.create()
        path = self.path(version, ROOM, "s")
        alice.put(path, key(5, 2))
        etag = alice.get(V3 + "/version")["etag"]
        for worse in (key(6, 0), key(5, 2, data="same"), key(5, 3)):
            self.assertEqual(alice.put(path, worse)["etag"], etag)
            self.assertEqual(alice.call("GET", path), key(5, 2))
        for better in (key(5, 1), key(4, 9), key(9, 9, True), key(8, 9, True)):
            alice.put(path, better)
            self.assertEqual(alice.call("GET", path), better)
        alice.put(path, key(0, 0))
        self.assertEqual(alice.call("GET", path), key(8, 9, True))
        self.assertEqual(alice.get(V3 + "/version")["count"], 1)

    def test_only_the_newest_backup_is_written_to(self):
        alice = self.alice
        self.assertEqual(alice.error("PUT", self.path("1", ROOM, "s"), key()).errcode, "M_NOT_FOUND")
        first, second = self.create(), self.create()
        error = alice.error("PUT", self.path(first, ROOM, "s"), key())
        self.assertEqual((error.status, error.errcode, error.body["current_version"]),
                         (403, "M_WRONG_ROOM_KEYS_VERSION", second))
        self.assertEqual(alice.call("GET", self.path(first)), {"rooms": {}})
        self.assertEqual(alice.error("GET", self.path("999")).errcode, "M_NOT_FOUND")
        bob, = self.users("bob")
        self.assertEqual(bob.error("GET", self.path(second)).errcode, "M_NOT_FOUND")

    def test_a_backup_of_many_pages_is_read_whole(self):
        alice, version = self.alice, self.create()
        rooms = {"!r%d:hs.test" % room: {"sessions": {"s/%d\"" % n: key(n, data="%d-%d" % (room, n))
                                                      for n in range(count)}}
                 for room, count in enumerate((1, 249, 250, 501, 2))}
        alice.put(self.path(version), {"rooms": rooms})
        self.assertEqual(alice.call("GET", self.path(version)), {"rooms": rooms})
        for room, found in rooms.items():
            self.assertEqual(alice.call("GET", self.path(version, room)), found)
        self.assertEqual(alice.call("GET", self.path(self.create())), {"rooms": {}})

    @unittest.skipIf(SHAPE == "workers", "it looks at the memory of one process")
    def test_a_large_backup_is_not_read_into_memory(self):
        def peak():
            with open("/proc/%d/status" % self.server.process.pid) as file:
                return next(int(line.split()[1]) for line in file if line.startswith("VmHWM:")) // 1024
        alice, version = self.alice, self.create()
        for part in range(5):
            alice.put(self.path(version, ROOM), {"sessions": {"%d-%d" % (part, n): key(data="x" * 65000)
                                                              for n in range(460)}})
        with open("/proc/%d/clear_refs" % self.server.process.pid, "w") as file:
            file.write("5")  # what was used at most until now
        before = peak()
        answer = alice.raw("GET", self.path(version))
        self.assertEqual((answer.status, answer.data.count(b"ciphertext")), (200, 5 * 460))
        # The backup has 150 MB.
        self.assertLess(peak(), before + 100)

    def test_a_backup_survives_a_kill(self):
        alice, version = self.alice, self.create()
        alice.put(self.path(version), {"rooms": {ROOM: {"sessions": {"s%d" % n: key(n) for n in range(200)}}}})
        self.server.kill()
        self.server.start()
        self.assertEqual(len(alice.call("GET", self.path(version, ROOM))["sessions"]), 200)
        self.assertEqual(alice.get(V3 + "/version")["count"], 200)

    def test_hostile_requests_are_refused(self):
        alice, version = self.alice, self.create()
        good = key()
        for method, path, body, errcode in (
                ("POST", V3 + "/version", {"auth_data": {}}, "M_MISSING_PARAM"),
                ("POST", V3 + "/version", {"algorithm": 5, "auth_data": {}}, "M_BAD_JSON"),
                ("POST", V3 + "/version", {"algorithm": "a", "auth_data": []}, "M_BAD_JSON"),
                ("POST", V3 + "/version", {"algorithm": "a", "auth_data": {"x": "y" * 70000}}, "M_TOO_LARGE"),
                ("GET", V3 + "/version/abc", None, "M_NOT_FOUND"),
                ("PUT", V3 + "/keys", {"rooms": {}}, "M_MISSING_PARAM"),
                ("PUT", self.path(version), {}, "M_MISSING_PARAM"),
                ("PUT", self.path(version), {"rooms": {"noroom": {"sessions": {}}}}, "M_INVALID_PARAM"),
                ("PUT", self.path(version), {"rooms": {ROOM: []}}, "M_BAD_JSON"),
                ("PUT", self.path(version, "noroom"), {"sessions": {}}, "M_INVALID_PARAM"),
                ("PUT", self.path(version, ROOM, "s"), {}, "M_BAD_JSON"),
                ("PUT", self.path(version, ROOM, "s"), {**good, "first_message_index": -1}, "M_BAD_JSON"),
                ("PUT", self.path(version, ROOM, "s"), {**good, "first_message_index": "1"}, "M_BAD_JSON"),
                ("PUT", self.path(version, ROOM, "s"), {**good, "is_verified": 1}, "M_BAD_JSON"),
                ("PUT", self.path(version, ROOM, "s"), {**good, "session_data": "x"}, "M_BAD_JSON"),
                ("PUT", self.path(version, ROOM, "s"), key(data="x" * 70000), "M_TOO_LARGE"),
                ("PUT", self.path(version, ROOM, "s" * 300), good, "M_INVALID_PARAM"),
                ("PUT", self.path("x", ROOM, "s"), good, "M_NOT_FOUND")):
            with self.subTest(method=method, path=path[-60:], body=str(body)[:60]):
                self.assertEqual(alice.error(method, path, body).errcode, errcode)


if __name__ == "__main__":
    unittest.main()
