"""Ports that nobody else takes while the test runs.

Chosen below the kernel's range for outgoing connections, and held by an abstract Unix socket per port, so that
tests running side by side (also those of other runs on this machine) never choose the same one.
"""

import random
import socket

_held = []


def _free(port):
    """Can every address of this machine bind it, TCP over IPv4 (and IPv6 where it exists)?"""
    for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        try:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind((address, port))
        except OSError as error:
            if family == socket.AF_INET6 and error.errno in (97, 99):  # no IPv6 here
                continue
            return False
    return True


def _hold(port):
    lock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        lock.bind(f"\0weir-test-port-{port}")
    except OSError:
        lock.close()
        return None
    return lock


def free_ports(count):
    """`count` consecutive free ports; the first is returned."""
    for _ in range(1000):
        first = random.randrange(10000, 32000 - count)
        locks = []
        for port in range(first, first + count):
            lock = _hold(port)
            if lock is None:
                break
            locks.append(lock)
            if not _free(port):
                break
        else:
            _held.extend(locks)
            return first
        for lock in locks:
            lock.close()
    raise RuntimeError("no free ports")


def free_port():
    return free_ports(1)
