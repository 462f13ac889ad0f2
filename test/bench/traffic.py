"""Load for a whole round: what does a request cost?"""

import check
from drivers import WeirLoad
from measuring import cpu_seconds
from scenario import PeakMemory, Scenario
from servers import Features, settle


# Short beside the time for which a machine goes on as it does (others on it come and go within seconds), long beside
# what it takes to open the connections.
SLICE_SECONDS = 2


class Traffic(Scenario):
    """A load generator for the whole time: CPU per request."""

    def __init__(self, name, what, driver, bar=None, features=Features(), main="cpu_us"):
        self.name, self.what, self.driver, self.bar, self.features = name, what, driver, bar, features
        self.main = main
        if main == "cpu_us":
            self.slice_seconds = SLICE_SECONDS
        if isinstance(driver, WeirLoad) and driver.close and features.tls:
            self.columns = ("rps", "cpu_us", "p50_ms", "p99_ms", "resumed_percent", "pss_mib", "errors")
        if main == "p99_ms":
            self.columns = ("rps", "cpu_us", "p50_ms", "p99_ms", "late_ms", "pss_mib", "errors")

    def check(self, server):
        check.answer(server, self.driver.path, b"x" * self.driver.body if self.driver.body else None)
        if server.moves_bytes_only:
            return
        check.forwarded(server)
        check.connection_is_kept(server, self.driver.path)

    def warm_up(self, server):
        self.load(server, 1)

    def load(self, server, seconds):
        return self.driver.run(server, seconds)

    def measure(self, server, seconds):
        log_before = count_lines(server.log_file) if self.features.log else 0
        with PeakMemory(server.pid, seconds / 4) as memory:
            before = cpu_seconds(server.pid)
            load = self.load(server, seconds)
            settle()
            used = cpu_seconds(server.pid) - before
        if load.requests == 0:
            raise check.Wrong(f"{server.name}: no request of {self.name} was answered: {load.errors}")
        self.handshakes_are_as_wanted(server, load)
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
            "resumed_percent": 100 * load.resumed / load.handshakes if load.handshakes else None,
            "late_ms": load.late_ms,
            "errors": sum(load.errors.values()),
            **{f"error_{kind}": count for kind, count in load.errors.items()},
        }

    def merge(self, figures):
        """Sums of counts, the most memory, and of all that is per request the mean over the requests."""
        requests = sum(one["requests"] for one in figures)
        merged = {"requests": requests, "rps": requests / sum(one["requests"] / one["rps"] for one in figures)}
        for name in {name for one in figures for name in one} - set(merged):
            there = [one for one in figures if one.get(name) is not None]
            values = [one[name] for one in there]
            if name.startswith("error"):
                merged[name] = sum(values)
            elif name in ("pss_mib", "late_ms"):
                merged[name] = max(values, default=None)
            elif there:
                weight = sum(one["requests"] for one in there)
                merged[name] = sum(one[name] * one["requests"] for one in there) / weight
            else:
                merged[name] = None
        return merged

    def handshakes_are_as_wanted(self, server, load):
        """All of them full or, but for a few that a run begins with, resumed. (At 0.9 the ratio is off by 3 %.)"""
        if not load.handshakes or not self.driver.close:
            return
        if self.driver.resume and load.resumed < 0.9 * (load.handshakes - 2 * self.driver.connections):
            raise check.Wrong(f"{server.name}: {load.resumed} of {load.handshakes} handshakes were resumed")
        if not self.driver.resume and load.resumed:
            raise check.Wrong(f"{server.name}: {load.resumed} handshakes were resumed, none should be")


class Shared(Traffic):
    """One hot key for two workers, beside one worker that has it alone. At a rate that leaves the processors time: at full
    load three processes on two processors would push each other's data out of their caches, whatever they share."""

    bar_peer = "weir-one"
    peers = ("weir-one",)

    def __init__(self):
        features = Features(cache_mib=64)
        super().__init__("hit_shared", "one hot key, 20,000 hits/s", WeirLoad("/keep/small", rate=20000), 1.05, features)


def count_lines(path):
    count = 0
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            count += block.count(b"\n")
    return count
