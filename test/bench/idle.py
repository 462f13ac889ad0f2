"""Idle connections: how much memory does each take, after one request?"""

import time

import check
from harness import Closed, Failure, RawClient
from measuring import cpu_seconds, memory_bytes
from origins import body_of
from scenario import Scenario
from servers import settle

BATCH = 100  # connections whose requests are under way at the same time
SMALL = body_of("/small")


def ask(clients, count_wrong):
    """One request on each connection, sent together, then read; wrong ones are counted by calling."""
    for client in clients:
        try:
            client.send_request("GET", "/small")
        except OSError:
            pass  # reading says so
    for client in clients:
        try:
            if client.read_response().body != SMALL:
                count_wrong()
            client.received = b""  # ten thousand copies would be ours to hold
        except (OSError, Closed, Failure):
            count_wrong()


def stable_memory(pid, limit=10):
    """Memory once it has not fallen for two seconds: what is given back after a while is given back."""
    lowest, since = memory_bytes(pid), time.monotonic()
    end = since + limit
    while time.monotonic() < end and time.monotonic() - since < 2:
        time.sleep(0.25)
        now = memory_bytes(pid)
        if now < lowest * 0.998:
            lowest, since = now, time.monotonic()
    return memory_bytes(pid)


class Idle(Scenario):
    main = "idle_bytes"
    columns = ("idle_bytes", "base_mib", "pss_mib", "cpu_us", "idle_cpu_ms", "errors")
    bar_of = "figure"

    def __init__(self, name, count, bar, features):
        kind = "TLS 1.3 connections" if features.tls else "connections"
        self.name, self.what = name, f"{count:,} idle {kind} after one request each: memory of one"
        self.count, self.bar, self.features = count, bar, features

    def check(self, server):
        check.answer(server, "/small")

    def measure(self, server, seconds):
        """A server started anew, so that nothing of an earlier round is reused; `seconds` says how long to stay idle."""
        server.stop()
        server.start()
        if self.features.connections > server.place.files:
            raise check.Wrong(f"{self.count} connections need more than {server.place.files} open files (ulimit -n)")
        wrong = []
        for _ in range(8):  # what is made with a worker's first requests is not the connections'
            with RawClient(server.port, tls=server.features.tls) as client:
                client.request("GET", "/small", [("Connection", "close")])
        settle()
        base, used = memory_bytes(server.pid), cpu_seconds(server.pid)
        clients = []
        try:
            for at in range(0, self.count, BATCH):
                batch = [RawClient(server.port, tls=server.features.tls) for _ in range(min(BATCH, self.count - at))]
                clients += batch
                ask(batch, lambda: wrong.append("first"))
            settle()
            used = cpu_seconds(server.pid) - used
            memory = stable_memory(server.pid)
            idle_from, idle_used = time.monotonic(), cpu_seconds(server.pid)
            time.sleep(min(seconds, 5))
            idle_used = (cpu_seconds(server.pid) - idle_used) / (time.monotonic() - idle_from)
            for at in range(0, self.count, BATCH):  # they must still be there
                ask(clients[at : at + BATCH], lambda: wrong.append("second"))
        finally:
            for client in clients:
                client.close()
        return {
            "idle_bytes": (memory - base) / self.count,
            "base_mib": base / 2**20,
            "pss_mib": memory / 2**20,
            "cpu_us": used / self.count * 1e6,
            "idle_cpu_ms": idle_used * 1000,
            "errors": len(wrong),
        }
