"""Processes killed and stopped under load, one kind after another and all at random (F1, F3, F4, F5, F6, F7)."""

import contextlib
import os
import pathlib
import random
import re
import signal
import sys
import threading
import time

from harness import Daemon, is_long, limit, long, run_program, verdict, wait_until
from harness.daemon import child_pids, lives, title
from support import SITE, Load, private_network, process_state, stopped

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
from test_process import pids, private_socket, status  # noqa: E402

KILLS = [r"from outside"]


def now_of(weir, role):
    """Pids of that role, without asking the master."""
    return [pid for pid in child_pids(weir.pid) if title(pid).startswith(f"weir: {role}")]


class Killer(threading.Thread):
    """SIGKILL for a random process of the named roles, so many a second."""

    def __init__(self, weir, roles, a_second, times):
        super().__init__()
        self.weir, self.roles, self.a_second, self.times = weir, roles, a_second, times
        self.killed = dict.fromkeys(roles, 0)

    def run(self):
        due = time.monotonic()
        while sum(self.killed.values()) < self.times:
            due += 1 / self.a_second
            role = random.choice(self.roles)
            victims = now_of(self.weir, role)
            if victims:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(random.choice(victims), signal.SIGKILL)
                    self.killed[role] += 1
            time.sleep(max(0.0, due - time.monotonic()))  # the rate of the scenario, not a wait for something


def sound(weir):
    done = run_program("weirctl", "-s", private_socket(weir), "check-zones")
    assert done.returncode == 0, done.stdout + done.stderr


def back_to_full(weir, workers):
    """Seconds until all places are filled again."""
    start = time.monotonic()
    wait_until(lambda: len(pids(weir, "worker")) == workers, 10, "all workers to be back")
    wait_until(lambda: len(pids(weir, "housekeeper")) == len(pids(weir, "logger")) == 1, 10, "the helpers to be back")
    return time.monotonic() - start


@limit(180)
def test_any_process_killed_ten_times_a_second():
    """SIGKILL at random for workers, logger and housekeeper: nothing refused, only the victim's open requests fail."""
    private_network()
    random.seed(1)
    times = 300 if is_long() else 60
    config = "[log access]\npath = logs/access.log\n" + SITE + "access_log = access\n"
    with Daemon(config, workers=3, allow=KILLS) as weir:
        with Load(weir.port("http"), fresh=32, kept=32) as load:
            killer = Killer(weir, ["worker", "worker", "logger", "housekeeper"], 10, times)
            killer.start()
            killer.join()
            load.more(200)
            full = back_to_full(weir, 3)
            seen = load.stop()
        sound(weir)
        # 64 clients have 64 requests open at most, and a killed worker fails no more than those it had
        most = 64 * killer.killed["worker"]
        lost = seen.lost
        good = not seen.total["refused"] and set(lost) <= {"reset", "unanswered", "truncated"} and sum(lost.values()) <= most
        verdict("F1", f"SIGKILL 10/s, {killer.killed}: {seen.answered:,} answered, {seen.total['refused']} refused, "
                      f"{sum(lost.values())} failed with their worker, all back {full * 1000:.0f} ms after the last, "
                      "zones sound", good)  # fmt: skip
        assert good, load.why()
        assert status(weir)["log_lines"]["damaged_rings"] == 0


@limit(120)
def test_killed_helpers_are_not_noticed():
    """Housekeeper and logger are killed again and again: not one request is lost."""
    private_network()
    for row, role, a_second, times in (("F3", "housekeeper", 4, 12), ("F4", "logger", 4, 12)):
        with Daemon(SITE, workers=2, allow=KILLS) as weir:
            with Load(weir.port("http"), fresh=16, kept=16) as load:
                killer = Killer(weir, [role], a_second, times * 4 if is_long() else times)
                killer.start()
                killer.join()
                full = back_to_full(weir, 2)
                seen = load.stop()
            sound(weir)
            verdict(row, f"{role} killed {killer.killed[role]} times, {a_second}/s: {seen.answered:,} answered, "
                         f"{sum(seen.failed.values())} lost, back after {full * 1000:.0f} ms", not seen.failed)  # fmt: skip
            assert not seen.failed, load.why()


@limit(120)
def test_a_stopped_logger_or_master_is_not_noticed():
    """SIGSTOP for logger and master: not one request is lost, and both go on as if nothing had been.

    (The logger for longer than worker_stall_timeout: it is replaced.)
    """
    private_network()
    config = "[log access]\npath = logs/access.log\n" + SITE + "access_log = access\n"
    replaced = [r"logger 0 .* is stuck", r"logger .* was killed by signal 9"] if is_long() else []
    with Daemon(config, workers=2, allow=replaced) as weir:
        workers = weir.workers()
        for row, who, pid in (("F4", "logger", now_of(weir, "logger")[0]), ("F7", "master", weir.pid)):
            seconds = 30 if is_long() else 3
            with Load(weir.port("http"), fresh=16, kept=16) as load:
                before = load.read()
                end = time.monotonic() + seconds
                with stopped(pid):
                    while time.monotonic() < end:
                        load.more(50)
                    while_stopped = load.read() - before
                load.more(200)
                seen = load.stop()
            verdict(row, f"{who} stopped for {seconds} s: {while_stopped.answered:,} answered meanwhile, "
                         f"{sum(seen.failed.values())} lost, p99 {while_stopped.percentile(99):.1f} ms", not seen.failed)  # fmt: skip
            assert not seen.failed, load.why()
        # the master was away for longer than any heartbeat may be, and must not blame the workers
        assert weir.workers() == workers and status(weir)["log_lines"]["lost"] == 0
        sound(weir)


@limit(60)
def test_workers_serve_on_without_a_master():
    """The master is killed: not one request is lost for as long as its workers stay."""
    private_network()
    weir = Daemon(SITE, workers=2)
    family = [pid for found in weir.children().values() for pid in found]
    with Load(weir.port("http"), fresh=16, kept=16) as load:
        weir.kill()
        load.more(5000)
        seen = load.stop()
    verdict("F5", f"master killed: {seen.answered:,} answered by workers without one, {sum(seen.failed.values())} lost "
                  "(a restart that adopts the sockets is part of binary upgrade, not built)", not seen.failed)  # fmt: skip
    assert not seen.failed, load.why()
    assert all(lives(pid) for pid in family if title(pid).startswith("weir: worker"))
    for pid in family:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGQUIT)
    wait_until(lambda: not any(lives(pid) for pid in family), 10, "all of them to leave")


def stop_a_worker(seconds, stall, baseline):
    """One worker is stopped (None: for ever) under new connections; returns the reading from then on."""
    with Daemon(SITE, main=f"worker_stall_timeout = {stall}s", workers=3, allow=[r"stuck|own making|signal"]) as weir:
        with Load(weir.port("http"), fresh=64, timeout_ms=20000) as load:
            load.more(2000)
            before = load.read()
            victim = pids(weir, "worker")[0]
            start = time.monotonic()
            if seconds is None:
                os.kill(victim, signal.SIGSTOP)
                wait_until(lambda: process_state(victim) == "T", 5)
                load.mark()
                wait_until(lambda: not lives(victim) and len(pids(weir, "worker")) == 3, stall + 8, "a replacement")
                replaced = time.monotonic() - start
                load.more(2000)
            else:
                with stopped(victim):
                    load.mark()
                    while time.monotonic() < start + seconds:
                        load.more(20)
                load.more(2000)
                replaced = None
            seen = load.stop()
        if seconds is None:
            assert re.search(r"is stuck for \d+ ms: it is aborted", weir.log)
        else:
            assert lives(victim) and victim in pids(weir, "worker")
        since = seen - before
        # what the stopped one had accepted itself must wait for it, or die with it
        held = sum(since.failed.values())
        good = since.total["refused"] == 0 and held <= 64
        p999 = since.percentile(99.9, "marked")  # of those that came when it stood already
        verdict(
            "F6",
            f"worker stopped {'for ever' if seconds is None else f'for {seconds} s'}: {since.answered:,} new connections, "
            f"p99.9 {p999:.0f} ms (before: {before.percentile(99.9):.0f} ms), "
            f"{held} that it had accepted failed" + (f", replaced after {replaced:.1f} s" if replaced else ""),
            good,
        )
        assert good, load.why()
        if seconds is not None:
            assert not since.failed, load.why()
        if is_long():
            assert p999 < 500, p999


@limit(60)
def test_a_stopped_worker_is_stood_in_for():
    """SIGSTOP for a second and for ever: siblings take its queue, no connection is refused, it is replaced."""
    private_network()
    stop_a_worker(1, 10, None)
    stop_a_worker(None, 2, None)


@long
@limit(90)
def test_a_worker_stopped_for_long():
    """SIGSTOP for 5 s, and for ever with the default limit of 10 s: replaced within 12 s."""
    private_network()
    stop_a_worker(5, 10, None)
    stop_a_worker(None, 10, None)
