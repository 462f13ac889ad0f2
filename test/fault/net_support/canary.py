"""The canary: an ordinary client, in a process of its own, whose waiting times tell how the others are served."""

import multiprocessing
import socket
import ssl
import time


def _ask(port, tls, stop, pipe, pause):
    """A request with a connection of its own, again and again, each with its time from connect to the answer."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    times, failures = [], []
    while not stop.is_set():
        start = time.monotonic()
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=15) as plain:
                sock = context.wrap_socket(plain) if tls else plain
                sock.sendall(b"GET /canary HTTP/1.1\r\nHost: canary\r\nConnection: close\r\n\r\n")
                answer = b""
                while part := sock.recv(65536):
                    answer += part
            if answer.startswith(b"HTTP/1.1 200"):
                times.append(time.monotonic() - start)
            else:
                failures.append(repr(answer[:80]))
        except OSError as error:
            failures.append(repr(error))
        stop.wait(pause)
    pipe.send((times, failures))


class Canary:
    """`with Canary(port) as canary: ...`, then canary.p99, canary.count, canary.failures."""

    def __init__(self, port, tls=False, pause=0.002):
        context = multiprocessing.get_context("fork")
        self._pipe, child = context.Pipe(duplex=False)
        self._stop = context.Event()
        self._process = context.Process(target=_ask, args=(port, tls, self._stop, child, pause), daemon=True)
        self.times, self.failures = [], []

    def __enter__(self):
        self._process.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        times, self.failures = self._pipe.recv()
        self._process.join()
        self.times = sorted(times)

    @property
    def count(self):
        return len(self.times)

    @property
    def p99(self):
        """Seconds."""
        return self.times[min(len(self.times) - 1, len(self.times) * 99 // 100)] if self.times else float("inf")


def compare(normal, under):
    """The ratio, and both in words."""
    ratio = under.p99 / normal.p99
    return ratio, f"canary p99 {under.p99 * 1000:.1f} ms against {normal.p99 * 1000:.1f} ms (x {ratio:.2f})"
