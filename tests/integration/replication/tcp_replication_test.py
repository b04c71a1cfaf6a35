# SPDX-License-Identifier: Apache-2.0
"""Two processes without Redis: what a worker wrote comes through the main process's replication listener."""

import contextlib
import os
import re
import socket
import threading
import time
import unittest
from urllib.parse import quote

from cluster import Worker, check_counts
from lares_test import Postgres, Server, reserve_port
from lares_test.patience import PATIENCE


class TcpCluster:
    """`with TcpCluster() as cluster: cluster.main.register("alice")`. `main` and `persister` are Servers."""

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.postgres = stack.enter_context(Postgres())
            main_port, persister_port, self.lines = reserve_port(), reserve_port(), reserve_port()
            self.main_port = main_port
            self.main = Server(name="cluster.test", database=self.postgres.create_database(), config={
                "worker_replication_secret": "between processes",
                "instance_map": {"main": {"host": "127.0.0.1", "port": main_port},
                                 "persister1": {"host": "127.0.0.1", "port": persister_port}},
                "stream_writers": {"events": ["persister1"]}})
            self.main.config["signing_key_path"] = os.path.join(self.main.folder, "signing.key")
            self.main.config["listeners"] += [
                {"port": main_port, "bind_addresses": ["127.0.0.1"], "type": "http",
                 "resources": [{"names": ["replication", "metrics"]}]},
                {"port": self.lines, "type": "replication"}]
            self.main.write_config()
            self.persister = Worker("persister1", self.main, persister_port)
            self.persister.config["worker_replication_port"] = self.lines
            self.persister.write_config()
            stack.push(self.main.__exit__)
            stack.push(self.persister.__exit__)
            self.main.start()
            self.persister.start()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error):
        return self._stack.__exit__(*error)


class Terminal:
    """What nc(1) is."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.file = self.socket.makefile("rw", newline="\n", encoding="utf-8", errors="surrogateescape")

    def type(self, line):
        self.file.write(line + "\n")
        self.file.flush()

    def lines(self):
        """As they come, without the PINGs."""
        for line in self.file:
            if not line.startswith("PING "):
                yield line.rstrip("\n")

    def until(self, beginning, inside=""):
        for line in self.lines():
            if line.startswith(beginning) and inside in line:
                return
        raise AssertionError("the connection ended before " + beginning)

    def close(self):
        self.file.close()
        self.socket.close()


def pattern(line):
    """TOKEN, TIME, EVENT stand for what the server chooses."""
    return re.escape(line).replace("TOKEN", r"[0-9]+").replace("TIME", r"[0-9]{13}").replace("EVENT", r"\$[^\"]+")


class TcpReplicationTest(unittest.TestCase):
    def test_rows_are_on_the_wire_as_other_programs_read_them(self):
        with TcpCluster() as cluster:
            alice, bob = cluster.main.register("alice"), cluster.main.register("bob")
            room = alice.create_room()
            bob.join(room)
            terminal = Terminal(cluster.lines)
            terminal.type("REPLICATE")
            terminal.until("POSITION events persister1 ")
            here = "/_matrix/client/v3"
            in_room = here + "/rooms/%s" % quote(room)
            hers = here + "/user/%s" % quote(alice.user_id)

            said = alice.send(room, "hello")
            topic = alice.set_state(room, "m.room.topic", {"topic": "rows"})
            alice.put(in_room + "/send/m.reaction/1", {"m.relates_to": {
                "rel_type": "m.annotation", "event_id": said, "key": "+"}})
            alice.redact(room, said)
            alice.put(in_room + "/typing/" + quote(alice.user_id), {"typing": True, "timeout": 60_000})
            alice.put(in_room + "/typing/" + quote(alice.user_id), {"typing": False})
            bob.post(in_room + "/receipt/m.read/" + quote(topic), {})
            bob.post(in_room + "/receipt/m.read.private/" + quote(topic), {"thread_id": "main"})
            alice.put(here + "/presence/%s/status" % quote(alice.user_id), {"presence": "online", "status_msg": "here"})
            alice.put(hers + "/account_data/org.example.of_her", {"is": 1})
            alice.put(hers + "/rooms/%s/account_data/org.example.of_room" % quote(room), {"is": 1})
            alice.put(hers + "/rooms/%s/tags/u.work" % quote(room), {})
            alice.put(here + "/pushrules/global/content/rows", {"pattern": "rows", "actions": ["notify"]})
            alice.put(here + "/sendToDevice/m.dummy/1", {"messages": {bob.user_id: {"*": {}}}})
            alice.put(here + "/devices/" + alice.device_id, {"display_name": "renamed"})
            bob.leave(room)
            alice.put(here + "/profile/%s/displayname" % quote(alice.user_id), {"displayname": "Alice"})

            names = {"a": alice.user_id, "b": bob.user_id, "r": room, "said": said, "topic": topic}
            expected = [line % names for line in [
                'RDATA events persister1 TOKEN ["ev",["%(said)s","%(r)s","m.room.message",null,null,null,null,false,false]]',
                'RDATA events persister1 batch ["ev",["%(topic)s","%(r)s","m.room.topic","",null,null,null,false,false]]',
                'RDATA events persister1 TOKEN ["state",["%(r)s","m.room.topic","","%(topic)s"]]',
                'RDATA events persister1 TOKEN ["ev",["EVENT","%(r)s","m.reaction",null,null,"%(said)s",null,false,false]]',
                'RDATA events persister1 TOKEN ["ev",["EVENT","%(r)s","m.room.redaction",null,"%(said)s",null,null,false,false]]',
                'RDATA events persister1 batch ["ev",["EVENT","%(r)s","m.room.member","%(b)s",null,null,"leave",false,false]]',
                'RDATA events persister1 TOKEN ["state",["%(r)s","m.room.member","%(b)s","EVENT"]]',
                'RDATA events persister1 batch ["ev",["EVENT","%(r)s","m.room.member","%(a)s",null,null,"join",false,false]]',
                'RDATA events persister1 TOKEN ["state",["%(r)s","m.room.member","%(a)s","EVENT"]]',
                'RDATA typing master TOKEN ["%(r)s",["%(a)s"]]',
                'RDATA typing master TOKEN ["%(r)s",[]]',
                'RDATA receipts master TOKEN ["%(r)s","m.read","%(b)s","%(topic)s",null,{"ts":TIME}]',
                'RDATA receipts master TOKEN ["%(r)s","m.read.private","%(b)s","%(topic)s","main",{"ts":TIME}]',
                'RDATA presence master TOKEN ["%(a)s","online",TIME,0,0,"here",true]',
                'RDATA account_data master TOKEN ["%(a)s",null,"org.example.of_her"]',
                'RDATA account_data master TOKEN ["%(a)s","%(r)s","org.example.of_room"]',
                'RDATA account_data master TOKEN ["%(a)s","%(r)s","m.tag"]',
                'RDATA push_rules master TOKEN ["%(a)s"]',
                'RDATA to_device master TOKEN ["%(b)s"]',
                'RDATA device_lists master TOKEN ["%(a)s",false,false]',
                'RDATA caches master TOKEN ["profiles",["%(a)s"],TIME]']]
            # The positions that each process repeats keep this going.
            heard, end = [], time.monotonic() + 20 * PATIENCE
            for line in terminal.lines():
                heard.append(line)
                missing = [one for one in expected if not any(re.fullmatch(pattern(one), line) for line in heard)]
                if (not missing and line.startswith("POSITION events ")) or time.monotonic() > end:
                    break
            terminal.close()
            self.assertEqual(missing, [], "\n".join(heard))
            # In this order, and what belongs together without anything in between.
            events = [line for line in heard if line.startswith("RDATA events ")]
            self.assertEqual(len(events), 9)
            for one, line in zip(expected, events):
                self.assertRegex(line, pattern(one) + "$")
            # Nothing that a program of another make does not know.
            self.assertEqual({line.split(" ")[0] for line in heard}, {"RDATA", "POSITION"})

    def test_a_worker_and_a_terminal_hear_what_is_written(self):
        with TcpCluster() as cluster:
            alice, bob = cluster.main.register("alice"), cluster.main.register("bob")
            room = alice.create_room()
            bob.join(room)
            terminal = Terminal(cluster.lines)
            terminal.until("SERVER cluster.test")
            terminal.type("REPLICATE")
            terminal.until("POSITION events persister1 ")
            bob.sync()
            shown = lambda answer: [event["event_id"] for event in answer.get("rooms", {}).get("join", {}).get(
                room, {}).get("timeline", {}).get("events", [])]
            answers = []
            waiting = threading.Thread(target=lambda: answers.append(bob.sync_until(shown)))
            waiting.start()
            event_id = alice.send(room, "hello through the main process")
            waiting.join(20)
            self.assertFalse(waiting.is_alive(), "the sync did not end")
            self.assertIn(event_id, answers[0])
            terminal.until("RDATA events persister1 ", inside=event_id)
            terminal.close()

    def test_a_position_that_nobody_has_drawn_stops_no_sync(self):
        with TcpCluster() as cluster:
            alice, bob = cluster.main.register("alice"), cluster.main.register("bob")
            room = alice.create_room()
            bob.join(room)
            bob.sync()
            far = 2 ** 63 - 1
            for lie in ("POSITION events persister1 0 %d" % far,
                        'RDATA events persister1 %d ["ev",["$e","%s","m.room.message",null,null,null,null,false,false]]'
                        % (far, room)):
                terminal = Terminal(cluster.lines)
                terminal.type("NAME persister1")
                terminal.type("POSITION events persister1 0 1")
                terminal.type(lie)
                # The real one comes back, and ends this connection.
                terminal.until("ERROR another connection has this name")
                terminal.close()
                event_id = alice.send(room, "after a lie")
                bob.sync_until(lambda answer: event_id in [event["event_id"] for event in bob.timeline(answer, room)])

    def test_what_is_no_text_or_speaks_for_another_ends_the_connection(self):
        with TcpCluster() as cluster:
            for typed, answer in (("NAME x\nNEWS \x1b[2J", "ERROR The command has a control character."),
                                  ("NAME x\nNEWS \udcff", "ERROR The command is not UTF-8."),
                                  ("NEWS", "ERROR before this command comes NAME"),
                                  ("POSITION events x 1 1", "ERROR before this command comes NAME")):
                terminal = Terminal(cluster.lines)
                terminal.type(typed)
                self.assertEqual([line for line in terminal.lines()][-1], answer)
                terminal.close()

    def test_commands_and_rows_are_counted_and_every_family_is_documented(self):
        with TcpCluster() as cluster:
            reader = check_counts(self, cluster, "tcp")
            self.assertEqual(reader.value("synapse_replication_tcp_resource_total_connections"), 1)

    def test_what_was_written_while_the_main_process_was_away_is_there_when_it_is_back(self):
        with TcpCluster() as cluster:
            alice = cluster.main.register("alice")
            room = alice.create_room()
            for _ in range(2):
                cluster.main.kill()
                cluster.main.start()
                event_id = alice.send(room, "again")
                self.assertIn(event_id, [event["event_id"] for event in alice.history(room)])
            cluster.persister.kill()
            cluster.persister.start()
            event_id = alice.send(room, "and again")
            self.assertIn(event_id, [event["event_id"] for event in alice.history(room)])


if __name__ == "__main__":
    unittest.main(verbosity=2)
