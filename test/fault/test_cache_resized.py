"""A [cache] whose size changes at a reload, under load: what is stored comes over, and nothing comes back that was
invalidated meanwhile, whichever generation did that.

F20: hit ratio back to 90 % within 30 s, nothing lost.
"""

import contextlib
import json
import os
import pathlib
import signal
import sys
import time

from harness import Daemon, is_long, limit, verdict, wait_until

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
from test_cache import Origin, answer, config  # noqa: E402
from test_cache_disk import KILLED, body_of, fetch_all  # noqa: E402
from test_cache_keeper import Reader, Versions  # noqa: E402

SECONDS = 60 if is_long() else 5
READERS = 8
TARGETS = [f"/page/{n}" for n in range(1500)]
SIZES = ["32m", "48m", "96m", "40m"]  # all of it fits into each


def caches(weir):
    return json.loads(weir.get("/status", name="admin").body)["caches"]


def came_over(weir):
    return weir.log.count("came over from the store of another size")


@limit(120)
def test_what_is_stored_comes_over():
    """30 MB of answers: after a HUP with another size, and back, nearly each is a hit; into a small one comes what fits."""
    asked = []
    with Origin(lambda request, _: asked.append(request.target) or answer(body_of(request.target), "Cache-Control: max-age=3600")) as origin:
        with Daemon(config(origin, size="96m", admin=True), workers=2) as weir:
            fetch_all(weir, TARGETS, "MISS")
            figures = []
            for times, size in enumerate(["128m", "80m"], 1):
                asked.clear()
                begun = time.monotonic()
                weir.reload(config(origin, size=size, admin=True))
                wait_until(lambda times=times: came_over(weir) == times, 30, "what was stored to come over")
                took = time.monotonic() - begun
                fetch_all(weir, TARGETS)
                assert len(asked) <= len(TARGETS) / 10, (size, len(asked))
                figures.append(f"{100 - 100 * len(asked) / len(TARGETS):.1f} % hits {took:.1f} s after {size}")
            asked.clear()
            weir.reload(config(origin, size="8m", admin=True))
            wait_until(lambda: came_over(weir) == 3, 30, "what fits to come over")
            fetch_all(weir, TARGETS)
            assert 0 < len(asked) < len(TARGETS), len(asked)
            wait_until(lambda: len(caches(weir)) == 1, 30, "the stores of earlier generations to be nobody's")
            verdict("F20", ", ".join(figures))


def kill_housekeeper(weir):
    for pid in weir.children().get("housekeeper", []):
        try:
            os.kill(pid, signal.SIGKILL)
            return True
        except ProcessLookupError:
            pass
    return False


class Anew(Reader):
    """Each request on a connection of its own: the one before may have been of a generation that ends."""

    def connect(self):
        return contextlib.nullcontext(self)

    def request(self, method, target, body=None):
        return self.weir.get(target, method=method, body=body)


@limit(180)
def test_nothing_comes_back_that_was_invalidated():
    """HUP after HUP with other sizes while clients change what is stored and the housekeeper is killed: no wrong answer."""
    with Versions() as origin, Daemon(config(origin, size=SIZES[0], admin=True), workers=2, allow=KILLED) as weir:
        until = time.monotonic() + SECONDS
        readers = [Anew(weir, origin, number, until) for number in range(READERS)]
        for reader in readers:
            reader.start()
        reloads = kills = 0
        while time.monotonic() < until:
            before = came_over(weir)
            weir.reload(config(origin, size=SIZES[reloads % len(SIZES) - 1], admin=True))
            reloads += 1
            if reloads % 5 == 0:  # what comes is not waited for: the next one comes in the middle
                continue
            if reloads % 5 == 1 and kill_housekeeper(weir):
                kills += 1
                continue
            wait_until(lambda before=before: came_over(weir) > before, 30, "what was stored to come over")
        for reader in readers:
            reader.join()
        faults = [fault for reader in readers for fault in reader.faults]
        assert not faults, faults[:5]
        requests, hits = (sum(getattr(reader, name) for reader in readers) for name in ("requests", "hits"))
        assert hits > 0, requests
        told = f"{reloads} reloads, each to another size, the housekeeper killed {kills} times"
        verdict("F20", f"{told}: {requests} requests, {hits} hits, none stale, none lost")
