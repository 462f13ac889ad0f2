"""Four sample origins of a proxy under test, to be killed, stopped, slowed, broken and brought back one by one."""

import contextlib
import os
import signal
import threading
import time

from harness import Echo, scratch, wait_until
from harness.ports import free_ports

TARGET = b'"GET /load '


class Fleet:
    """`ports` are for good: an origin that was killed comes back at its own."""

    def __init__(self, count=4, answer=()):
        self.first = free_ports(count)
        self.ports = list(range(self.first, self.first + count))
        self.answer = answer
        self.words = [scratch("origin") / "words" for _ in self.ports]
        self.origins = [None] * count
        self.served = [0] * count  # requests of the load that were answered, over all lives
        self.tails = [None] * count
        for at in range(count):
            self.start(at)

    def start(self, at):
        self.words[at].write_text("")
        self.origins[at] = Echo("--log", "--obey", self.words[at], *self.answer, port=self.ports[at])
        self.tails[at] = open(self.origins[at].output_file, "rb")

    def _count(self, at):
        if self.tails[at] is not None:
            self.served[at] += self.tails[at].read().count(TARGET)

    def read(self):
        """How many requests of the load each origin has answered."""
        for at in range(len(self.ports)):
            self._count(at)
        return tuple(self.served)

    def kill(self, at):
        self.origins[at].kill()
        self._count(at)
        self.tails[at].close()
        self.tails[at] = None

    def stop(self, at):
        self.origins[at].signal(signal.SIGSTOP)

    def go_on(self, at):
        self.origins[at].signal(signal.SIGCONT)

    def obey(self, at, words):
        """The origin answers so from now on: words of X-Echo."""
        said = self.origins[at].output.count("obeying")
        self.words[at].write_text(words)
        self.origins[at].signal(signal.SIGHUP)
        wait_until(lambda: self.origins[at].output.count("obeying") > said, 10, "the origin to obey")

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        for origin, tail in zip(self.origins, self.tails):
            with contextlib.suppress(OSError):
                os.kill(origin.pid, signal.SIGCONT)
            origin.kill() if kind is not None or tail is None else origin.stop()
            if tail is not None:
                tail.close()


class Watch(threading.Thread):
    """Notes 50 times a second how many requests each origin has answered."""

    def __init__(self, fleet):
        super().__init__(daemon=True)
        self.fleet, self.notes, self.ended = fleet, [], threading.Event()
        self.pause = threading.Lock()  # held while an origin is replaced

    def run(self):
        while not self.ended.is_set():
            with self.pause:
                self.notes.append((time.monotonic(), self.fleet.read()))
            self.ended.wait(0.02)

    def full_after(self, at, moment, window=0.5, share=0.6):
        """Seconds until it had, in a window behind, so much of what is its part; None: it has not."""
        notes = [note for note in self.notes if note[0] >= moment]
        start = 0
        for when, served in notes:
            while notes[start][0] < when - window:
                start += 1
            if when - moment < window:
                continue
            began = notes[start][1]
            new = [now - then for now, then in zip(served, began)]
            if sum(new) and new[at] >= share * sum(new) / len(new):
                return when - window - moment if when - window > moment else 0.0
        return None

    def stop(self):
        self.ended.set()
        self.join()
