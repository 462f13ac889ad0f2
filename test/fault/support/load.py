"""Runs fault-load (fault_load.cc) beside a scenario and reads what it counts while it runs."""

import collections
import pathlib
import signal
import struct

from harness import Failure, Program, scratch, wait_until

FATES = ("answered", "other_status", "refused", "reset", "unanswered", "truncated", "wrong", "timeout", "local")
SUB_BUCKETS, BUCKETS = 32, 32 * 32
FORMAT = struct.Struct(f"<{2 * len(FATES)}Q2QQ{3 * BUCKETS}Q")  # struct Stats


def bucket_value_ms(index):
    """The upper edge of a bucket of latencies, in milliseconds (bucket_of() in fault_load.cc)."""
    if index < SUB_BUCKETS:
        return (index + 1) / 1000
    magnitude, step = index // SUB_BUCKETS - 1, index % SUB_BUCKETS
    return ((SUB_BUCKETS + step + 1) << magnitude) / 1000


class Reading:
    """The counters at one moment; the difference of two is what happened between them."""

    def __init__(self, numbers):
        self.numbers = numbers
        self.fresh = dict(zip(FATES, numbers))
        self.kept = dict(zip(FATES, numbers[len(FATES) :]))
        self.closed_idle = numbers[2 * len(FATES) + 2]
        hists = numbers[-3 * BUCKETS :]
        self.latencies = {k: hists[i * BUCKETS : (i + 1) * BUCKETS] for i, k in enumerate(("fresh", "kept", "marked"))}

    def __sub__(self, earlier):
        return Reading([a - b for a, b in zip(self.numbers, earlier.numbers)])

    @property
    def answered(self):
        return self.fresh["answered"] + self.kept["answered"]

    @property
    def total(self):
        return {name: self.fresh[name] + self.kept[name] for name in FATES}

    @property
    def lost(self):
        """Requests and connections without a whole answer, by kind."""
        return {k: n for k, n in self.total.items() if n and k not in ("answered", "other_status")}

    @property
    def failed(self):
        """The same, and answers other than 200."""
        return {k: n for k, n in self.total.items() if n and k != "answered"}

    def percentile(self, share, of="fresh"):
        """A latency in milliseconds: fresh clients' from connect(), kept ones' from send(); marked: see Load.mark()."""
        counts = self.latencies[of]
        wanted, seen = share / 100 * sum(counts), 0
        for index, count in enumerate(counts):
            seen += count
            if count and seen >= wanted:
                return bucket_value_ms(index)
        return 0.0


class Load(Program):
    """fault-load on one or more ports. Leaving the with-block ends it; what it saw stays in .seen."""

    def __init__(self, ports, fresh=64, kept=0, pause_ms=0, timeout_ms=5000, path="/", expect="ok", first=20):
        ports = [ports] if isinstance(ports, int) else ports
        self.file = pathlib.Path(scratch("load")) / "stats"
        super().__init__(
            "fault-load", "--port", ",".join(map(str, ports)), "--fresh", fresh, "--kept", kept, "--pause-ms", pause_ms,
            "--timeout-ms", timeout_ms, "--path", path, "--expect", expect, "--stats", self.file,
        )  # fmt: skip
        self.clients = fresh + kept
        self.seen = None
        wait_until(lambda: self.file.exists() and self.file.stat().st_size == FORMAT.size, 5, "fault-load to start")
        self.more(first)

    def read(self):
        return Reading(FORMAT.unpack(self.file.read_bytes()))

    def more(self, count=20, limit=30):
        """Waits until so many more requests were answered."""
        enough = self.read().answered + count
        wait_until(lambda: self.read().answered >= enough or not self.alive(), limit, f"{count} more answers")
        if not self.alive() and self.seen is None:
            raise Failure(f"fault-load ended: {self.output}")

    def mark(self):
        """Connections that begin from now on count as marked, too."""
        self.signal(signal.SIGUSR1)

    def stop(self):
        """What is open comes to its end; returns all that was seen."""
        if self.seen is None:
            self.process.terminate()
            self.wait_exit(0, 20)
            self.seen = self.read()
        return self.seen

    def why(self):
        """For the message of an assertion: kinds, and what the clients saw first."""
        seen = self.seen or self.read()
        return f"{dict(collections.Counter(seen.failed))}\n{self.output[:4000]}"

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.stop()
        else:
            self.kill()
