# SPDX-License-Identifier: Apache-2.0
"""What clients asked, were answered and saw, written down as it happened, and the judgement over it.

The judge knows nothing of the server: whoever kills processes under load learns from the transcripts alone whether
anything acknowledged was lost, doubled or shown out of order.
"""

import collections
import json
import threading
import time


class Transcript:
    """One user's record. Every entry is written through to the file at once, so that it survives a crash of the test."""

    def __init__(self, user, path=None):
        self.user = user
        self.entries = []
        self._lock = threading.Lock()
        self._file = open(path, "a", buffering=1) if path else None

    def add(self, what, **fields):
        entry = {"at": time.monotonic(), "user": self.user, "what": what, **fields}
        with self._lock:
            self.entries.append(entry)
            if self._file:
                self._file.write(json.dumps(entry) + "\n")

    def sending(self, room, txn, mark):
        """Before each try. `mark` is what makes the message this one and no other, and stands in its content."""
        self.add("sending", room=room, txn=txn, mark=mark)

    def acknowledged(self, room, txn, mark, event_id):
        self.add("acknowledged", room=room, txn=txn, mark=mark, event_id=event_id)

    def saw(self, room, event_id, mark, sender):
        """An event of a sync's timeline. Call it for each, in the order in which they came."""
        self.add("saw", room=room, event_id=event_id, mark=mark, sender=sender)

    def of(self, what):
        return [entry for entry in self.entries if entry["what"] == what]


class Judgement:
    def __init__(self):
        self.faults = []
        self.sent = self.acknowledged = self.seen = 0

    def fault(self, text):
        self.faults.append(text)

    def __str__(self):
        head = "%d sent, %d acknowledged, %d seen, %d faults" % (self.sent, self.acknowledged, self.seen,
                                                               len(self.faults))
        return "\n".join([head, *self.faults[:50]])


def judge(transcripts, histories, complete=True):
    """Holds transcripts against each other and against the rooms as they are in the end.

    `histories`: room -> [(event_id, mark, sender)], oldest first, as /messages gives it after everything has settled.
    `complete`: every reader synced from before the first message until after the last, so it must have seen all.
    """
    result = Judgement()
    by_mark = collections.defaultdict(list)
    places = {}
    for room, events in histories.items():
        for place, (event_id, mark, _) in enumerate(events):
            if event_id in places:
                result.fault("%s stands twice in the history of %s" % (event_id, room))
            places[event_id] = (room, place)
            if mark is not None:
                by_mark[mark].append(event_id)
    for mark, events in by_mark.items():
        if len(events) > 1:
            result.fault("message %s was sent once and stored %d times: %s" % (mark, len(events), events))

    for transcript in transcripts:
        result.sent += len({entry["mark"] for entry in transcript.of("sending")})
        answers = {}
        last = {}
        for entry in transcript.of("acknowledged"):
            result.acknowledged += 1
            mark, event_id, room = entry["mark"], entry["event_id"], entry["room"]
            if answers.setdefault(mark, event_id) != event_id:
                result.fault("message %s was answered with two events: %s, %s" % (mark, answers[mark], event_id))
            if event_id not in places:
                result.fault("acknowledged and lost: message %s, event %s in %s" % (mark, event_id, room))
                continue
            # A user who waits for each answer before the next message finds them in this order.
            place = places[event_id][1]
            if place < last.get(room, -1):
                result.fault("message %s of %s stands before one that was acknowledged earlier" % (mark, transcript.user))
            last[room] = max(place, last.get(room, -1))

    orders = {}
    for transcript in transcripts:
        seen = collections.defaultdict(list)
        for entry in transcript.of("saw"):
            result.seen += 1
            seen[entry["room"]].append(entry["event_id"])
        for room, events in seen.items():
            for event_id, count in collections.Counter(events).items():
                if count > 1:
                    result.fault("%s saw %s %d times" % (transcript.user, event_id, count))
                if event_id not in places:
                    result.fault("%s saw %s, which is not in the history of %s" % (transcript.user, event_id, room))
            known = set(events)
            if complete:
                missing = [event_id for event_id, mark, _ in histories.get(room, [])
                           if mark is not None and event_id not in known]
                if missing:
                    result.fault("%s never saw %d events of %s, first %s"
                                 % (transcript.user, len(missing), room, missing[0]))
            # All readers of a room see one order, that of arrival.
            reader, order = orders.setdefault(room, (transcript.user, events))
            common = known.intersection(order)
            mine = [event_id for event_id in events if event_id in common]
            theirs = [event_id for event_id in order if event_id in common]
            if mine != theirs:
                first = next((a, b) for a, b in zip(mine, theirs) if a != b)
                result.fault("%s and %s saw %s in different orders, first at %s and %s"
                             % (transcript.user, reader, room, *first))
    return result
