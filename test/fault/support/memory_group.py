"""A control group with a memory limit, of either hierarchy; what runs in it is asked to join by pid."""

import contextlib
import os
import pathlib
import signal

from harness import Failure, wait_until

V1, V2 = pathlib.Path("/sys/fs/cgroup/memory"), pathlib.Path("/sys/fs/cgroup")


def _base():
    """The folder to make groups in, and whether it is of the first hierarchy."""
    if (V1 / "memory.limit_in_bytes").exists():
        return V1, True
    return V2, False


def can_limit_memory():
    """May groups be made here, and do they have a memory limit?"""
    try:
        with MemoryGroup():
            return True
    except (OSError, Failure):
        return False


class MemoryGroup:
    def __init__(self):
        base, self.first = _base()
        self.folder = base / f"weir-test-{os.getpid()}"
        self.folder.mkdir()
        self.limit_file = self.folder / ("memory.limit_in_bytes" if self.first else "memory.max")
        if not self.limit_file.exists():
            self.folder.rmdir()
            raise Failure("no memory controller")

    def add(self, *pids):
        for pid in pids:
            (self.folder / "cgroup.procs").write_text(str(pid))

    def limit(self, size):
        swap = self.folder / ("memory.memsw.limit_in_bytes" if self.first else "memory.swap.max")
        wanted = str(size) if self.first else "0"  # no swap to hide in, where swap is accounted
        # of the first hierarchy's two limits one may not pass the other: raised before, lowered after
        with contextlib.suppress(OSError):
            swap.write_text(wanted)
        self.limit_file.write_text(str(size))
        with contextlib.suppress(OSError):
            swap.write_text(wanted)

    def used(self):
        name = "memory.usage_in_bytes" if self.first else "memory.current"
        return int((self.folder / name).read_text())

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is not None:  # the test failed: what it started is in its way
            for pid in (self.folder / "cgroup.procs").read_text().split():
                os.kill(int(pid), signal.SIGKILL)

        def gone():
            try:
                self.folder.rmdir()
            except OSError:
                return False
            return True

        wait_until(gone, 10, "the control group to be empty")
