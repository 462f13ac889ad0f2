"""Slow readers: what do a thousand of them cost, in memory and for everybody else?"""

import socket

import check
from drivers import Wrk
from measuring import cpu_seconds, wait_quiet
from scenario import Meanwhile, PeakMemory, Scenario
from servers import Features, settle

COUNT = 1000
BYTES_PER_SECOND = 1024
REQUEST = b"GET /1m HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Readers(Meanwhile):
    """Clients that asked for 1 MiB and take a kilobyte a second of it."""

    def __init__(self, port):
        super().__init__()
        self.cut = 0  # connections that ended before their answer
        self._sockets = []
        for _ in range(COUNT):
            sock = socket.socket()
            self._sockets.append(sock)
            # As over a real network: with loopback's segments of 64 KiB the kernel takes the whole answer at once.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1440)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.settimeout(10)
            sock.connect(("127.0.0.1", port))
            sock.sendall(REQUEST)
            sock.setblocking(False)

    def work(self):
        open_ones = list(self._sockets)
        while not self.ended.wait(1):
            for sock in list(open_ones):
                try:
                    if sock.recv(BYTES_PER_SECOND):
                        continue
                except BlockingIOError:
                    continue
                except OSError:
                    pass
                self.cut += 1
                open_ones.remove(sock)

    def __exit__(self, *_):
        super().__exit__()
        for sock in self._sockets:
            sock.close()


class SlowReaders(Scenario):
    name = "slow_1000"
    what = f"{COUNT:,} clients read 1 MiB at 1 KiB/s while others ask for 128 bytes: peak memory, their CPU"
    main = "peak_mib"
    columns = ("peak_mib", "cpu_us", "rps", "p50_ms", "p99_ms", "errors", "cut")
    features = Features(large_buffers=False)
    driver = Wrk("/small")

    def check(self, server):
        check.answer(server, "/1m")
        check.answer(server, "/small")

    def warm_up(self, server):
        self.driver.run(server, 1)

    def measure(self, server, seconds):
        with PeakMemory(server.pid, 0.5) as memory, Readers(server.port) as readers:
            # Buffers fill first, those of the kernel too; that is not what is to be measured.
            if not wait_quiet([server.pid, server.place.origin_pid]):
                raise check.Wrong(f"{server.name} does not come to rest with {COUNT} slow readers")
            before = cpu_seconds(server.pid)
            load = self.driver.run(server, max(seconds, 3))
            settle()
            used = cpu_seconds(server.pid) - before
        if load.requests == 0:
            raise check.Wrong(f"{server.name}: nobody else was served: {load.errors}")
        return {
            "peak_mib": memory.peak / 2**20,
            "cpu_us": used / load.requests * 1e6,
            "rps": load.requests / load.seconds,
            "p50_ms": load.p50_ms,
            "p99_ms": load.p99_ms,
            "errors": sum(load.errors.values()),
            "cut": readers.cut,
        }
