# SPDX-License-Identifier: Apache-2.0
"""/_synapse/metrics of a running server against docs/metrics.md, and that it counts."""

import os
import re
import unittest

from lares_test import Exposition, Server, source_dir

V3 = "/_matrix/client/v3"


def documented():
    """name -> (type, labels, always there), from the tables of the page."""
    families = {}
    with open(os.path.join(source_dir(), "docs", "metrics.md")) as file:
        for line in file:
            cells = [cell.strip() for cell in line.split("|")[1:-1]]
            if len(cells) == 4 and cells[0].startswith("`"):
                for name in re.findall(r"`(\w+)`", cells[0]):
                    families[name] = (cells[1], set(re.findall(r"`(\w+)`", cells[2])), "(later)" not in cells[0])
    return families


class Metrics(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.addClassCleanup(cls.server.close)
        cls.server.config["listeners"][0]["resources"] = [{"names": ["client", "metrics"]}]
        cls.server.config["rate_limits"] = True
        plenty = {"per_second": 1000, "burst_count": 1000}
        cls.server.config.update(rc_registration=plenty, rc_message=plenty, rc_joins={"local": plenty},
                                 rc_joins_per_room=plenty)
        cls.server.config["rc_room_creation"] = {"per_second": 0.001, "burst_count": 2}
        cls.server.write_config()
        cls.server.start()
        cls.alice = cls.server.register("alice")
        cls.room = cls.alice.create_room()
        for number in range(5):
            cls.alice.send(cls.room, "message %d" % number)
        cls.alice.sync()
        cls.metrics = cls.scrape()

    @classmethod
    def scrape(cls):
        answer = cls.server.client().raw("GET", "/_synapse/metrics")
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8", answer.headers
        return Exposition(answer.text)

    def test_every_family_is_documented_with_its_type_and_labels(self):
        page, faults = documented(), []
        for name, kind in sorted(self.metrics.types.items()):
            if name not in page:
                faults.append("docs/metrics.md has no line for %s (%s)" % (name, kind))
                continue
            labels = self.metrics.labels.get(name, set()) - {"server_name", "le"}
            if kind != page[name][0] or (name in self.metrics.labels and labels != page[name][1]):
                faults.append("docs/metrics.md has %s as %s %s; it is a %s with %s"
                              % (name, page[name][0], sorted(page[name][1]), kind, sorted(labels)))
        self.assertEqual(faults, [], "\n".join(faults))

    def test_what_is_documented_is_there(self):
        self.assertEqual([name for name, (_, _, always) in documented().items()
                          if always and name not in self.metrics.types], [])

    def test_no_label_carries_what_comes_from_outside(self):
        found = [(name, labels) for name, labels, _ in self.metrics.samples for key, value in labels.items()
                 if key != "server_name" and (re.search(r"[@!#$].*:", value) or "hs.test" in value
                                              or self.room[1:] in value)]
        self.assertEqual(found, [])

    def test_families_do_not_grow_with_users_rooms_and_paths(self):
        def size():
            self.alice.raw("GET", V3 + "/nothing")
            return len(self.scrape().samples)
        size()
        before = size()
        for number in range(20):
            user = self.server.register("grow%d" % number)
            user.join(self.room)
            user.send(self.room, "x")
            user.raw("GET", V3 + "/nothing/%d" % number)
            user.raw("BREW%d" % number, V3 + "/nothing")
        # A servlet's statuses and a transaction's name appear when they are first seen.
        self.assertLess(size() - before, 200)
        before = size()
        for number in range(20, 40):
            user = self.server.register("grow%d" % number)
            user.join(self.room)
            user.send(self.room, "x")
            user.raw("GET", V3 + "/nothing/%d" % number)
        self.assertEqual(size(), before)

    def test_requests_are_counted_by_servlet(self):
        before = self.scrape()
        for number in range(3):
            self.alice.send(self.room, "counted %d" % number)
        self.alice.raw("PUT", self.alice.room_path("!nowhere:hs.test", "send", "m.room.message", "x"), {"body": "x"})
        after = self.scrape()

        def grown(sample, **labels):
            return after.value(sample, **labels) - before.value(sample, **labels)
        send = {"method": "PUT", "servlet": "RoomSendEventRestServlet", "server_name": "hs.test"}
        self.assertEqual(grown("synapse_http_server_requests_received_total", **send), 4)
        self.assertEqual(grown("synapse_http_server_response_count_total", **send), 4)
        self.assertEqual(grown("synapse_http_server_response_time_seconds_count", code="200", **send), 3)
        self.assertEqual(grown("synapse_http_server_response_time_seconds_bucket", code="200", le="+Inf", **send), 3)
        self.assertGreaterEqual(grown("synapse_http_server_response_db_txn_count_total", **send), 3)
        self.assertGreater(grown("synapse_http_server_response_db_txn_duration_seconds_total", **send), 0)
        self.assertGreater(grown("synapse_http_server_response_ru_utime_seconds_total", **send)
                           + grown("synapse_http_server_response_ru_stime_seconds_total", **send), 0)
        self.assertGreater(grown("synapse_http_server_response_size_total", **send), 0)
        self.assertEqual(after.value("synapse_http_server_in_flight_requests_count", **send), 0)
        self.assertEqual(after.value("synapse_http_server_in_flight_requests_count", servlet="MetricsResource"), 1)

    def test_events_are_counted_by_type(self):
        before = self.scrape()
        for number in range(3):
            self.alice.send(self.room, "counted by type %d" % number)
        self.alice.send(self.room, {"a": 1}, kind="x.of.ones.own")
        after = self.scrape()
        by_type = {(labels["type"], labels["origin_type"]): value - before.value(name, **labels)
                   for name, labels, value in after.samples if name == "synapse_storage_events_persisted_events_sep_total"}
        self.assertEqual({key: count for key, count in by_type.items() if count},
                         {("m.room.message", "local"): 3, ("other", "local"): 1})
        total = "synapse_storage_events_persisted_events_total"
        self.assertEqual(after.value(total) - before.value(total), 4)
        self.assertEqual(after.value("synapse_event_persisted_position"),
                         before.value("synapse_event_persisted_position") + 4)

    def test_a_limit_that_refuses_is_counted(self):
        user = self.server.register("eager")
        while user.raw("POST", V3 + "/createRoom", {}).status == 200:
            pass
        after = self.scrape()
        self.assertGreaterEqual(after.value("synapse_rate_limit_reject_total", rate_limiter_name="rc_room_creation"), 1)
        self.assertGreaterEqual(after.value("synapse_rate_limit_reject_affected_hosts",
                                            rate_limiter_name="rc_room_creation"), 1)
        self.assertEqual(after.value("synapse_rate_limit_reject_total", rate_limiter_name="rc_message"), 0)

    def test_the_process_and_the_build_are_named(self):
        self.assertGreater(self.metrics.value("process_resident_memory_bytes"), 1e6)
        self.assertGreater(self.metrics.value("process_cpu_seconds_total"), 0)
        self.assertGreater(self.metrics.value("process_open_fds"), 3)
        self.assertEqual(self.metrics.value("synapse_build_info"), 1)
        self.assertEqual(self.metrics.value("synapse_server_name_info", server_name="hs.test"), 1)

    def test_loops_background_processes_and_caches_are_seen(self):
        self.assertGreater(self.scrape().value("python_twisted_reactor_tick_time_count"), 0)
        self.assertGreater(self.metrics.value("synapse_background_process_start_count_total"), 0)
        self.assertGreater(self.metrics.value("synapse_util_caches_cache"), 0)
        self.assertGreater(self.metrics.value("synapse_threadpool_total_threads"), 0)


if __name__ == "__main__":
    unittest.main(warnings="ignore")
