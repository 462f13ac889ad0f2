"""What every scenario is, and how the peak of memory is seen."""

import threading

from measuring import memory_bytes
from servers import Features


class Scenario:
    """`main` is the figure whose ratio is judged; `bar` the most that its median may be, `bar_of` says of what:
    the ratio to `bar_peer`, or (`figure`) weir's own figure."""

    name = ""
    what = ""
    main = "cpu_us"
    columns = ("rps", "cpu_us", "p50_ms", "p99_ms", "pss_mib", "errors")
    bar = None
    bar_of = "ratio"
    bar_peer = "nginx"
    features = Features()
    peers = None  # who else can do it; None: all
    slice_seconds = None  # a round is made of slices of this length, one server's after the other's; None: of one

    def check(self, server):
        """Raises check.Wrong when the server's answers are not right."""

    def warm_up(self, server):
        """Before a server's first round."""

    def measure(self, server, seconds):
        """The figures of one round, as {name: number}; `errors` is how many requests failed."""
        raise NotImplementedError

    def slices(self, seconds):
        return max(1, round(seconds / self.slice_seconds)) if self.slice_seconds else 1

    def merge(self, figures):
        """The figures of a round from those of its slices."""
        (whole,) = figures
        return whole


class Meanwhile:
    """Something that goes on in a thread while the block runs: subclasses do it in work(), until `ended` is set."""

    def __init__(self):
        self.ended = threading.Event()
        self._thread = threading.Thread(target=self.work, daemon=True)

    def work(self):
        raise NotImplementedError

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self._thread.join()


class PeakMemory(Meanwhile):
    """The most proportional memory of a tree that was seen while the block ran."""

    def __init__(self, pid, every):
        super().__init__()
        self.pid, self.every, self.peak = pid, every, 0

    def work(self):
        while not self.ended.wait(self.every):
            self.peak = max(self.peak, memory_bytes(self.pid))
