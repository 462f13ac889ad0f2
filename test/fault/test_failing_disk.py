"""A disk that fails under the cache: reads and writes that give EIO, files that end early, while every byte is compared.

F31: what can't be read is a miss and leaves the disk; nobody gets a wrong byte or an error for it.
"""

import errno
import itertools
import pathlib
import random
import sys

from harness import Daemon, is_long, limit, verdict, wait_until
from support import Shim

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
from test_cache_disk import Bodies, at_rest, config, disk_of, fetch_all, files, keepers, store_all  # noqa: E402

TARGETS = [f"/page/{n}" for n in range(1000 if is_long() else 250)]  # several times what memory holds


def started(origin, shim, allow=()):
    return Daemon(config(origin), workers=2, environment=shim.environment, allow=list(allow))


@limit(120)
def test_reads_that_fail_are_misses():
    """EIO from every read, then from some: right bodies all the while, hits again as soon as the disk reads."""
    shim = Shim()
    with Bodies() as origin, started(origin, shim) as weir:
        at_rest(weir)
        store_all(weir, TARGETS)
        before = disk_of(weir)
        (keeper,) = keepers(weir)
        origin.asked.clear()
        shim.set("pread", errno.EIO, pid=keeper)
        fetch_all(weir, TARGETS)
        shim.clear("pread")
        refused, anew = shim.get("pread"), sum(origin.asked.values())
        assert refused > 0 and anew > 0, (refused, anew)
        failing = disk_of(weir)
        assert failing["damaged"] > before["damaged"], failing
        failed = 0  # one of some, now and then
        for _ in range(20):
            shim.set("pread", errno.EIO, pid=keeper, after=random.randrange(100), times=1)
            fetch_all(weir, random.sample(TARGETS, 50))
            failed += shim.get("pread")
        shim.clear("pread")
        assert failed > 0
        fetch_all(weir, TARGETS)
        hits = disk_of(weir)["hits"]
        fetch_all(weir, TARGETS)
        after = disk_of(weir)
        assert after["hits"] > hits, "the disk serves again"
        assert keepers(weir) == [keeper], "nobody had to be started anew"
        verdict("F31", f"{refused} reads failed: {anew} of {len(TARGETS)} answers fetched anew, every body right, hits after")


@limit(120)
def test_writes_that_fail_leave_nothing_behind():
    """EIO from every write: answers as ever, no file that is not whole, and writing goes on when the disk does."""
    shim = Shim()
    with Bodies() as origin, started(origin, shim, [r"files can't be written"]) as weir:
        at_rest(weir)
        (keeper,) = keepers(weir)
        shim.set("writev", errno.EIO, pid=keeper)
        fetch_all(weir, TARGETS, "MISS")
        wait_until(lambda: disk_of(weir)["write_errors"] > 0, 10, "a write to fail")
        failed = shim.get("writev")
        assert not files(weir) and disk_of(weir)["entries"] == 0
        shim.clear("writev")
        new = itertools.count()

        def stored():
            fetch_all(weir, [f"/new/{next(new)}"])
            return bool(files(weir))

        wait_until(stored, 30, "what is new to be written again")  # it leaves a disk alone that failed, for 5 s
        assert keepers(weir) == [keeper]
        verdict("F31", f"{failed} writes failed: {len(TARGETS)} answers right, no file left, writing goes on")


@limit(120)
def test_files_that_end_early_are_misses():
    """Each file cut at a place of its own, behind the keeper's back: a miss each, and fetched once."""
    with Bodies() as origin, Daemon(config(origin), workers=2) as weir:
        at_rest(weir)
        store_all(weir, TARGETS)
        origin.asked.clear()
        cut = files(weir)
        for path in cut:
            with open(path, "r+b") as file:
                file.truncate(random.randrange(path.stat().st_size))
        fetch_all(weir, TARGETS)
        anew = sum(origin.asked.values())
        assert 0 < anew <= len(TARGETS), anew
        assert all(count == 1 for count in origin.asked.values())
        verdict("F31", f"{len(cut)} files cut short: {anew} fetched anew, once each, every body right")
