"""Logs when their disk is full or stalls, and rotation under load (F28, F29, F30)."""

import collections
import pathlib
import re
import signal
import sys
import time

from harness import Daemon, is_long, limit, verdict, wait_until
from support import SITE, Load, private_mounts, private_network, stopped, tmpfs

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
from test_process import pids, status  # noqa: E402

LOGGED = "[log access]\npath = {path}\n" + SITE + "access_log = access\n"


def lines_of(*files):
    return [line for file in files for line in file.read_text(encoding="utf-8").split("\n")[:-1]]


def whole(line):
    return re.fullmatch(r'127\.\S+ - - \[[^\]]+\] "GET /\S* HTTP/1\.1" 200 2 "-" "-"', line) is not None


def log_lines(weir):
    return status(weir)["log_lines"]


@limit(90)
def test_the_disk_of_the_logs_is_full():
    """1 MiB for logs: lines are lost and counted, no request is; when there is room lines are written again."""
    private_network()
    private_mounts()
    disk = tmpfs(1 << 20)
    log, ballast = disk / "access.log", disk / "ballast"
    ballast.write_bytes(b"x" * 800_000)
    with Daemon(LOGGED.format(path=log), workers=2, allow=[r"No space left on device"]) as weir:
        with Load(weir.port("http"), fresh=16, kept=32) as load:
            wait_until(lambda: log_lines(weir)["lost"] > (50_000 if is_long() else 5000), 60, "lines to be lost")
            weir.wait_log(r"No space left on device")
            full = log.stat().st_size
            ballast.unlink()
            wait_until(lambda: log.stat().st_size > full + 300_000, 10, "lines to be written again")
            seen = load.stop()

        def accounted():
            counts = log_lines(weir)
            return len(lines_of(log)) + counts["lost"] + counts["dropped"] == seen.answered and counts

        lost = wait_until(accounted, 10, "each line to be written, lost or dropped")
        verdict("F28", f"disk of the logs full: {seen.answered:,} answered, {sum(seen.failed.values())} requests lost; "
                       f"{lost['lost']:,} lines lost and {lost['dropped']:,} dropped, all counted; written again when there "
                       "was room", not seen.failed)  # fmt: skip
        assert not seen.failed, load.why()
        assert all(map(whole, lines_of(log))), [line for line in lines_of(log) if not whole(line)][:3]


@limit(90)
def test_every_line_is_there_once():
    """Rotation under load, again and again: as many whole lines as requests, in all files together."""
    private_network()
    turns = 50 if is_long() else 10
    with Daemon(LOGGED.format(path="logs/access.log"), workers=2) as weir:
        folder = weir.prefix / "logs"
        log = folder / "access.log"
        with Load(weir.port("http"), fresh=16, kept=16, pause_ms=2) as load:
            for turn in range(turns):
                log.rename(folder / f"access.log.{turn}")
                weir.signal(signal.SIGUSR1)
                wait_until(log.exists, 5, "a new log file")
                load.more(100)
            seen = load.stop()
        files = sorted(folder.iterdir())

        def all_there():
            return sum(len(lines_of(file)) for file in files) + log_lines(weir)["dropped"] >= seen.answered

        wait_until(all_there, 10, "all lines")
        found = lines_of(*files)
        torn = [line for line in found if not whole(line)]
        dropped = log_lines(weir)["dropped"]
        good = len(found) == seen.answered and not torn and not seen.failed and not dropped
        verdict("F30", f"{turns} rotations (rename, USR1) under load: {seen.answered:,} requests, {len(found):,} lines, "
                       f"{len(torn)} torn, {dropped} dropped", good)  # fmt: skip
        assert good, (len(found), seen.answered, dropped, torn[:3], load.why())


@limit(90)
def test_a_stalled_disk():
    """The logger can't write for a while: latency stays what it was, and no request is lost."""
    private_network()
    seconds = 5 if is_long() else 2
    with Daemon(LOGGED.format(path="logs/access.log"), workers=2) as weir:
        with Load(weir.port("http"), fresh=8, kept=8, pause_ms=2) as load:
            phases = collections.OrderedDict()
            for name in ("before", "stalled", "after"):
                begin, end = load.read(), time.monotonic() + seconds
                pid = pids(weir, "logger")[0]
                with stopped(*([pid] if name == "stalled" else [])):
                    wait_until(lambda end=end: time.monotonic() > end, seconds + 1)
                    phases[name] = load.read() - begin
            seen = load.stop()
        p99 = {name: phase.percentile(99, "kept") for name, phase in phases.items()}
        usual = max(p99["before"], p99["after"])
        verdict("F29", f"logger stalled for {seconds} s: p99 {p99['stalled']:.1f} ms ({p99['stalled'] / usual:.2f} x: before "
                       f"{p99['before']:.1f}, after {p99['after']:.1f}), {seen.answered:,} answered, "
                       f"{sum(seen.failed.values())} lost", not seen.failed)  # fmt: skip
        assert not seen.failed, load.why()
