"""System calls and allocations of weir that fail on demand: faults.c, preloaded, told what to do through a file."""

import errno
import mmap
import pathlib
import struct
import subprocess

from harness import Failure, scratch

KINDS = ("accept", "socket", "connect", "fork", "malloc", "pread", "writev")
WORDS = ("pid", "error", "after", "times", "seen", "failed")


class Shim:
    """Daemon(..., environment=shim.environment); then shim.set("accept", errno.ENFILE, times=3)."""

    def __init__(self):
        folder = scratch("shim")
        library, control = folder / "faults.so", folder / "control"
        source = pathlib.Path(__file__).parent / "faults.c"
        command = ["gcc", "-shared", "-fPIC", "-O1", "-fno-builtin", "-Wall", "-Wextra", "-o", library, source, "-ldl"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Failure(f"faults.c does not compile:\n{done.stderr}")
        size = 8 * (len(KINDS) * len(WORDS) + 1)
        control.write_bytes(bytes(size))
        control.chmod(0o666)
        with open(control, "r+b") as file:
            self.words = mmap.mmap(file.fileno(), size)
        self.environment = {"LD_PRELOAD": str(library), "WEIR_TEST_SHIM": str(control)}

    def _put(self, index, value):
        struct.pack_into("<q", self.words, 8 * index, value)

    def _at(self, kind, word):
        return KINDS.index(kind) * len(WORDS) + WORDS.index(word)

    def get(self, kind, word="failed"):
        return struct.unpack_from("<q", self.words, 8 * self._at(kind, word))[0]

    def set(self, kind, error=errno.ENOMEM, pid=0, after=0, times=-1):
        """From now on calls of this kind fail: all, or the `times` next ones after `after` good ones."""
        self.clear(kind)
        for word, value in (("pid", pid), ("after", after), ("times", times), ("seen", 0), ("failed", 0)):
            self._put(self._at(kind, word), value)
        self._put(self._at(kind, "error"), error)  # last: it arms the others

    def clear(self, kind):
        self._put(self._at(kind, "error"), 0)

    def step_clock(self, seconds):
        """The wall clock of all processes is off by so much."""
        self._put(len(KINDS) * len(WORDS), seconds)
