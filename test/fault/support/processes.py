"""Looking at processes from outside."""

import contextlib
import os
import pathlib
import signal

from harness import Failure, wait_until


def _stat(pid):
    return pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()


def process_state(pid):
    """R, S, D, T, Z as in ps; empty when there is no such process."""
    try:
        return _stat(pid)[0]
    except OSError:
        return ""


def cpu_seconds(pid):
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def stopped(*pids):
    """Stopped inside the block, going on after it."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
        wait_until(lambda pid=pid: process_state(pid) in "T", 5, "the process to stop")
    try:
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def owner_of(pids, port):
    """The process, of these, that has the connection whose own port this is."""
    rows = [line.split() for line in pathlib.Path("/proc/thread-self/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
    established = {f"socket:[{row[9]}]" for row in rows if row[3] == "01" and int(row[1].split(":")[1], 16) == port}
    for pid in pids:
        for fd in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                if os.readlink(f"/proc/{pid}/fd/{fd}") in established:
                    return pid
    raise Failure(f"none of {pids} has a connection from port {port}")
