"""What is measured: a scenario names the features its servers need and measures one server for one round."""

import threading

import check
from drivers import Wrk
from measuring import cpu_seconds, memory_bytes
from servers import Features, settle


class Scenario:
    """`main` is the figure whose ratio is judged; `bar` the most that its median may be, `bar_of` says of what:
    the ratio to nginx, or (`figure`) weir's own figure."""

    name = ""
    what = ""
    main = "cpu_us"
    columns = ("rps", "cpu_us", "p50_ms", "p99_ms", "pss_mib", "errors")
    bar = None
    bar_of = "ratio"
    features = Features()

    def check(self, server):
        """Raises check.Wrong when the server's answers are not right."""

    def warm_up(self, server):
        """Before a server's first round."""

    def measure(self, server, seconds):
        """The figures of one round, as {name: number}; `errors` is how many requests failed."""
        raise NotImplementedError


class PeakMemory:
    """The most proportional memory of a tree that was seen while the block ran."""

    def __init__(self, pid, every):
        self.pid, self.every, self.peak = pid, every, 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def _look(self):
        while not self._ended.wait(self.every):
            self.peak = max(self.peak, memory_bytes(self.pid))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._thread.join()


class Traffic(Scenario):
    """A load generator for the whole round: CPU per request."""

    def __init__(self, name, what, driver, bar=None, features=Features()):
        self.name, self.what, self.driver, self.bar, self.features = name, what, driver, bar, features

    def check(self, server):
        check.answer(server, self.driver.path, b"x" * self.driver.body if self.driver.body else None)
        check.forwarded(server)
        check.connection_is_kept(server, self.driver.path)

    def warm_up(self, server):
        self.driver.run(server, 1)

    def measure(self, server, seconds):
        log_before = count_lines(server.log_file) if self.features.log else 0
        with PeakMemory(server.pid, seconds / 4) as memory:
            before = cpu_seconds(server.pid)
            load = self.driver.run(server, seconds)
            settle()
            used = cpu_seconds(server.pid) - before
        if load.requests == 0:
            raise check.Wrong(f"{server.name}: no request of {self.name} was answered: {load.errors}")
        if self.features.log:
            lines = count_lines(server.log_file) - log_before
            if not load.requests <= lines <= load.requests + 2 * self.driver.connections:
                raise check.Wrong(f"{server.name}: {lines} lines of log for {load.requests} requests")
        return {
            "requests": load.requests,
            "rps": load.requests / load.seconds,
            "cpu_us": used / load.requests * 1e6,
            "p50_ms": load.p50_ms,
            "p99_ms": load.p99_ms,
            "pss_mib": memory.peak / 2**20,
            "errors": sum(load.errors.values()),
            **{f"error_{kind}": count for kind, count in load.errors.items()},
        }


def count_lines(path):
    count = 0
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            count += block.count(b"\n")
    return count


TLS = Features(tls=True)

ALL = [
    Traffic("small", "128 bytes over kept connections", Wrk("/small"), 0.90),
    Traffic("small_log", "the same with an access log", Wrk("/small"), 0.93, Features(log=True)),
    Traffic("small_close", "128 bytes, a new connection each", Wrk("/small", close=True), 0.96),
    Traffic("10k", "10 KiB over kept connections", Wrk("/10k"), 0.82),
    Traffic("chunked", "10 KiB in four chunks", Wrk("/chunked"), 0.85),
    Traffic("1m", "1 MiB over 16 kept connections", Wrk("/1m", connections=16), 0.80),
    Traffic("post_1m", "POST of 1 MiB over 16 kept connections", Wrk("/small", connections=16, body=1 << 20), 0.95),
    Traffic("tls_small", "128 bytes over kept TLS 1.3 connections", Wrk("/small"), 0.85, TLS),
    Traffic("tls_100k", "100 KiB over kept TLS 1.3 connections", Wrk("/100k"), 0.90, TLS),
]

BY_NAME = {scenario.name: scenario for scenario in ALL}
