"""A network and mounts of the test's own: its counters, ports and full disks touch nobody else.

Both need the right to make namespaces; without it a scenario fails and says so, for a skipped fault would look
like one that was survived.
"""

import ctypes
import fcntl
import os
import pathlib
import socket
import struct

from harness import Failure, scratch

CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000
MS_NOSUID, MS_NODEV, MS_REC, MS_PRIVATE = 2, 4, 0x4000, 1 << 18
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1

_libc = ctypes.CDLL(None, use_errno=True)


def _unshare(flags, what):
    if _libc.unshare(flags) != 0:
        raise Failure(f"no {what} of its own: {os.strerror(ctypes.get_errno())} (run as root, or in a user namespace)")


def private_network():
    """From here on this process and what it starts have a loopback of their own."""
    _unshare(CLONE_NEWNET, "network")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(sock, SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(sock, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))


def private_mounts():
    """From here on what this process mounts is seen by it and its children alone, and goes with them."""
    _unshare(CLONE_NEWNS, "mounts")
    if _libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None) != 0:
        raise Failure(f"mounts can't be made private: {os.strerror(ctypes.get_errno())}")


def tmpfs(size):
    """A folder that holds so many bytes (after private_mounts())."""
    folder = scratch("tmpfs")
    options = f"size={size},mode=0777".encode()
    if _libc.mount(b"tmpfs", bytes(folder), b"tmpfs", MS_NOSUID | MS_NODEV, options) != 0:
        raise Failure(f"no tmpfs: {os.strerror(ctypes.get_errno())}")
    return folder


class Counters:
    """The kernel's TCP counters of this network since they were last asked for."""

    NAMES = ("EstabResets", "AttemptFails", "ListenDrops", "ListenOverflows")

    def __init__(self):
        self.start = self._read()

    @staticmethod
    def _read():
        found = {}
        for file in ("snmp", "netstat"):
            lines = pathlib.Path(f"/proc/thread-self/net/{file}").read_text(encoding="ascii").splitlines()
            for names, values in zip(lines[::2], lines[1::2]):
                found.update(zip(names.split()[1:], map(int, values.split()[1:])))
        return found

    def since(self):
        now = self._read()
        return {name: now[name] - self.start[name] for name in self.NAMES}
