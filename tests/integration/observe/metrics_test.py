# SPDX-License-Identifier: Apache-2.0
"""/_synapse/metrics of a running server against docs/metrics.md, and that it counts."""

import os
import re
import threading
import unittest

from lares_test import Exposition, Server, wait_until
from lares_test.metrics_page import documented, undocumented

V3 = "/_matrix/client/v3"


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
        faults = undocumented(self.metrics)
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
        # What runs by itself now and then may be seen for the first time; what grew with each of them would be 20 samples.
        self.assertLess(size() - before, 20)

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

    def test_a_request_in_flight_is_charged_at_each_scrape(self):
        bob = self.server.register("inflight")
        bob.sync()
        wait_until(lambda: not {"device_lists", "presence", "account_data"} & bob.sync(timeout=50).keys())
        # Read from the database by the long poll, before it waits.
        tidy = bob.post(V3 + "/user/%s/filter" % bob.user_id, {"room": {"timeline": {"limit": 3}}})["filter_id"]
        sync = {"method": "GET", "servlet": "SyncRestServlet", "server_name": "hs.test"}
        prefix = "synapse_http_server_in_flight_requests_"
        before = self.scrape()
        self.assertEqual(before.value(prefix + "count", **sync), 0)
        poll = threading.Thread(target=bob.sync, kwargs={"timeout": 60000, "filter": tidy})
        poll.start()

        def used():
            now = self.scrape()
            if now.value(prefix + "count", **sync) != 1:
                return None
            grown = {sample: now.value(prefix + sample, **sync) - before.value(prefix + sample, **sync)
                     for sample in ("ru_utime_seconds_total", "ru_stime_seconds_total", "db_txn_count_total",
                                    "db_txn_duration_seconds_total", "db_sched_duration_seconds_total")}
            return grown if grown["db_txn_count_total"] > 0 else None

        try:
            grown = wait_until(used)
            self.assertGreater(grown["ru_utime_seconds_total"] + grown["ru_stime_seconds_total"], 0)
            self.assertGreater(grown["db_txn_duration_seconds_total"], 0)
            self.assertGreater(grown["db_sched_duration_seconds_total"], 0)
            # It has not ended, so nothing of it is among the responses.
            responses = "synapse_http_server_response_count_total"
            self.assertEqual(self.scrape().value(responses, **sync), before.value(responses, **sync))
        finally:
            bob.put(V3 + "/user/%s/account_data/x.enough" % bob.user_id, {"a": 1})
            poll.join()

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

    def test_parts_of_the_work_are_measured(self):
        before = self.scrape()
        bob = self.server.register("measured")
        bob.join(self.room)
        bob.sync()
        self.alice.send(self.room, "measured")
        bob.sync()
        after = self.scrape()
        for block in ("create_new_client_event", "action_for_event_by_user", "load_filtered_recents",
                      "unread_notifs_for_room_id", "typing.get_new_events", "presence.get_new_events"):
            labels = {"server_name": "hs.test", "block_name": block}
            for sample in ("count_total", "time_seconds_total"):
                name = "synapse_util_metrics_block_" + sample
                self.assertGreater(after.value(name, **labels), before.value(name, **labels), block + " " + sample)
            self.assertEqual(after.value("synapse_util_metrics_block_in_flight_total", **labels), 0)
        self.assertGreater(after.value("synapse_util_metrics_block_ru_utime_seconds_total"), 0)

    def test_rooms_are_counted_by_the_ends_of_their_graphs(self):
        before = self.scrape()
        self.alice.send(self.room, "one end")
        after = self.scrape()
        for sample in ("count", "bucket"):
            name = "synapse_storage_events_forward_extremities_persisted_" + sample
            labels = {"le": "1"} if sample == "bucket" else {}
            self.assertEqual(after.value(name, **labels) - before.value(name, **labels), 1)
        name = "synapse_storage_events_stale_forward_extremities_persisted_sum"
        self.assertEqual(after.value(name), before.value(name))
        # Counted at the start and once an hour.
        self.server.restart()
        wait_until(lambda: self.scrape().value("synapse_forward_extremities_bucket", le="1") >= 1)
        counted = self.scrape()
        self.assertEqual(counted.value("synapse_forward_extremities_bucket", le="1"),
                         counted.value("synapse_forward_extremities_bucket", le="+Inf"))

    def test_statements_are_timed_by_their_verb(self):
        before = self.scrape()
        self.alice.send(self.room, "timed")
        after = self.scrape()
        for verb in ("SELECT", "INSERT", "UPDATE"):
            for part in ("count", "sum"):
                name, labels = "synapse_storage_query_time_" + part, {"verb": verb}
                self.assertGreater(after.value(name, **labels), before.value(name, **labels), verb)
        self.assertEqual(after.value("synapse_event_fetch_ongoing"), 0)

    def test_what_the_background_work_says_of_itself(self):
        def users():
            self.server.restart()
            wait_until(lambda: self.scrape().value("synapse_background_update_status") == 3)
            wait_until(lambda: self.scrape().value("synapse_non_deactivated_user_count", app_service="native") > 0)
            return self.scrape().value("synapse_non_deactivated_user_count", app_service="native")
        gone = self.server.register("gone")
        before = users()
        self.server.register("here")
        self.assertEqual(users(), before + 1)
        gone.post(V3 + "/account/deactivate",
                  {"auth": {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": "gone"},
                            "password": gone.password}})
        self.assertEqual(users(), before)

    def test_accounts_syncs_and_pages_are_counted_by_kind(self):
        before = self.scrape()
        user = self.server.register("counted")
        user.login("counted")
        user.join(self.room)
        user.sync()
        user.since = None
        user.sync(filter='{"room":{"state":{"lazy_load_members":true}}}')
        user.messages(self.room)
        after = self.scrape()

        def grown(sample, **labels):
            return after.value(sample, **labels) - before.value(sample, **labels)
        self.assertEqual(grown("synapse_user_registrations_total", guest="false"), 1)
        self.assertEqual(grown("synapse_user_logins_total", guest="false"), 1)
        for lazy in ("false", "true"):
            self.assertEqual(grown("synapse_handlers_sync_nonempty_total", type="initial_sync", lazy_loaded=lazy), 1)
        self.assertEqual(grown("synapse_http_server_response_count_total", servlet="SyncRestServlet",
                               tag="sync_v2:initial_sync"), 2)
        self.assertEqual(grown("synapse_room_message_list_rest_servlet_response_time_seconds_count"), 1)

    def test_presence_is_counted_by_what_changed(self):
        user = self.server.register("present")
        before = self.scrape()
        user.put(V3 + "/presence/%40present%3Ahs.test/status", {"presence": "online", "status_msg": "here"})
        after = self.scrape()
        name = "synapse_handler_presence_state_transition_total"
        self.assertEqual(after.value(name, **{"from": "offline", "to": "online"})
                         - before.value(name, **{"from": "offline", "to": "online"}), 1)
        name = "synapse_handler_presence_notify_reason_total"
        self.assertEqual(after.value(name, reason="state_change") - before.value(name, reason="state_change"), 1)
        self.assertGreater(after.value("synapse_handlers_presence_wheel_timer_size"), 0)

    def test_whom_rows_concern_is_counted(self):
        self.alice.sync()
        before = self.scrape()
        self.alice.send(self.room, "woken")
        after = self.scrape()
        name = "synapse_notifier_users_woken_by_stream_total"
        self.assertGreaterEqual(after.value(name, stream="events") - before.value(name, stream="events"), 1)
        self.assertEqual(after.value("synapse_notifier_notified_events_total")
                         - before.value("synapse_notifier_notified_events_total"), 1)

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


class Switch(unittest.TestCase):
    def test_no_listener_shows_metrics_that_are_switched_off(self):
        server = Server(config={"enable_metrics": False})
        path = os.path.join(server.folder, "metrics.sock")
        server.config["listeners"][0]["resources"] = [{"names": ["client", "metrics"]}]
        server.config["listeners"].append({"type": "metrics", "path": path})
        server.write_config()
        with server:
            self.assertEqual(server.client().raw("GET", "/_synapse/metrics").status, 404)
            self.assertEqual(Exposition.of(path).samples, [])


class Caches(unittest.TestCase):
    """`caches` and `event_cache_size` in force, as the bounds that are shown."""

    def bound(self, server, name):
        text = server.client().raw("GET", "/_synapse/metrics").text
        return Exposition(text).value("synapse_util_caches_cache_max_size", name=name)

    def test_what_timers_do_is_charged_to_their_background_process(self):
        server = Server(config={"caches": {"cache_entry_ttl": "1s"}})
        server.config["listeners"][0]["resources"] = [{"names": ["client", "metrics"]}]
        server.write_config()
        with server:
            def expiry(sample):
                text = server.client().raw("GET", "/_synapse/metrics").text
                return Exposition(text).value("synapse_background_process_" + sample, name="LruCache._expire_old_entries",
                                              server_name="hs.test")

            def cpu():
                return expiry("ru_utime_seconds_total") + expiry("ru_stime_seconds_total")
            before = wait_until(cpu)
            wait_until(lambda: cpu() > before)
            self.assertEqual((expiry("start_count_total"), expiry("in_flight_count")), (1, 1))

    def test_caches_are_as_large_as_the_configuration_says_and_change_with_it(self):
        server = Server()
        server.config["listeners"][0]["resources"] = [{"names": ["client", "metrics"]}]
        server.write_config()
        with server:
            names, events = self.bound(server, "room_names"), self.bound(server, "getEvent")
            self.assertEqual(events, 20 << 20)
            server.config["caches"] = {"global_factor": 1.0, "per_cache_factors": {"*getEvent*": 0.25, "no_such": 2}}
            server.config["event_cache_size"] = "20K"
            server.write_config()
            server.reload()
            wait_until(lambda: self.bound(server, "room_names") == 2 * names)
            self.assertEqual(self.bound(server, "getEvent"), events)
            log = wait_until(lambda: re.search("Reloaded.*", server.process.log_text()))[0]
            for key in ("caches.global_factor", "caches.per_cache_factors", "event_cache_size"):
                self.assertIn(key, log)
            self.assertNotIn("restart", log)
            self.assertIn("caches.per_cache_factors.no_such has no effect", server.process.log_text())
            server.restart()
            self.assertEqual(self.bound(server, "room_names"), 2 * names)

    def test_what_nobody_asks_for_leaves(self):
        server = Server(config={"caches": {"cache_entry_ttl": "2s"}})
        server.config["listeners"][0]["resources"] = [{"names": ["client", "metrics"]}]
        server.write_config()
        with server:
            server.register("alice").create_room()

            def left():
                shown = Exposition(server.client().raw("GET", "/_synapse/metrics").text)
                return shown.value("synapse_util_caches_cache_evicted_size", name="getEvent", reason="time")
            wait_until(left, timeout=60)


if __name__ == "__main__":
    unittest.main(warnings="ignore")
