"""Workers and the compressor killed in a loop, while every compressed answer is decoded and compared."""

import contextlib
import os
import pathlib
import random
import signal
import sys
import threading
import time

from harness import Closed, Daemon, is_long, limit, run_program, verdict, wait_until

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
from harness.coding import Pages, decode, site, whole  # noqa: E402
from harness.fleet import counters  # noqa: E402

SECONDS = 60 if is_long() else 6
TARGETS, SIZE = 6, 120_000
CODINGS = ("gzip", "deflate")  # that are undone here: a program for each answer would be all the load


class Texts:
    """The origin's pages: each has versions, of which an answer must be one that was current while it was asked for."""

    def __init__(self):
        self.versions = [0] * TARGETS
        self.lock = threading.Lock()

    @staticmethod
    def body(target, version):
        """Compressible, and each byte of it tells whose it is; many threads make them."""
        numbers = random.Random(target * 1000 + version)
        line = f"target {target} version {version} number".encode()
        return b"".join(b"%b %d\n" % (line, numbers.randrange(10**6)) for _ in range(SIZE // 36))

    def page(self, target):
        def answer(_):
            with self.lock:
                version = self.versions[target]
            fields = f'Content-Type: text/html\r\nCache-Control: max-age=600\r\nETag: "v{version}"\r\nX-Version: {version}'
            return whole(self.body(target, version), fields)

        return answer


class Reader(threading.Thread):
    def __init__(self, weir, texts, until):
        super().__init__()
        self.weir, self.texts, self.until = weir, texts, until
        self.answers = self.broken = 0
        self.faults = []
        self.known = {}

    def run(self):
        while time.monotonic() < self.until and not self.faults:
            with contextlib.suppress(Closed, OSError), self.weir.connect() as client:
                for _ in range(100):
                    if time.monotonic() >= self.until or self.faults:
                        break
                    self.broken += 1
                    self.one(client)
                    self.broken -= 1

    def one(self, client):
        target, coding = random.randrange(TARGETS), random.choice(CODINGS)
        got = client.request("GET", f"/{target}", [("Accept-Encoding", coding)])
        self.answers += 1
        if got.status != 200:
            self.broken += 1
            return
        version = int(got["X-Version"])
        if (target, version) not in self.known:
            self.known[target, version] = self.texts.body(target, version)
        if decode(got.get("Content-Encoding"), got.body) != self.known[target, version]:
            self.faults.append(f"{target} version {version} in {got.get('Content-Encoding')}: another body")


@limit(180)
def test_killed_while_copies_are_made_and_given():
    """No answer decodes to anything but the body that its own head speaks of."""
    texts = Texts()
    places = "cache = pages\ncompress = gzip deflate\ncompress_cached_uses = 5\ncompress_level = gzip:1 deflate:1"
    with Pages({f"/{n}": texts.page(n) for n in range(TARGETS)}) as origin:
        text = site(origin, places, "[cache pages]\nsize = 4m")
        with Daemon(text, main="compress_cached_cpu = 50", workers=2, allow=["signal 9"]) as weir:
            until = time.monotonic() + SECONDS
            readers = [Reader(weir, texts, until) for _ in range(3)]
            for reader in readers:
                reader.start()
            kills = 0
            while time.monotonic() < until and not any(reader.faults for reader in readers):
                role = random.choice(("worker", "worker", "compressor"))
                pids = weir.children().get(role, [])
                if pids:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(random.choice(pids), signal.SIGKILL)
                    kills += 1
                target = random.randrange(TARGETS)
                with texts.lock:
                    texts.versions[target] += 1
                run_program("weirctl", "-c", weir.config_file, "-p", weir.prefix, "purge", f"http://LocalHost:{weir.port('http')}/{target}")
                time.sleep(random.uniform(0.01, 0.2))  # when a kill hits is the variable of this test
            for reader in readers:
                reader.join()
            faults = [fault for reader in readers for fault in reader.faults]
            assert not faults, faults
            assert wait_until(lambda: len(weir.workers()) == 2)
            sums = counters(weir)
            done = run_program("weirctl", "-c", weir.config_file, "-p", weir.prefix, "check-zones")
            assert done.returncode == 0, done
            answers = sum(reader.answers for reader in readers)
            broken = sum(reader.broken for reader in readers)
            assert answers > 100 and sums["cache_copies_used"] > 0, (answers, sums)
            verdict("wrong compressed bodies", f"0 of {answers} ({kills} kills, {broken} broken off)")
