"""The origin behind every proxy: build/MODE/bench-origin at four ports, two threads."""

import subprocess

from harness import free_ports, wait_until

PORTS = 4
THREADS = 2

# What /small and so on answer with, as origin.cc makes it.
SIZES = {"/small": 128, "/1k": 1024, "/10k": 10 * 1024, "/100k": 100 * 1024, "/30k": 31000, "/1m": 1024 * 1024, "/chunked": 10 * 1024}


def body_of(path):
    size = SIZES[path]
    alphabet = bytes(range(ord("a"), ord("z") + 1))
    return (alphabet * (size // len(alphabet) + 1))[:size]


class Origin:
    def __init__(self, build):
        self.first = free_ports(PORTS)
        self.ports = range(self.first, self.first + PORTS)
        self.process = subprocess.Popen(
            [str(build / "bench-origin"), str(self.first), str(PORTS), str(THREADS)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        if self.process.stdout.readline() != b"listening\n":
            raise RuntimeError("bench-origin does not listen")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        wait_until(lambda: self.process.poll() is not None, 10, "bench-origin to end")
