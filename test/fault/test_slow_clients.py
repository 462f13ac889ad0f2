"""Thousands of clients that keep weir waiting: memory within the printed bound, others served as before.

F47 slowloris, F48 slow bodies and slow readers, F49 half-done handshakes.
"""

import pathlib
import ssl
import time

from harness import Daemon, Failure, RawClient, certificate, is_long, limit, long, needs_root, verdict, wait_until
from net_support import (
    Canary,
    Crowd,
    Origin,
    compare,
    counter,
    files_for,
    own_memory,
    pick,
    printed_bound,
    whole_memory,
)
from support.place import private_network

CLIENTS = pick(500, 10000)
WORKERS = 2
MAIN = "worker_connections = {each}"
SITE = """
[upstream origin]
server = {origin}
keepalive = 16
[upstream quick]
server = {quick}
[server web]
listen = 127.0.0.1:@http@ {listen}
upstream = origin
client_max_body_size = 0
{more}
[location canary]
server = web
path = /canary
upstream = quick
"""


def site(origin, quick, more, listen=""):
    return SITE.format(origin=origin.address, quick=quick.address, more=more, listen=f"{listen} backlog=4096")


def start(config, **options):
    files_for(CLIENTS + 4000)  # of each process
    return Daemon(config, main=MAIN.format(each=pick(2000, 12000)), workers=WORKERS, **options)


# A noisy machine makes a p99 of a millisecond three; a crowd that holds others up makes it hundreds.
NOISE = 0.05


class Measured:
    """A canary before the crowd came and while it is there; what weir's memory was, and grew to."""

    def __init__(self, weir, tls=False):
        self.weir, self.tls = weir, tls
        self.bound = printed_bound(weir)
        self.normal = self._canary()
        self.memory_before = own_memory(weir)
        self.memory = 0

    def _canary(self):
        with Canary(self.weir.port("http"), tls=self.tls) as canary:
            time.sleep(pick(0.7, 5))  # how long is measured, not a wait for anything
        if not canary.times:
            raise Failure(f"the canary was never answered: {canary.failures[:3]}")
        return canary

    def under(self):
        """With the crowd there. The best of three in the long form: others use this machine too."""
        self.crowded = self._canary()
        for _ in range(2 if is_long() else 0):
            if compare(self.normal, self.crowded)[0] <= 1.5:
                break
            self.crowded = min(self._canary(), self.crowded, key=lambda canary: canary.p99)
        self.memory = whole_memory(self.weir)
        self.own = own_memory(self.weir)

    def judge(self, row, what):
        ratio, canary = compare(self.normal, self.crowded)
        grown = (self.own - self.memory_before) * 1024 // CLIENTS
        fits = self.memory <= self.bound
        fast = ratio <= 1.5 or self.crowded.p99 <= self.normal.p99 + NOISE or not is_long()
        failures = self.normal.failures + self.crowded.failures
        text = f"{CLIENTS} {what}; {grown} B each, {self.memory >> 10} MiB in all of {self.bound >> 10} MiB; {canary}"
        verdict(row, text, fits and fast and not failures)
        assert fits, f"{self.memory} KiB of memory, and {self.bound} KiB were the printed bound"
        assert not failures, f"canaries that were not served: {failures[:5]}"
        assert fast, f"the canary's p99 grew by {ratio}"


SLOW_HEAD = b"GET /slow HTTP/1.1\r\nHost: a\r\nX-Slow: "


@limit(240)
def test_slowloris():
    """Clients that drip their heads: others are served as before, all are gone at client_header_timeout."""
    with Origin() as origin, Origin() as quick:
        with start(site(origin, quick, f"client_header_timeout = {pick(4, 40)}s")) as weir:
            measured = Measured(weir)
            with Crowd(weir.port("http"), CLIENTS, SLOW_HEAD) as crowd:
                crowd.send(b"y" * pick(1, 500))
                measured.under()
                crowd.send(b"z")  # a byte now and then does not save it
                crowd.wait_gone(CLIENTS, 60)
                assert {answer[:12] for answer in crowd.first.values()} == {b"HTTP/1.1 408"}, set(crowd.first.values())
            measured.judge("F47", "slowloris")
            assert counter(weir, "slow_heads") == CLIENTS


@long
@limit(120)
def test_slow_heads_have_ten_seconds():
    """With client_header_timeout as it is by default, the last of the slow heads is gone ten seconds after it came."""
    with Origin() as origin, Origin() as quick, start(site(origin, quick, "")) as weir:
        with Crowd(weir.port("http"), CLIENTS, SLOW_HEAD) as crowd:
            took = crowd.wait_gone(CLIENTS, 60)
        assert counter(weir, "slow_heads") == CLIENTS
        verdict("F47", f"{CLIENTS} slow heads: all closed {took:.1f} s after the last came")


@limit(240)
def test_slow_bodies():
    """Uploads that drip: one buffer each at most, others are served, all are cut off for their slowness."""
    rules = pick("client_min_rate = 240 over=2s grace=1s", "")  # 240 over=30s grace=10s
    with Origin() as origin, Origin() as quick, start(site(origin, quick, rules)) as weir:
        measured = Measured(weir)
        head = b"POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"
        with Crowd(weir.port("http"), CLIENTS, head + b"x" * 100) as crowd:
            crowd.send(b"x" * 10)
            measured.under()
            crowd.send(b"x")
            took = crowd.wait_gone(CLIENTS, 100)
            assert {answer[:12] for answer in crowd.first.values()} == {b"HTTP/1.1 408"}, set(crowd.first.values())
        measured.judge("F48", f"slow uploads, all cut off {took:.1f} s after the canary")
        assert counter(weir, "slow_bodies") == CLIENTS


def small_kernel_buffers():
    """A network of this test's own, in which the kernel holds 64 KiB a direction: the machine has room for it."""
    private_network()
    for name in ("rmem", "wmem"):
        pathlib.Path(f"/proc/sys/net/ipv4/tcp_{name}").write_text("4096 16384 65536", encoding="ascii")


def wait_standing_still(weir):
    """Until nothing is taken from weir any more."""
    last = [time.monotonic(), counter(weir, "bytes_out")]

    def still():
        now = counter(weir, "bytes_out")
        if now != last[1]:
            last[:] = [time.monotonic(), now]
        return time.monotonic() - last[0] > 0.5

    wait_until(still, 60, "the answers to stand still")


@needs_root
@limit(240)
def test_slow_readers():
    """Downloads that are not taken: buffers within the pool, others are served, all are let go."""
    small_kernel_buffers()
    with Origin() as origin, Origin() as quick, start(site(origin, quick, pick("send_timeout = 5s", ""))) as weir:
        measured = Measured(weir)
        request = b"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n"
        with Crowd(weir.port("http"), CLIENTS, request, receive_buffer=4096, reads=False) as crowd:
            wait_standing_still(weir)
            measured.under()
            begun = time.monotonic()
            wait_until(lambda: counter(weir, "connections_active") == 0, 100, "the slow readers to be let go")
            took = time.monotonic() - begun
            assert len(crowd.socks) == CLIENTS
        measured.judge("F48", f"slow readers, all let go {took:.1f} s after the canary")
        # by default the kernel may be first: client_tcp_timeout
        assert is_long() or counter(weir, "slow_readers") == CLIENTS


def client_hello():
    """The first flight of an ordinary client."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        context.wrap_bio(incoming, outgoing, server_hostname="localhost").do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


@limit(240)
def test_half_done_handshakes():
    """Handshakes that stop in the middle: bounded in number and time, others are served as before."""
    tls, key = certificate("localhost")
    more = f"ssl_certificate = {tls}\nssl_certificate_key = {key}\nssl_handshake_timeout = {pick(5, 40)}s"
    with Origin() as origin, Origin() as quick, start(site(origin, quick, more, "ssl")) as weir:
        measured = Measured(weir, tls=True)
        most = WORKERS * (pick(2000, 12000) // 4)
        hello = client_hello()
        with Crowd(weir.port("http"), CLIENTS, hello) as crowd:
            # the work for their first flights is done: what is measured is that they stand there
            wait_until(lambda: crowd.open() <= most and len(crowd.first) + crowd.gone >= CLIENTS, 60, "10,000 answers")
            measured.under()
            still = crowd.open()
            assert still <= most, f"{still} unfinished handshakes, and {most} are allowed"
            took = crowd.wait_gone(CLIENTS, 60)
        measured.judge("F49", f"half-done handshakes, {still} at a time, all closed {took:.1f} s after the canary")
        assert counter(weir, "handshakes_dropped") >= CLIENTS - most
        assert counter(weir, "tls_failures") >= min(CLIENTS, most) - WORKERS


@limit(120)
def test_slow_clients_make_room():
    """More slow heads than worker_connections: newcomers are served at once, not after the slow ones' time."""
    count = pick(400, 4000)
    with Origin() as origin, Origin() as quick, Daemon(site(origin, quick, ""), main="worker_connections = 200") as weir:
        with Canary(weir.port("http")) as normal:
            time.sleep(pick(0.5, 3))
        with Crowd(weir.port("http"), count, b"GET /slow HTTP/1.1\r\nX: ") as crowd:
            with Canary(weir.port("http")) as canary:
                time.sleep(pick(0.5, 3))
            open_now = crowd.open()
        _, text = compare(normal, canary)
        ok = not canary.failures and canary.count > 0
        dropped = counter(weir, "connections_dropped")
        verdict("F47", f"{count} slow heads for 200 places, {dropped} dropped for others; {text}", ok)
        assert ok, canary.failures[:5]
        assert open_now <= 200 and dropped >= count - 200


def test_long_heads_have_a_bound_of_their_own():
    """Heads beyond large_heads_size are refused with a 503; requests with ordinary heads are served all the while."""
    main, allow = "large_heads_size = 1m", ["large_heads_size"]
    with Origin() as origin, Origin() as quick, Daemon(site(origin, quick, ""), main=main, allow=allow) as weir:
        with Crowd(weir.port("http"), 100, b"GET /long HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 20000) as crowd:
            with RawClient(weir.port("http")) as client:
                client.send(b"GET /long HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 20000)
                assert client.read_response().status == 503
                client.expect_closed()
            assert weir.get("/").status == 200
            refused = counter(weir, "heads_refused")
            left = crowd.open()
        assert refused >= 40 and left >= 20, (refused, left)
        verdict("F47", f"100 heads of 20 KB, 1 MiB for them: {left} waiting, {refused} refused, a short one served")
