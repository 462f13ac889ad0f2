"""What becomes of steady requests while one of four origins fails, in each of several ways."""

import dataclasses
import json
import signal
import time

from harness import Failure, Program, verdict, wait_until

from .fleet import Watch

VICTIM = 1


@dataclasses.dataclass(frozen=True)
class Fault:
    name: str
    hard: bool  # connections break or are refused: not one request may fail for it
    begin: object
    end: object
    words: str


def _flap(fleet, watch, seconds):
    """Killed and started in turn, each second."""
    end = time.monotonic() + seconds
    due = time.monotonic()
    while time.monotonic() < end:
        with watch.pause:
            fleet.kill(VICTIM)
        due += 1
        time.sleep(max(0.0, due - time.monotonic()))  # the rhythm of the scenario
        with watch.pause:
            fleet.start(VICTIM)
        due += 1
        time.sleep(max(0.0, due - time.monotonic()))


def _hold(change):
    def begin(fleet, watch, seconds):
        with watch.pause:
            change(fleet)
        time.sleep(seconds)  # how long the fault lasts

    return begin


def _back(change):
    def end(fleet, watch):
        with watch.pause:
            change(fleet)

    return end


FAULTS = (
    Fault("kill", True, _hold(lambda f: f.kill(VICTIM)), _back(lambda f: f.start(VICTIM)), "SIGKILL"),
    Fault("stop", False, _hold(lambda f: f.stop(VICTIM)), _back(lambda f: f.go_on(VICTIM)), "SIGSTOP"),
    Fault("slow", False, _hold(lambda f: f.obey(VICTIM, "delay=2s")), _back(lambda f: f.obey(VICTIM, "")), "each answer after 2 s"),
    Fault("500", False, _hold(lambda f: f.obey(VICTIM, "status=500")), _back(lambda f: f.obey(VICTIM, "")), "each answer 500"),
    Fault("flap", True, _flap, _back(lambda f: None), "killed and started each second"),
)  # fmt: skip


@dataclasses.dataclass
class Outcome:
    requests: int
    failed: int
    kinds: dict
    p99_ms: float
    back_s: float | None  # from the end of the fault until it had its part of the requests again

    @property
    def share(self):
        return self.failed / max(self.requests, 1)

    def text(self):
        def seconds(value):
            return "-" if value is None else f"{value:.1f} s"

        kinds = ", ".join(f"{n} {kind}" for kind, n in self.kinds.items())
        return (
            f"{self.requests} requests, {self.failed} failed{f' ({kinds})' if kinds else ''}, "
            f"p99 {self.p99_ms:.0f} ms, its part again after {seconds(self.back_s)}"
        )


def failed_text(failed, requests, kinds):
    """How many requests failed, and of what."""
    why = ", ".join(f"{n:,} {kind}" for kind, n in kinds.items())
    return f"{failed:,} of {requests:,} failed{f' ({why})' if why else ''}"


def cell(outcome):
    """The same for a table."""
    back = "-" if outcome.back_s is None else f"{outcome.back_s:.1f} s"
    return f"{failed_text(outcome.failed, outcome.requests, outcome.kinds)}; p99 {outcome.p99_ms:.0f} ms; back {back}"


class SteadyLoad(Program):
    """weir-load at a fixed rate until it is told to end; its report."""

    def __init__(self, port, rps):
        super().__init__(
            "weir-load", "--rps", rps, "--duration", "10m", "--timeout", "5s", "--json", "--max-failed", "100",
            f"http://127.0.0.1:{port}/load",
        )  # fmt: skip

    def report(self):
        self.signal(signal.SIGINT)
        self.wait_exit(0)
        try:
            return json.loads(self.output[self.output.index("{") :])
        except ValueError:
            raise Failure(f"weir-load said:\n{self.output}") from None


def kinds_of(report):
    """Of a report, how the requests that failed did: with their status, where they had one."""
    kinds = dict(report["errors"])
    if "status" in kinds:
        kinds |= {f"status {code}": n for code, n in report["statuses"].items() if not code.startswith("2")}
        del kinds["status"]
    return kinds


def suffer(port, fleet, fault, rps=200, warm=2.0, seconds=3.0, back_limit=15.0, look=None):
    """One fault under load, from a healthy beginning to the victim's return. `look` is called before the fault ends."""
    watch = Watch(fleet)
    watch.start()
    load = SteadyLoad(port, rps)
    try:
        began = fleet.read()
        wait_until(
            lambda: all(now - then >= warm * rps / len(began) / 2 for now, then in zip(fleet.served, began)),
            20,
            "all origins to have their part",
        )
        fault.begin(fleet, watch, seconds)
        if look is not None:
            look()
        fault.end(fleet, watch)
        back = time.monotonic()
        end = back + back_limit
        while watch.full_after(VICTIM, back) is None and time.monotonic() < end:
            time.sleep(0.1)
        report = load.report()
    finally:
        watch.stop()
        load.kill()
    return Outcome(
        requests=report["requests"],
        failed=report["failed"],
        kinds=kinds_of(report),
        p99_ms=report["latency_us"]["p99"] / 1000,
        back_s=watch.full_after(VICTIM, back),
    )


def judged(row, server, fault, outcome):
    """The bars: none failed where connections broke, less than 2 % otherwise, and the victim came back."""
    good = outcome.failed == 0 if fault.hard else outcome.share < 0.02
    good = good and outcome.back_s is not None
    verdict(row, f"{server}: {fault.name} ({fault.words}): {outcome.text()}", good)
    return good
