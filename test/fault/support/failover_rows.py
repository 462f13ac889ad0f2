"""What weir's own processes, the machine's ports, a peer that errs and the resolver may do (U2 to U6), measured of one
proxy of failover_servers.py at a time: each function gives the cells of a row."""

import contextlib
import pathlib
import random
import resource
import select
import threading
import time

from harness import Echo, FakeDns, RawClient, ScriptedOrigin, free_port, wait_until
from harness.dns import CNAME, NXDOMAIN, A

from .failover import VICTIM, SteadyLoad, failed_text, kinds_of
from .fleet import Fleet
from .load import Load

KILLS = [r"from outside"]  # what weir's log says of a process that was killed
SMALL = ("--size", "2")  # what fault-load expects: "ab"
NAME = "api.internal"
FEW = [f"127.0.0.{number}" for number in range(1, 4)]
MANY = [f"127.0.1.{number}" for number in range(1, 201)]


def _circle(dns):
    dns.set("other.internal", CNAME, [NAME])
    dns.set(NAME, CNAME, ["other.internal"])


# name, what happens, what weir's log says of it, who is to serve
DNS_FAULTS = (
    ("NXDOMAIN", lambda dns: dns.fail(NAME, NXDOMAIN), "NXDOMAIN.*the last 3 peers stay", FEW),
    ("timeout", lambda dns: dns.silence(NAME), "no answer in time: the last 3 peers stay", FEW),
    ("loop", _circle, "CNAMEs without an end: the last 3 peers stay", FEW),
    ("200 records", lambda dns: dns.set(NAME, A, MANY, ttl=0), "", MANY),
)


def _summary(report):
    return failed_text(report["failed"], report["requests"], kinds_of(report))


def _settled(fleet):
    """What the origins have answered, once no more lines come of what is over."""
    before = None
    while (now := fleet.read()) != before:
        before = now
        time.sleep(0.1)
    return now


def _spread_of(server, fleet, count):
    """Which origins answer so many requests, one at a time; what is said instead of an answer, where it is not 200."""
    began, others = _settled(fleet), {}
    for _ in range(count):
        with RawClient(server.way) as client:
            status = client.request("GET", "/load", [("Connection", "close")]).status
        if status != 200:
            others[status] = others.get(status, 0) + 1
    wanted = sum(began) + count - sum(others.values())
    wait_until(lambda: sum(fleet.read()) >= wanted, 10, "the origins to tell")
    return " ".join([str(now - then) for now, then in zip(fleet.served, began)] + [f"{n} x {code}" for code, n in others.items()])


class Killer(threading.Thread):
    """SIGKILL for a process of that role, so often, one each `pause` seconds."""

    def __init__(self, server, role, times, pause):
        super().__init__()
        self.server, self.role, self.times, self.pause, self.killed = server, role, times, pause, 0

    def run(self):
        while self.killed < self.times:
            self.killed += self.server.kill(self.role)
            time.sleep(self.pause)  # the rate of the scenario, not a wait for something


def _all_have(fleet, count):
    """Each origin gets so many requests from now on."""
    began = fleet.read()
    wait_until(lambda: all(n - b >= count for n, b in zip(fleet.read(), began)), 20, "all origins to have their part")


def dying_prober(kind, role, times, keep_up=False):
    """U2: who probes is killed each second, and an origin in the middle of it."""
    options = {"allow": KILLS} if kind.name == "weir" else {}
    with Fleet() as fleet, kind(fleet.ports, **options) as server:
        if keep_up:
            server.keep_up()
        load = SteadyLoad(server.port("http"), 200)
        try:
            _all_have(fleet, 50)
            killer = Killer(server, role, times, 1.0)
            killer.start()
            wait_until(lambda: killer.killed >= min(2, times) or not killer.is_alive(), 10, "two to be killed")
            fleet.kill(VICTIM)
            killer.join()
            fleet.start(VICTIM)
            report = load.report()
        finally:
            load.kill()
    return [f"{killer.killed}", _summary(report)]


KILLS = [r"from outside"]


def _left_in_flight(server):
    """What it says after all requests have ended; those that the load left half done have 2 s for it."""
    if not hasattr(server, "in_flight"):
        return "tells nothing"
    end = time.monotonic() + 2
    while (said := server.in_flight()) and time.monotonic() < end:
        time.sleep(0.02)
    return str(said)


def dying_workers(kind, role, times, keep_up=False):
    """U3: workers are killed with requests in flight; then what is left of these is looked for in three ways: what the
    proxy says itself, how requests one at a time are spread, how many of 4 x 256 fit."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (10000, 10000))
    random.seed(7)
    options = {"workers": 3, "allow": KILLS} if kind.name == "weir" else {}
    with Fleet(answer=(*SMALL, "--delay", "20ms")) as fleet, kind(fleet.ports, "killed", **options) as server:
        if keep_up:
            server.keep_up()
        load = SteadyLoad(server.port("http"), 1000)
        try:
            _all_have(fleet, 100)
            killer = Killer(server, role, times, 0.3)
            killer.start()
            killer.join()
            report = load.report()
        finally:
            load.kill()
        if keep_up:
            wait_until(server.answers, 10, "it to be started again")
        said = _left_in_flight(server)
        spread = _spread_of(server, fleet, 200)
        for at in range(len(fleet.ports)):
            fleet.obey(at, "size=2 delay=3s")
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(RawClient(server.port("http"))) for _ in range(4 * 256)]
            for client in clients:
                client.send_request()
            refused = sum(client.read_response().status != 200 for client in clients)
    return [f"{killer.killed}", _summary(report), said, spread, f"{refused:,}"]


def no_ports(kind):
    """U4: two local ports for each of four origins, 24 requests at once; then ports again."""
    ports = pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range")
    usual = ports.read_text()
    options = {"workers": 1} if kind.name == "weir" else {}
    with Fleet(answer=("--steer",)) as fleet, kind(fleet.ports, "ports", unix=True, **options) as server:
        try:
            with contextlib.ExitStack() as stack:
                clients = [stack.enter_context(RawClient(server.way)) for _ in range(24)]
                ports.write_text("60000 60001")
                start = time.monotonic()
                for client in clients:
                    client.send_request(fields=[("X-Echo", "delay=3s")])
                statuses, took = [], 0.0
                while len(statuses) < len(clients):
                    ready = select.select([c.sock for c in clients if not c.received], [], [], 10)[0]
                    for client in (c for c in clients if c.sock in ready):
                        status = client.read_response().status
                        statuses.append(status)
                        if status != 200:
                            took = time.monotonic() - start
        finally:
            ports.write_text(usual)
        start, codes = time.monotonic(), []
        back = start
        while codes[-20:] != [200] * 20 and time.monotonic() < start + 40:
            with RawClient(server.way) as client:
                if codes[-1:] != [200]:
                    back = time.monotonic()
                codes.append(client.request("GET", "/load", [("Connection", "close")]).status)
            time.sleep(0.01)
        bad = [code for code in codes if code != 200]
        spread = _spread_of(server, fleet, 40)
    counts = ", ".join(f"{statuses.count(code)} x {code}" for code in sorted(set(statuses)))
    after = f"{' and '.join(map(str, sorted(set(bad))))} for {back - start:.1f} s" if bad else "all answered"
    return [counts, f"{took * 1000:.0f} ms", after, spread]


class Erring:
    """An origin that errs from a moment on, and notes when it does."""

    def __init__(self):
        self.errs, self.noted = False, []

    def __call__(self, connection):
        while True:
            connection.read_request()
            if self.errs:
                self.noted.append(time.monotonic())
                connection.send(b"HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nno")
            else:
                connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab")


def one_errs(kind, scenario, rounds):
    """U5: how long a peer that errs is still asked by four workers, and how often, by 32 clients with pauses of 10 ms."""
    took, times, failed = [], [], 0
    for _ in range(rounds):
        erring = Erring()
        options = {"workers": 4} if kind.name == "weir" else {}
        with ScriptedOrigin(erring) as origin, Fleet(count=3, answer=SMALL) as fleet:
            with kind([*fleet.ports, origin.port], scenario, **options) as server:
                with Load(server.port("http"), fresh=0, kept=32, pause_ms=10, path="/load", expect="ab") as load:
                    load.more(2000)
                    erring.errs = True
                    load.more(5000)
                    seen = load.stop()
        took.append((erring.noted[-1] - erring.noted[0]) * 1000 if erring.noted else float("nan"))
        times.append(len(erring.noted))
        failed += sum(seen.failed.values())
    middle = rounds // 2
    return [f"{sorted(times)[middle]:,} ({max(times):,})", f"{sorted(took)[middle]:,.1f} ms ({max(took):,.1f} ms)", f"{failed:,}"]


def failing_resolver(kind, fault, seconds):
    """U6: one fault of the resolver under load."""
    name, begin, _, _ = fault
    port = free_port()
    with FakeDns() as dns, Echo(*SMALL, port=f"0.0.0.0:{port}"):
        dns.set(NAME, A, FEW, ttl=0)
        options = {"allow": [r"the last \d+ peers stay"]} if kind.name == "weir" else {}
        with kind([], "dns", {"dns": dns.address, "port": port}, **options) as server:
            if kind.name == "weir":
                wait_until(lambda: len(server.peers()) == len(FEW), 20, "the first peers")
            load = SteadyLoad(server.port("http"), 200)
            try:
                time.sleep(1.0)  # of load before the fault
                begin(dns)
                time.sleep(seconds)  # how long the fault lasts
                report = load.report()
            finally:
                load.kill()
            return f"{_summary(report)}; {server.asked()} addresses asked"
