# SPDX-License-Identifier: Apache-2.0
"""Processes looked at again and again: memory, descriptors, and what they say of themselves."""

import os
import statistics
import threading
import time

from lares_test import Exposition

# Gauges that are nought, or what they were before, once nobody asks for anything any more.
BACK_TO_NOTHING = ["lares_pool_queue_size", "lares_storage_reads_queued", "lares_storage_writes_queued",
                   "synapse_util_caches_cache_pending", "lares_typing_users", "synapse_notifier_listeners",
                   "synapse_util_metrics_block_in_flight_total", "synapse_pending_outgoing_replication_requests",
                   "synapse_replication_tcp_command_queue", "synapse_replication_tcp_protocol_transport_send_buffer",
                   "synapse_event_fetch_ongoing", "lares_client_ips_waiting"]
# What counts that a bound was reached, or that something was lost.
NEVER = ["lares_pool_refused_total", "lares_storage_overloaded_total", "lares_storage_failed_total",
         "lares_log_dropped_records_total", "lares_http_connections_refused_total", "lares_client_ips_dropped_total",
         "lares_replication_redis_dropped_commands_total", "lares_replication_tcp_dropped_commands_total"]


class Sample:
    """What one look at a process gives; of its metrics, what is judged."""

    def __init__(self, pid, socket):
        # Without the pages of files: how many processes of the machine share these is not this one's doing.
        with open("/proc/%d/smaps_rollup" % pid) as file:
            self.memory = sum(int(line.split()[1]) for line in file
                              if line.startswith(("Pss_Anon:", "Pss_Shmem:", "SwapPss:"))) * 1024
        self.descriptors = len(os.listdir("/proc/%d/fd" % pid))
        metrics = Exposition.of(socket)
        bounds = metrics.by("synapse_util_caches_cache_max_size", "name")
        # Cache -> what it holds beyond what it declares.
        self.beyond = {cache: size - bounds.get(cache, 0)
                       for cache, size in metrics.by("synapse_util_caches_cache_size", "name").items()
                       if size > bounds.get(cache, 0)}
        self.never = {name: metrics.value(name) for name in NEVER if metrics.value(name)}
        # What has to come back to what it was.
        self.at_rest = {"connections of clients": metrics.value("lares_http_connections"),
                        "requests": metrics.value("synapse_http_server_in_flight_requests_count"),
                        **{name: metrics.value(name) for name in BACK_TO_NOTHING},
                        **{"background processes " + name: count for name, count
                           in metrics.by("synapse_background_process_in_flight_count", "name").items()}}


class Watch(threading.Thread):
    """Takes a sample of each process every `every` seconds. `processes`: name -> (pid, socket of its metrics)."""

    def __init__(self, processes, every):
        super().__init__(daemon=True)
        self.processes, self.every = processes, every
        self.samples = {name: [] for name in processes}
        self.failure = None
        self.stopping = threading.Event()

    def sample(self, name):
        return Sample(*self.processes[name])

    def run(self):
        try:
            while not self.stopping.wait(self.every):
                for name in self.processes:
                    self.samples[name].append(self.sample(name))
        except Exception as error:  # told by the main thread
            self.failure = error

    def stop(self):
        self.stopping.set()
        self.join(60)
        if self.failure is not None:
            raise AssertionError("the watch failed: %r" % self.failure) from self.failure

    def wait_for_rest(self, before, timeout):
        """Until every process is as it was `before`; gives what is not, as sentences."""
        end = time.monotonic() + timeout
        while True:
            faults = []
            for name, former in before.items():
                rest = former.at_rest
                faults += ["%s: %d %s at the end, %d before" % (name, count, what, rest.get(what, 0))
                           for what, count in self.sample(name).at_rest.items() if count > rest.get(what, 0)]
            if not faults or time.monotonic() > end:
                return faults
            time.sleep(1)


def usual_least(values):
    """What there is in nine of ten samples at least: what a process keeps, without what it takes for one request, such as the 19 MB
    of a password's hash, of which a busy machine has one under way at most times."""
    return statistics.quantiles(values, n=10)[0]


def thirds(values):
    third = len(values) // 3
    return values[:third], values[third:2 * third], values[-third:]


def growth(values):
    """By how much the last third is above the third before."""
    _, before, after = (usual_least(part) for part in thirds(values))
    return after - before


def judge(samples, share, slack, descriptors):
    """Whether processes have stopped growing and kept what they declare. Memory may grow from the second third to the last
    by the `share` or by `slack` bytes, whichever is more, and the number of descriptors by `descriptors`."""
    faults = []
    for name, taken in samples.items():
        memory = [sample.memory for sample in taken]
        kept = [usual_least(part) / 1e6 for part in thirds(memory)]
        print("%-18s memory in thirds %s MB, %.1f at most; %d descriptors at most" % (
            name, " ".join("%6.1f" % part for part in kept), max(memory) / 1e6, max(sample.descriptors for sample in taken)))
        if growth(memory) > max(share * kept[1] * 1e6, slack):
            faults.append("%s: memory still grows, %.1f MB in the second third and %.1f in the last" % (
                name, kept[1], kept[2]))
        if growth([sample.descriptors for sample in taken]) > descriptors:
            faults.append("%s: the number of descriptors still grows" % name)
        beyond = {cache: size for sample in taken for cache, size in sample.beyond.items()}
        faults += ["%s: the cache %s held %d more than it declares" % (name, cache, size) for cache, size in beyond.items()]
        faults += ["%s: %s is %d" % (name, what, count) for what, count in taken[-1].never.items()]
    return faults
