"""Reloads as fast as they go, under load: new connections, busy kept ones, broken configurations among them (F14, F15, F17)."""

import pathlib
import random
import re
import signal
import socket
import sys
import time

from harness import Daemon, certificate, is_long, limit, run_program, verdict, wait_until
from support import SITE, Counters, Load, main_with, private_network

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
from test_process import status  # noqa: E402

OUTCOME = re.compile(r"generation (\d+) serves with (\d+) workers|the configuration was refused while in")

# Each kind of configuration that must be refused, by the directive or file that is wrong.
BROKEN = {
    "an unknown directive": SITE + "nonsense = 1\n",
    "no section": "[main\n" + SITE,
    "an unknown section": SITE + "[elephant]\nname = x\n",
    "a value that is none": SITE + "keepalive_timeout = soon\n",
    "an upstream that is not there": SITE.replace('return = 200 "ok"', "upstream = absent"),
    "an address of another machine": SITE.replace("127.0.0.1:@http@", "192.0.2.1:80"),
    "a port that is taken": SITE.replace("return", "listen = 127.0.0.1:@taken@\nreturn"),
    "a name twice": SITE + SITE,
    "a pattern that is none": SITE + "[location x]\nserver = web\npath = regex (\nreturn = 200 ok\n",
    "no certificate": SITE.replace("@http@", "@http@ ssl") + "ssl_certificate = absent.pem\nssl_certificate_key = absent.key\n",
    "a key of another certificate": SITE.replace("@http@\n", "@http@\nlisten = 127.0.0.1:@tls@ ssl\n")
    + "ssl_certificate = one.pem\nssl_certificate_key = two.key\n",
    "a log that can't be opened": "[log access]\npath = /dev/null/access.log\n" + SITE,
    "a size that is none": "[log access]\npath = logs/a.log\n" + main_with(SITE, "log_ring_size = 1"),
}  # fmt: skip


class Reloads:
    """HUPs, each with a configuration of its own, and what weir says of each in its log."""

    def __init__(self, weir):
        self.weir, self.committed, self.refused = weir, 0, 0
        self.said = self.outcomes()

    def outcomes(self):
        return [match[2] and int(match[2]) for match in OUTCOME.finditer(self.weir.log)]

    def hup(self, config, workers=None):
        """One HUP; returns when it was committed (with so many workers) or refused (workers=None)."""
        self.weir.write_config(config)
        self.weir.signal(signal.SIGHUP)
        wait_until(lambda: len(self.outcomes()) > len(self.said), 20, "a reload to come to its end")
        self.said = self.outcomes()
        got = self.said[-1]
        assert got == workers, f"asked for {workers} workers, weir says {got}:\n{self.weir.log[-2000:]}"
        self.committed, self.refused = self.committed + (got is not None), self.refused + (got is None)


@limit(180)
def test_reload_storm():
    """HUPs in a row, 1 to 8 workers, addresses that come and go, every fifth broken: no connection is lost."""
    private_network()
    turns, most = (50, 100_000) if is_long() else (20, 0)
    random.seed(14)
    with Daemon(SITE, workers=2) as weir:
        taken = socket.create_server(("127.0.0.1", weir.port("taken")))
        counters = Counters()
        reloads = Reloads(weir)
        start = time.monotonic()
        with Load(weir.port("http")) as load:
            turn = 0
            while turn < turns or load.read().fresh["answered"] < most:
                due = start + turn * 0.2
                workers = random.randint(1, 8)
                if turn % 5 == 4:
                    reloads.hup(random.choice(list(BROKEN.values())))
                else:
                    more = "".join(f"listen = 127.0.0.1:@more{n}@\n" for n in range(3) if random.random() < 0.5)
                    reloads.hup(main_with(SITE.replace("return", more + "return"), f"worker_processes = {workers}"), workers)
                    for name in re.findall("@(more.)@", more):
                        assert weir.get(name=name).body == b"ok"
                turn += 1
                if turn == turns:
                    took = time.monotonic() - start
                wait_until(lambda due=due: time.monotonic() >= due + 0.2, 1)  # 5 a second, if they are as fast
            seen = load.stop()
        taken.close()
        kernel = counters.since()
        p999 = seen.percentile(99.9)
        verdict(
            "F14",
            f"reload storm: {seen.fresh['answered']:,} connections, {turn} HUPs ({turns} in {took:.1f} s; "
            f"{reloads.committed} valid, all committed; {reloads.refused} refused), {sum(seen.failed.values())} lost, "
            f"p99.9 {p999:.0f} ms, {kernel}",
            not seen.failed,
        )
        assert not seen.failed, load.why()
        assert kernel["ListenDrops"] == kernel["ListenOverflows"] == kernel["EstabResets"] == 0, kernel
        assert status(weir)["generation"] >= 1 + reloads.committed
        reloads.hup(main_with(SITE, "worker_processes = 1"), 1)
        wait_until(lambda: len(weir.workers()) == 1, 20, "the old generations to end")


@limit(60)
def test_broken_configurations_change_nothing():
    """Each kind of broken configuration: one HUP, refused with a reason, nobody notices."""
    private_network()
    one, two = certificate("one"), certificate("two")
    files = {"one.pem": one[0].read_bytes(), "two.key": two[1].read_bytes()}
    with Daemon(SITE, workers=2, files=files) as weir:
        taken = socket.create_server(("127.0.0.1", weir.port("taken")))
        workers = weir.workers()
        reloads = Reloads(weir)
        with Load(weir.port("http"), fresh=8, kept=8) as load:
            for what, config in BROKEN.items():
                before = len(weir.log)
                reloads.hup(config)
                wait_until(lambda at=before: weir.log.count("[error]", at) >= 2, 10, f"a reason why {what} is refused")
                facts = status(weir)
                assert facts["generation"] == 1 and not facts["master"]["last_reload"]["ok"], (what, facts)
            seen = load.stop()
        taken.close()
        assert weir.workers() == workers
        verdict("F15", f"{len(BROKEN)} kinds of broken configuration: all refused, {sum(seen.failed.values())} of "
                       f"{seen.answered:,} requests lost", not seen.failed)  # fmt: skip
        assert not seen.failed, load.why()
        done = run_program("weir", "-p", f"{weir.prefix}/", "-c", "weir.ini", "-s", "reload")
        assert done.returncode in (1, 6) and done.stderr, done


@limit(120)
def test_busy_keepalive_connections_are_answered():
    """Reloads under 100 busy kept connections: each request that was sent is answered."""
    private_network()
    turns = 30 if is_long() else 10
    for pause in (0, 5):
        with Daemon(SITE, workers=2) as weir:
            reloads = Reloads(weir)
            with Load(weir.port("http"), fresh=0, kept=100, pause_ms=pause) as load:
                for turn in range(turns):
                    reloads.hup(main_with(SITE, f"worker_processes = {2 + turn % 3}"), 2 + turn % 3)
                    load.more(200)
                seen = load.stop()
            verdict("F17", f"{turns} reloads under 100 busy kept connections, {pause} ms between requests: "
                           f"{seen.answered:,} answered, {sum(seen.failed.values())} not, "
                           f"{seen.closed_idle} closed while idle", not seen.failed)  # fmt: skip
            assert not seen.failed, load.why()
