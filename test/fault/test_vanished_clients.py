"""F45, F46: clients that end their direction after the request, and clients that end without a word."""

import ctypes
import os
import socket
import ssl
import subprocess
import time

from harness import Daemon, Failure, RawClient, ScriptedOrigin, certificate, limit, needs_root, verdict, wait_until
from net_support import Origin, counter, pick
from support.place import private_network

SITE = """
[upstream origin]
server = {origin}
[server web]
listen = {listen}:@http@
listen = {listen}:@https@ ssl
ssl_certificate = {pem}
ssl_certificate_key = {key}
upstream = origin
keepalive_timeout = 10m
proxy_read_timeout = 10m
send_timeout = 10m
client_min_rate = off
"""
BODY = bytes(i * 31 % 251 for i in range(2_000_000))


def site(origin, listen="127.0.0.1"):
    pem, key = certificate("localhost")
    return SITE.format(origin=origin.address, listen=listen, pem=pem, key=key)


def answer(connection):
    """A large answer in chunks, or a small one with the request's body."""
    while True:
        request = connection.read_request()
        if request.target == "/large":
            connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for at in range(0, len(BODY), 100_000):
                connection.send(b"%x\r\n%s\r\n" % (100_000, BODY[at : at + 100_000]))
            connection.send(b"0\r\n\r\n")
        else:
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(request.body) + 2, b"ok" + request.body))


def half_closed(weir, request, answers):
    """Sends, ends this direction at once, reads: the bodies of so many answers, and then the end."""
    with RawClient(weir.port("http")) as client:
        client.send(request)
        client.shutdown_write()
        bodies = [client.read_response().body for _ in range(answers)]
        client.expect_closed()
        if client.reset:
            raise Failure("the connection was reset")
    return bodies


def half_closed_tls(weir, request):
    """The same with close_notify, the end of a TLS direction: every byte that came after it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    received = b""
    with socket.create_connection(("127.0.0.1", weir.port("https")), timeout=20) as sock:

        def run(step):
            """A step of TLS, with as much of the network as it takes; None when the peer has ended."""
            while True:
                try:
                    return step()
                except ssl.SSLWantReadError:
                    sock.sendall(outgoing.read())
                    data = sock.recv(65536)
                    if not data:
                        return None
                    incoming.write(data)
                except ssl.SSLZeroReturnError:
                    return None

        run(tls.do_handshake)
        tls.write(request)
        try:
            tls.unwrap()  # close_notify goes out; that the peer's has not come is no error here
        except ssl.SSLWantReadError:
            pass
        sock.sendall(outgoing.read())
        while part := run(lambda: tls.read(65536)):
            received += part
    return received


@limit(120)
def test_half_closed_clients():
    """A client that ends its direction with the request gets every answer whole, over TLS too."""
    get = b"GET /%s HTTP/1.1\r\nHost: a\r\n\r\n"
    post = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nupload"
    chunked = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nupload\r\n0\r\n\r\n"
    cases = [
        (get % b"", [b"ok"]),
        (get % b"large", [BODY]),
        (post, [b"okupload"]),
        (chunked, [b"okupload"]),
        (get % b"" + get % b"large" + post, [b"ok", BODY, b"okupload"]),
        (b"GET / HTTP/1.0\r\nHost: a\r\n\r\n", [b"ok"]),
    ]
    rounds = pick(5, 100)
    with ScriptedOrigin(answer) as origin, Daemon(site(origin)) as weir:
        for _ in range(rounds):
            for request, expected in cases:
                got = half_closed(weir, request, len(expected))
                assert got == expected, (request, [len(body) for body in got])
            received = half_closed_tls(weir, get % b"large")
            assert received.startswith(b"HTTP/1.1 200") and received.endswith(b"\r\n0\r\n\r\n"), received[-200:]
            assert len(received) > len(BODY)
        wait_until(lambda: counter(weir, "connections_active") == 0, 10, "the connections to be gone")
        aborted = counter(weir, "requests_aborted")
        verdict("F45", f"{rounds * (len(cases) + 1)} half-closed connections: every answer whole, {aborted} aborted", aborted == 0)
        assert aborted == 0


def run_ip(*arguments):
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        raise Failure(f"ip {' '.join(arguments)}: {done.stderr.strip()}")


class Wire:
    """A second network, joined by a wire to the one this process is in. Sockets belong to where they were made."""

    HERE, THERE = "10.99.0.1", "10.99.0.2"

    def __init__(self, pid):
        """`pid` is a process of the network that stays."""
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        private_network()
        self._away = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        run_ip("link", "add", "there", "type", "veth", "peer", "name", "here", "netns", str(pid))
        run_ip("addr", "add", f"{self.THERE}/24", "dev", "there")
        run_ip("link", "set", "there", "up")
        self.go(self._home)
        run_ip("addr", "add", f"{self.HERE}/24", "dev", "here")
        run_ip("link", "set", "here", "up")

    def go(self, where):
        if self._libc.setns(where, 0) != 0:
            raise Failure(f"setns: {os.strerror(ctypes.get_errno())}")

    def connect(self, port):
        """A client at the other end."""
        self.go(self._away)
        try:
            wait_until(lambda: self._carrier(), 10, "the wire to carry")
            return socket.create_connection((self.HERE, port), timeout=10)
        finally:
            self.go(self._home)

    @staticmethod
    def _carrier():
        shown = subprocess.run(["ip", "link", "show", "there"], capture_output=True, text=True).stdout
        return "LOWER_UP" in shown

    def cut(self):
        """From here on no packet passes, and nobody is told."""
        self.go(self._away)
        run_ip("link", "set", "there", "down")
        self.go(self._home)


def vanish(weir, clients, time_limit):
    """Connects clients of three kinds over a wire, cuts it; seconds until weir has let them all go."""
    wire = Wire(weir.pid)
    port = weir.port("http")
    socks = []
    for number in range(clients):
        sock = wire.connect(port)
        socks.append(sock)
        target = (b"/", b"/silent", b"/endless")[number % 3]
        method = b"POST" if target == b"/silent" else b"GET"  # the origin never answers those
        sock.sendall(method + b" " + target + b" HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
        if target != b"/silent":
            assert sock.recv(12) == b"HTTP/1.1 200"
    assert counter(weir, "connections_active") == clients
    wire.cut()
    start = time.monotonic()
    wait_until(lambda: counter(weir, "connections_active") == 0, time_limit, "the vanished to be let go")
    took = time.monotonic() - start
    wait_until(lambda: counter(weir, "requests_active") == 0, 5, "their requests to be over")
    for sock in socks:
        sock.close()
    return took


@needs_root
@limit(120)
def test_vanished_clients():
    """Clients that are gone without a word, idle, waiting or in the middle of an answer, are let go by TCP's time limit."""
    private_network()
    main, time_limit = pick(("client_tcp_timeout = 4s", 20), ("", 60))
    with Origin() as origin, Daemon(site(origin, "0.0.0.0"), main=main) as weir:
        count = pick(9, 60)
        took = vanish(weir, count, time_limit)
    verdict("F46", f"{count} clients vanished: all gone after {took:.1f} s ({main or 'client_tcp_timeout = 45s'})", took < 60)
    assert took < 60
