# SPDX-License-Identifier: Apache-2.0
"""What a process says of itself to Prometheus."""

import http.client
import re
import socket


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=30)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Exposition:
    @classmethod
    def of(cls, path):
        """Asks a metrics listener on a unix socket."""
        connection = _UnixConnection(path)
        try:
            connection.request("GET", "/_synapse/metrics")
            return cls(connection.getresponse().read().decode())
        finally:
            connection.close()

    def __init__(self, text):
        self.types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
        self.samples = [(name, dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels)), float(value)) for name, labels, value
                        in re.findall(r"^([a-z_]\w*)(?:{(.*)})? (\S+)$", text, re.M)]
        self.labels = {}
        for name, labels, _ in self.samples:
            self.labels.setdefault(self.family(name), set()).update(labels)

    def family(self, sample):
        return sample if sample in self.types else re.sub(r"_(bucket|sum|count)$", "", sample)

    def value(self, sample, **labels):
        """The sum over all samples with these labels."""
        return sum(value for name, has, value in self.samples
                   if name == sample and all(has.get(key) == wanted for key, wanted in labels.items()))

    def by(self, sample, label):
        """Value of the label -> the sum over all samples that have it."""
        result = {}
        for name, has, value in self.samples:
            if name == sample and label in has:
                result[has[label]] = result.get(has[label], 0) + value
        return result
