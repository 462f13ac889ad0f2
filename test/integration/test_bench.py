"""The arithmetic that benchmarks are judged by. No benchmark is run here: see test/bench."""

import os
import sys
import time

from harness import Failure
from harness.support import ROOT

sys.path.insert(0, str(ROOT / "test/bench"))

import drivers  # noqa: E402
import measuring  # noqa: E402
import report  # noqa: E402
import statistic  # noqa: E402


def figures(main, values):
    return [None if value is None else {main: value} for value in values]


def result(weir, nginx, bar, bar_of="ratio", main="cpu_us"):
    rounds = {"weir": figures(main, weir), "nginx": figures(main, nginx)}
    return {"main": main, "bar": bar, "bar_of": bar_of, "rounds": rounds}


def test_ratios_pair_figures_of_the_same_round():
    """A round that one side could not be measured in has no ratio; quartiles lie within the values."""
    assert statistic.ratios([1, None, 3, 4], [2, 2, None, 4]) == [0.5, 1.0]
    spread = statistic.Spread([5, 1, 4, 2, 3])
    assert (spread.median, spread.first, spread.third) == (3, 2, 4)
    assert statistic.quartiles([7]) == (7, 7)


def test_a_bar_is_met_by_the_median():
    """At the bar is met, above it is missed, and without rounds nothing is said."""
    for weir, nginx, bar, wanted in [
        ([9, 9, 9], [10, 10, 10], 0.9, True),
        ([9, 9.2, 9.1], [10, 10, 10], 0.9, False),
        ([9, 1, 90], [10, 10, 10], 0.9, True),
        ([9, None], [None, 10], 0.9, None),
        ([9], [10], None, None),
    ]:
        assert report.verdict(result(weir, nginx, bar))[0] is wanted, (weir, nginx, bar)
    assert report.verdict(result([500, 700, 610], [600] * 3, 600, "figure", "idle_bytes"))[0] is False
    assert report.verdict(result([500, 700, 600], [600] * 3, 600, "figure", "idle_bytes"))[0] is True


def test_proc_stat_is_read_whatever_the_name_is():
    """Fields count from behind the last parenthesis."""
    rest = "S 41 1 1 0 -1 4194560 1 2 3 4 250 150 1000 500 20 0 1 0 99"
    for name in ("weir", "a b", "x) R 1 (y"):
        parent, own, children = measuring.parse_stat(f"7 ({name}) {rest}")
        ticks = measuring.TICKS
        assert (parent, own, children) == (41, 400 / ticks, 1500 / ticks), name


def test_memory_is_in_bytes():
    """Lines of smaps_rollup without a size are none."""
    text = "55 - 7f ---p 00000000 00:00 0    [rollup]\nRss:    1204 kB\nPss:      96 kB\nPss_Anon:   4 kB\n"
    assert measuring.parse_smaps(text) == {"Rss": 1204 * 1024, "Pss": 96 * 1024, "Pss_Anon": 4096}


def test_the_cpu_of_a_child_that_has_ended_counts():
    """What a waited-for child used stays in the tree's sum, and a living one is in it too."""
    before = measuring.cpu_seconds(os.getpid())
    pid = os.fork()
    if pid == 0:
        end = time.process_time() + 0.2
        while time.process_time() < end:
            pass
        os._exit(0)
    assert pid in measuring.tree(os.getpid())
    os.waitpid(pid, 0)
    assert measuring.cpu_seconds(os.getpid()) - before >= 0.15
    assert measuring.memory_bytes(os.getpid()) > 1 << 20


def test_failed_requests_are_not_counted_as_served():
    """wrk counts an answer with a bad status among its requests."""
    said = (
        'Requests/sec: 1\n\nJSON {"requests": 100, "seconds": 2.0, "bytes": 1, "p50_ms": 1.5, "p99_ms": 9.0, '
        '"errors": {"connect": 0, "read": 3, "write": 0, "status": 10, "timeout": 0}}\n'
    )
    load = drivers.parse_wrk(said)
    assert (load.requests, load.seconds, load.p50_ms, load.p99_ms) == (90, 2.0, 1.5, 9.0)
    assert load.errors == {"read": 3, "status": 10}


def test_a_generator_without_figures_is_an_error():
    """Never a zero that looks like a figure."""
    for parse in (drivers.parse_wrk, drivers.parse_weir_load):
        try:
            parse("unable to connect")
        except drivers.Failed:
            continue
        raise Failure(f"{parse.__name__} made something of nothing")
