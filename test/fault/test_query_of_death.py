"""Requests that harm their worker, and workers that can't start (F8, F9, F10; needs a build with test hooks)."""

import contextlib
import pathlib
import re
import sys
import threading
import time

from harness import Closed, Daemon, is_long, limit, modes, scratch, verdict, wait_until
from support import SITE, Load, cpu_seconds, main_with, private_network

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
from test_process import pids, status  # noqa: E402

DEADLY = "GET /deadly?n=17 HTTP/1.1\r\nHost: victim.example\r\nX-Weir-Test: {}\r\n\r\n"


def send_deadly(weir, how):
    with contextlib.suppress(OSError, Closed), weir.connect() as client:
        client.send(DEADLY.format(how))
        client.read_response()
        raise AssertionError("it was answered")


class Deadly(threading.Thread):
    """A client that sends the deadly request so many times a second."""

    def __init__(self, weir, a_second, seconds):
        super().__init__()
        self.weir, self.a_second, self.seconds, self.sent = weir, a_second, seconds, 0

    def run(self):
        start = time.monotonic()
        while time.monotonic() < start + self.seconds:
            threading.Thread(target=send_deadly, args=(self.weir, "crash")).start()
            self.sent += 1
            time.sleep(max(0.0, start + self.sent / self.a_second - time.monotonic()))


@modes("hooks", "asan")
@limit(120)
def test_query_of_death():
    """A request that crashes its worker each time, 5/s: others are served, restarts back off, the log names it."""
    private_network()
    seconds = 30 if is_long() else 5
    with Daemon(SITE, workers=3, allow=[r"of its own making", r"dies of signal"]) as weir:
        with Load(weir.port("http"), fresh=32, kept=32, timeout_ms=5000) as load:
            load.more(500)
            before, cpu = load.read(), cpu_seconds(weir.pid)
            deadly = Deadly(weir, 5, seconds)
            deadly.start()
            deadly.join()
            during = load.read() - before
            cpu = (cpu_seconds(weir.pid) - cpu) / seconds
            load.more(500, 60)
            load.stop()
        crashes = re.findall(r"worker \d, generation 1 \(pid \d+\) was killed by signal 11.*", weir.log)
        named = [line for line in crashes if "it was at: GET /deadly?n=17" in line]
        delays = [int(ms) for ms in re.findall(r"a new one starts in (\d+) ms", weir.log)]
        share = 100 * during.answered / (during.answered + sum(during.lost.values()))
        # What must hold whatever else the machine does: nobody loses more than what a crashed worker had.
        lost = during.lost
        good = set(lost) <= {"reset", "unanswered", "truncated"} and sum(lost.values()) <= 64 * len(crashes)
        good = good and (share >= 95 or not is_long()) and len(named) == len(crashes) > 3 and max(delays, default=0) >= 400 and cpu < 0.2
        verdict("F9", f"query of death 5/s for {seconds} s: {len(crashes)} crashes, all {len(named)} named in the log; "
                      f"others: {during.answered:,} answered, {share:.2f} %, p99 {during.percentile(99):.0f} ms; back-off up to "
                      f"{max(delays, default=0)} ms, master's CPU {100 * cpu:.1f} %", good)  # fmt: skip
        assert good, (share, during.lost, len(named), len(crashes), delays, cpu, load.why()[:500])


@modes("hooks", "asan")
@limit(60)
def test_a_request_that_never_ends():
    """A callback that never returns: siblings take the queue, the worker is aborted, the log has request and stack."""
    private_network()
    main = "worker_stall_timeout = 2s"
    with Daemon(SITE, main=main, workers=2, allow=[r"stuck", r"of its own making", r"dies of signal"]) as weir:
        with Load(weir.port("http"), fresh=32, timeout_ms=20000) as load:
            load.more(500)
            load.mark()
            start = time.monotonic()
            threading.Thread(target=send_deadly, args=(weir, "spin")).start()
            weir.wait_log(r"is stuck for \d+ ms: it is aborted")
            weir.wait_log(r"was killed by signal 6 \(SIGABRT\), of its own making; it was at: GET /deadly\?n=17")
            wait_until(lambda: len(pids(weir, "worker")) == 2, 10)
            replaced = time.monotonic() - start
            load.more(500)
            seen = load.stop()
        lost = sum(seen.failed.values())
        good = "test_fault" in weir.log and not seen.total["refused"] and lost <= 32
        verdict("F8", f"a callback that never returns: {seen.answered:,} others answered, {lost} failed with their worker, "
                      f"p99.9 {seen.percentile(99.9, 'marked'):.0f} ms, replaced after {replaced:.1f} s, "
                      "request and stack in the log", good)  # fmt: skip
        assert good, load.why()


@modes("hooks", "asan")
@limit(60)
def test_new_workers_that_die_at_their_start():
    """A reload whose workers die before they are ready is taken back: nobody notices, and status says why."""
    private_network()
    faults = scratch("faults") / "point"
    with Daemon(SITE, workers=2, environment={"WEIR_TEST_FAULTS": str(faults)}) as weir:
        workers = weir.workers()
        turns = 20 if is_long() else 5
        with Load(weir.port("http"), fresh=16, kept=16) as load:
            faults.write_text("worker")
            for turn in range(turns):
                weir.write_config(main_with(SITE, f"worker_processes = {1 + turn % 4}"))
                weir.reload(ready=False)
                wait_until(lambda turn=turn: weir.log.count("the configuration was refused while in") > turn, 10)
            faults.unlink()
            seen = load.stop()
        last = status(weir)["master"]["last_reload"]
        good = not seen.failed and not last["ok"] and "before it was ready" in str(last)
        verdict("F10", f"{turns} reloads whose workers die at their start: all taken back, {seen.answered:,} answered, "
                       f"{sum(seen.failed.values())} lost, status names the reason", good)  # fmt: skip
        assert good, (last, load.why())
        assert status(weir)["generation"] == 1 and weir.workers() == workers
