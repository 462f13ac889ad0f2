"""Reloads under load: how many requests fail?"""

import check
from drivers import Wrk
from measuring import cpu_seconds
from scenario import Meanwhile, PeakMemory, Scenario
from servers import Features, settle

RELOADS = 10  # a round


class Reloads(Meanwhile):
    """Asks for RELOADS reloads, spread over the time that the block takes."""

    def __init__(self, server, seconds):
        super().__init__()
        self.server, self.every, self.asked = server, seconds / (RELOADS + 1), 0

    def work(self):
        while self.asked < RELOADS and not self.ended.wait(self.every):
            self.server.reload()
            self.asked += 1


class Reloading(Scenario):
    name = "reload"
    what = f"{RELOADS} reloads a round under 64 busy kept connections: failed requests"
    main = "errors"
    bar = 0
    bar_of = "figure"
    columns = ("errors", "rps", "cpu_us", "p50_ms", "p99_ms", "peak_mib")
    features = Features()
    driver = Wrk("/small")

    def check(self, server):
        check.answer(server, "/small")

    def warm_up(self, server):
        self.driver.run(server, 1)

    def measure(self, server, seconds):
        seconds = max(1, round(seconds))
        with PeakMemory(server.pid, 0.2) as memory:
            before = cpu_seconds(server.pid)
            with Reloads(server, seconds) as reloads:
                load = self.driver.run(server, seconds)
            settle()
            used = cpu_seconds(server.pid) - before
        if reloads.asked != RELOADS:
            raise check.Wrong(f"{server.name}: only {reloads.asked} reloads were asked for")
        if load.requests == 0 or not server.answers():
            raise check.Wrong(f"{server.name} does not answer after reloads: {server.said()}")
        return {
            "errors": sum(load.errors.values()),
            "requests": load.requests,
            "rps": load.requests / load.seconds,
            "cpu_us": used / load.requests * 1e6,
            "p50_ms": load.p50_ms,
            "p99_ms": load.p99_ms,
            "peak_mib": memory.peak / 2**20,
            **{f"error_{kind}": count for kind, count in load.errors.items()},
        }
