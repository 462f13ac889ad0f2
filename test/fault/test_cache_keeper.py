"""The cache keeper killed and stopped in a loop, while every byte of every answer is compared."""

import os
import pathlib
import random
import signal
import sys
import threading
import time

from harness import Daemon, is_long, limit, verdict, wait_until

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
from test_cache import Origin, answer  # noqa: E402
from test_cache_disk import AGE, body_of, config, disk_of, keepers  # noqa: E402

SECONDS = 60 if is_long() else 5
READERS, TARGETS_EACH, SIZE = 4, 100, 30000


class Versions(Origin):
    """What it answers to GET tells target and version; POST makes the next version."""

    def __init__(self):
        self.versions = {}

        def one(request, _):
            target = request.target
            if request.method == "POST":
                self.versions[target] = self.versions.get(target, 0) + 1
                return b"HTTP/1.1 204 No Content\r\n\r\n"
            return answer(self.body(target), AGE)

        super().__init__(one)

    def body(self, target):
        return body_of(f"{target} {self.versions.get(target, 0)}", SIZE)


class Reader(threading.Thread):
    """Asks for targets that are its own, over one connection after another; what is not as the origin has it now is a fault."""

    def __init__(self, weir, origin, number, until):
        super().__init__()
        self.weir, self.origin, self.until = weir, origin, until
        self.targets = [f"/page/{number}/{n}" for n in range(TARGETS_EACH)]
        self.requests = self.hits = self.changes = 0
        self.faults = []
        self.longest = 0.0

    def run(self):
        try:
            while time.monotonic() < self.until and not self.faults:
                with self.connect() as client:
                    for _ in range(200):  # below keepalive_requests
                        if time.monotonic() < self.until and not self.faults:
                            self.one(client, random.choice(self.targets))
        except Exception as error:  # noqa: BLE001: the test's own thread says it
            self.faults.append(repr(error))

    def connect(self):
        return self.weir.connect()

    def one(self, client, target):
        if random.random() < 0.1:  # from now on what was stored is gone (RFC 9111 4.4)
            self.changes += 1
            done = client.request("POST", target, body=b"")
            if done.status != 204:
                self.faults.append((target, done.status))
        start = time.monotonic()
        got = client.request("GET", target)
        self.longest = max(self.longest, time.monotonic() - start)
        self.requests += 1
        self.hits += got["X-Cache"] == "HIT"
        if got.status != 200 or got.body != self.origin.body(target):
            self.faults.append((target, got.status, got.body[:60], got["X-Cache"], got["Cache-Status"]))


@limit(180)
def test_a_keeper_that_dies_all_the_time_costs_no_wrong_byte():
    """SIGKILL and SIGSTOP of the keeper under load: no wrong answer, and none that was invalidated (D1)."""
    with Versions() as origin, Daemon(config(origin), workers=2, allow=[r"from outside"]) as weir:
        until = time.monotonic() + SECONDS
        readers = [Reader(weir, origin, number, until) for number in range(READERS)]
        for reader in readers:
            reader.start()
        kills = stops = 0
        while time.monotonic() < until:
            for pid in keepers(weir):
                try:
                    if random.random() < 0.2:
                        os.kill(pid, signal.SIGSTOP)
                        stops += 1
                        time.sleep(random.random() * 0.6)
                        os.kill(pid, signal.SIGCONT)
                    else:
                        os.kill(pid, signal.SIGKILL)
                        kills += 1
                except ProcessLookupError:
                    pass
            time.sleep(random.random() * 0.1)
        for reader in readers:
            reader.join()
        faults = [fault for reader in readers for fault in reader.faults]
        assert not faults, faults
        wait_until(lambda: disk_of(weir)["loaded"], 10, "the last keeper to know the folder")
        disk = disk_of(weir)
        assert disk["hits"] > 0 and kills > 5, (disk, kills)
        requests, hits, changes = (sum(getattr(r, of) for r in readers) for of in ("requests", "hits", "changes"))
        verdict(
            "D1",
            f"cache keeper: {kills} kills, {stops} stops; {requests} answers right after {changes} changes, {hits} hits, "
            f"{disk['hits']} from disk, slowest {max(r.longest for r in readers):.2f} s",
        )
