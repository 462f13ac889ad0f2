"""A worker that gets no memory: at the nth allocation, and for a while at all (F24)."""

import collections
import contextlib
import pathlib
import random
import re
import resource
import sys
import time

from harness import Closed, Daemon, Echo, TimedOut, certificate, is_long, limit, run_program, verdict, wait_until
from support import ORIGIN_SITE, Load, Shim, private_network

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
from test_process import pids, private_socket, status  # noqa: E402

SITE = ORIGIN_SITE.replace("upstream = origin", "upstream = origin\nlisten = 127.0.0.1:@tls@ ssl").replace(
    "[server web]", "[log access]\npath = logs/access.log\nformat = json\n[server web]\naccess_log = access\n"
    "ssl_certificate = cert.pem\nssl_certificate_key = key.pem", 1
)  # fmt: skip


def plain_script(weir):
    """Requests of several kinds over one connection; yields the status of each."""
    with weir.connect(limit=3) as client:
        yield client.request(target="/one").status
        yield client.request("POST", "/two", body=b"x" * 40000, fields={"X-Field": "y" * 500}).status
        client.send("POST /three HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
        yield client.read_response("POST").status
        yield client.request(target="/four?" + "z" * 6000).status
    with weir.connect(limit=3) as client:  # leaves in the middle
        client.send("POST /five HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" + "x" * 70000)


def tls_script(weir):
    with weir.connect("tls", tls=True, limit=3) as client:
        yield client.request(target="/six").status
        yield client.request("POST", "/seven", body=b"x" * 40000).status


def run(script, weir, outcomes):
    """What came of each request: a status, or the connection ended. An answer is never wrong, only missing."""
    try:
        for code in script(weir):
            outcomes[code] += 1
    except TimedOut:
        outcomes["stuck"] += 1
    except (OSError, Closed):
        outcomes["closed"] += 1


def rss_kb(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii"))[1])


def sweep(weir, shim, worker, script):
    """The nth allocation of the script fails, for every n (or as many as the core has time for)."""
    run(script, weir, collections.Counter())  # pools are filled by now
    shim.set("malloc", pid=worker, times=0)
    run(script, weir, collections.Counter())
    wait_until(lambda: status(weir)["counters"]["connections_active"] == 0, 10)
    count = shim.get("malloc", "seen")
    assert count > 10, count  # there is something to fail
    step = 1 if is_long() else max(1, count // 120)
    outcomes, rss, hit = collections.Counter(), [], 0
    for n in range(0, count, step):
        shim.set("malloc", pid=worker, after=n, times=1)
        run(script, weir, outcomes)
        wait_until(lambda: status(weir)["counters"]["connections_active"] == 0, 10)
        hit += shim.get("malloc")
        shim.clear("malloc")
        rss.append(rss_kb(worker))
        assert weir.workers() == [worker], f"allocation {n} of {count}: the worker died\n{weir.log[-3000:]}"
    grown = rss[-1] - max(rss[: max(1, len(rss) // 4)])
    return count, hit, outcomes, grown


@limit(400)
def test_the_nth_allocation_fails():
    """Each allocation on the way of a request fails once: no crash, no leak, nothing wrong, zones sound."""
    private_network()
    shim = Shim()
    pair = certificate("localhost")
    files = {"cert.pem": pair[0].read_bytes(), "key.pem": pair[1].read_bytes()}
    with Echo() as origin:
        config = SITE.format(origin=origin.address)
        with Daemon(config, files=files, environment=shim.environment, allow=[r"an allocation failed"]) as weir:
            worker = weir.workers()[0]
            for what, script in (("plain", plain_script), ("TLS", tls_script)):
                count, hit, outcomes, grown = sweep(weir, shim, worker, script)
                counters = status(weir)["counters"]
                good = not outcomes["stuck"] and counters["requests_active"] == 0 and grown < 2048
                said = ", ".join(f"{n:,} x {what}" for what, n in sorted(outcomes.items(), key=str))
                verdict("F24", f"the nth of {count:,} allocations of {what} requests fails ({hit:,} of them tried): {said}; "
                               f"worker alive, memory {grown:+d} KiB", good)  # fmt: skip
                assert good, (outcomes, counters, grown)
                again = collections.Counter()
                run(script, weir, again)
                assert set(again) == {200}, again
            done = run_program("weirctl", "-s", private_socket(weir), "check-zones")
            assert done.returncode == 0, done.stdout


@limit(120)
def test_allocations_fail_at_random_under_load():
    """Under load, one allocation in some hundreds fails: no crash, nobody gets a wrong answer."""
    private_network()
    shim = Shim()
    random.seed(24)
    with Echo("--size", "2") as origin:
        config = ORIGIN_SITE.format(origin=origin.address)
        with Daemon(config, environment=shim.environment, allow=[r"an allocation failed"]) as weir:
            worker = weir.workers()[0]
            failed, end = 0, time.monotonic() + (20 if is_long() else 3)
            with Load(weir.port("http"), fresh=32, kept=32, expect="ab") as load:
                while time.monotonic() < end:
                    shim.set("malloc", pid=worker, after=random.randint(0, 300), times=1)
                    wait_until(lambda: shim.get("malloc", "times") <= 0, 10, "an allocation to fail")
                    failed += 1
                shim.clear("malloc")
                load.more(200)
                seen = load.stop()
            # what libevent or OpenSSL gets no memory for ends its connection; nothing hangs, nothing is wrong
            clean = {"reset", "unanswered", "truncated"}
            good = weir.workers() == [worker] and set(seen.lost) <= clean and sum(seen.lost.values()) <= failed
            verdict("F24", f"{failed:,} allocations fail under load: {seen.answered:,} answered, {seen.failed}, "
                           "worker alive", good)  # fmt: skip
            assert good, load.why()[:1500]
            assert status(weir)["counters"]["requests_active"] == 0


@limit(90)
def test_no_memory_for_a_while():
    """The worker may have no more address space: it sheds, or is replaced; the master and others go on; it recovers."""
    private_network()
    ended = r"an allocation failed|memory is short|out of memory: this process ends|exited with status 1"
    origin = Echo("--size", "2")
    config = ORIGIN_SITE.format(origin=origin.address)
    # of our own user, so that its limits may be changed from here
    with origin, Daemon(config, main="insecure_root_workers = on", workers=2, allow=[ended]) as weir:
        workers = weir.workers()
        idle = []
        with Load(weir.port("http"), fresh=16, kept=16, expect="ab") as load:
            for _ in range(200):
                idle.append(weir.connect())
            victim = workers[0]
            size = int(pathlib.Path(f"/proc/{victim}/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
            old = resource.prlimit(victim, resource.RLIMIT_AS)
            resource.prlimit(victim, resource.RLIMIT_AS, (size, old[1]))
            start = time.monotonic()
            for client in idle:
                with contextlib.suppress(OSError):
                    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" + "x" * 300000)
            load.more(1000)
            with contextlib.suppress(ProcessLookupError):
                resource.prlimit(victim, resource.RLIMIT_AS, old)
            for client in idle:
                client.close()
            wait_until(lambda: len(pids(weir, "worker")) == 2, 10, "both workers")
            load.more(1000)
            took = time.monotonic() - start
            seen = load.stop()
        died = weir.log.count("out of memory: this process ends")
        short = weir.log.count("memory is short")
        lost = sum(seen.lost.values())
        good = not seen.total["refused"] and lost <= 32 * (1 + died) and "killed by signal" not in weir.log
        verdict("F24", f"no memory for a worker: {seen.answered:,} answered, {dict(seen.failed)}; reserve used "
                       f"{weir.log.count('an allocation failed') + short + died} times, ended in order {died} times, "
                       f"over after {took:.1f} s", good)  # fmt: skip
        assert good, load.why()[:1500]
