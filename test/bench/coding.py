"""Content codings: what does compressing cost, for how many bytes, and does a stream keep its pace?"""

import gzip
import re
import subprocess
import time
import zlib

import check
from drivers import Wrk
from harness import RawClient
from scenario import Scenario
from servers import Features, settle
from measuring import cpu_seconds
from statistic import quantile
from traffic import Traffic

PEERS = {"gzip": ("nginx", "nginx-default", "haproxy"), "br": ("nginx", "nginx-default"), "zstd": ()}
DECODERS = {
    "gzip": gzip.decompress,
    "br": lambda body: tool("brotli", "-dc", body),
    "zstd": lambda body: tool("zstd", "-dcq", body),
}


def tool(name, options, body):
    return subprocess.run([name, options], input=body, capture_output=True, check=True).stdout


class Coded(Traffic):
    """A page of 100 KiB, compressed for each request or found compressed."""

    columns = ("rps", "cpu_us", "sent_kib", "p50_ms", "p99_ms", "pss_mib", "errors")

    def __init__(self, name, what, path, coding, bar=None, cache_mib=0):
        super().__init__(name, what, Wrk(path, coding=coding), bar, Features(coding=coding, cache_mib=cache_mib))
        self.coding = coding
        self.peers = PEERS[coding]

    def check(self, server):
        with RawClient(server.port) as client:
            plain = client.request("GET", self.driver.path)
            check.expect(server, "coding of the page unasked", plain.get("content-encoding"), None)
            for _ in range(3):  # where it is stored: the last one at least
                coded = client.request("GET", self.driver.path, [("Accept-Encoding", self.coding)])
                check.expect(server, "coding of the page", coded.get("content-encoding"), self.coding)
                check.expect(server, "page", DECODERS[self.coding](coded.body), plain.body)

    def measure(self, server, seconds):
        figures = super().measure(server, seconds)
        with RawClient(server.port) as client:  # it may be compressed better by now
            sent = client.request("GET", self.path(server), [("Accept-Encoding", self.coding)])
        return {**figures, "sent_kib": len(sent.body) / 1024}

    def path(self, server):
        return self.driver.path


class FoundCoded(Coded):
    """Compressed once, for all; beside an answer as long as the coded page that is stored as it is."""

    bar_peer = "weir-plain"
    plain = Wrk("/keep/30k")

    def __init__(self, name, what, coding, bar=None):
        super().__init__(name, what, "/keep/html", coding, bar, cache_mib=64)
        self.peers = (*self.peers, self.bar_peer)

    def check(self, server):
        if server.name == self.bar_peer:
            check.answer(server, self.plain.path)
        else:
            super().check(server)

    def path(self, server):
        return self.plain.path if server.name == self.bar_peer else self.driver.path

    def load(self, server, seconds):
        return (self.plain if server.name == self.bar_peer else self.driver).run(server, seconds)


class Events(Scenario):
    """Server-sent events through gzip: how long after its sending does each reach the client?"""

    name = "sse_gzip"
    what = "an event every 20 ms, compressed with gzip: how late it comes"
    main = "p50_ms"
    columns = ("p50_ms", "p99_ms", "cpu_us", "errors")
    features = Features(coding="gzip", unbuffered=True)
    peers = ("nginx", "haproxy")
    SENT = re.compile(rb"data: (\d+)\n\n")

    def check(self, server):
        late, whole = self.events(server, 3)
        if not whole or len(late) < 3:
            raise check.Wrong(f"{server.name}: {len(late)} events came")

    def measure(self, server, seconds):
        before = cpu_seconds(server.pid)
        late, whole = self.events(server, int(seconds * 50))
        settle()
        used = cpu_seconds(server.pid) - before
        return {
            "p50_ms": quantile(late, 0.5) * 1e3,
            "p99_ms": quantile(late, 0.99) * 1e3,
            "cpu_us": used / len(late) * 1e6,
            "errors": 0 if whole else 1,
        }

    def events(self, server, count):
        """How late each of `count` events came, in seconds; whether each could be read when it came."""
        late = []
        text = b""
        decoder = zlib.decompressobj(31)
        with RawClient(server.port) as client:
            client.send(b"GET /events HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n")
            head = client.read_until(b"\r\n\r\n").lower()
            if b"content-encoding: gzip" not in head:
                raise check.Wrong(f"{server.name}: the events are not compressed: {head!r}")
            while len(late) < count:
                size = int(client.read_until(b"\r\n").split(b";")[0], 16)
                if size == 0:
                    return late, False
                text += decoder.decompress(client.read_exactly(size))
                client.read_exactly(2)
                now = time.monotonic_ns()
                for event in self.SENT.finditer(text):
                    late.append((now - int(event[1])) / 1e9)
                text = text[text.rfind(b"\n\n") + 2 :] if b"\n\n" in text else text
        return late, True
