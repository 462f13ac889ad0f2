"""The machine's memory runs out: for an instance that runs, and for one that starts (F25, F26)."""

import contextlib
import os
import pathlib
import re
import socket
import subprocess
import sys
import time

from harness import Daemon, Echo, Failure, limit, needs, program, scratch, verdict, wait_until
from support import ORIGIN_SITE, Load, private_network
from support.memory_group import MemoryGroup, can_limit_memory

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
from test_process import pids  # noqa: E402

MIB = 1 << 20


def slow_reader(port):
    """Asks for a large answer and takes nothing of it."""
    sock = socket.create_connection(("127.0.0.1", port))
    sock.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nX-Echo: size=50m\r\n\r\n")
    return sock


@needs(can_limit_memory, "control groups with a memory limit")
@limit(90)
def test_memory_runs_out():
    """A control group's limit is hit: the kernel takes a worker, never the master, and service is back within a second."""
    private_network()
    allow = [r"from outside", r"could not be started", r"out of memory", r"memory is short", r"an allocation failed"]
    with MemoryGroup() as group, Echo("--size", "2", "--steer") as origin:
        with Daemon(ORIGIN_SITE.format(origin=origin.address), workers=2, allow=allow) as weir:
            family = [pid for found in weir.children().values() for pid in found]
            group.add(weir.pid, *family)
            with Load(weir.port("http"), fresh=8, kept=8, expect="ab", timeout_ms=10000) as load:
                load.more(1000)
                # charges of before stay with the group of before: what comes now is counted
                group.limit(group.used() + 4 * MIB)
                readers = []
                start = time.monotonic()

                def squeezed():
                    with contextlib.suppress(OSError):
                        readers.append(slow_reader(weir.port("http")))
                    return re.search(r"was killed by signal 9 \(SIGKILL\)", weir.log)

                try:
                    wait_until(squeezed, 40, "the kernel to kill")
                finally:
                    for reader in readers:
                        reader.close()
                start = time.monotonic()
                load.more(100)
                wait_until(lambda: len(pids(weir, "worker")) == 2, 20, "two workers")
                back = time.monotonic() - start
                group.limit(512 * MIB)
                load.more(500)
                seen = load.stop()
            victims = re.findall(r"\] \d+: (\w+)[^\n]* was killed by signal 9", weir.log)
            good = weir.alive() and not seen.total["refused"] and "worker" in victims
            verdict("F25", f"memory limit hit with {len(readers)} slow readers: the kernel took {len(victims)} x "
                           f"{'/'.join(sorted(set(victims)))}, the master lives, all back after {1000 * back:.0f} ms, "
                           f"{seen.answered:,} answered, {seen.failed}", good)  # fmt: skip
            assert good, (victims, load.why())


@needs(can_limit_memory, "control groups with a memory limit")
@limit(30)
def test_no_memory_for_zones():
    """Too little memory for the zones: the start is refused with the number that is needed, and nothing dies later."""
    folder = scratch("small")
    config = "[main]\ndaemon = off\npid = weir.pid\nstate_path = .\n[server web]\nlisten = unix:web.sock\nreturn = 200\n"
    (folder / "weir.ini").write_text(config)
    with MemoryGroup() as group:
        group.limit(7 * MIB)
        done = subprocess.run(
            [str(program("weir")), "-p", f"{folder}/", "-c", "weir.ini"],
            preexec_fn=lambda: group.add(os.getpid()), capture_output=True, text=True, timeout=20, check=False,
        )  # fmt: skip
    said = re.search(r'zone "\w+" \((\d+) bytes\) could not be made: not enough memory', done.stderr)
    good = done.returncode == 1 and said is not None
    verdict("F26", f"7 MiB for all: exit code {done.returncode}, \"{said and said[0]}\"", good)
    if not good:
        raise Failure(f"exit code {done.returncode}: {done.stderr}")
