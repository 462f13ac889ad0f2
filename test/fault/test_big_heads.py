"""F50: heads of a megabyte, and of ten thousand fields: refused early, and little of them is read."""

import time

from harness import Daemon, RawClient, verdict, wait_until
from net_support import counter, own_memory, pick

SITE = """
[server web]
listen = 127.0.0.1:@http@
return = 200 "ok"
"""
READ_MAX = 64 * 1024
START = b"GET / HTTP/1.1\r\nHost: a\r\n"
HEADS = {
    "a head of 1 MiB in one field": (START + b"X: " + b"x" * (1 << 20) + b"\r\n\r\n", 431),
    "a head of 1 MiB in 1,000 fields": (START + (b"X: " + b"x" * 1020 + b"\r\n") * 1024 + b"\r\n", 431),
    "10,000 fields": (START + b"X: y\r\n" * 10000 + b"\r\n", 431),
    "10,000 empty fields": (START + b"X:\r\n" * 10000 + b"\r\n", 431),
    "1,000 fields": (START + b"X: y\r\n" * 1000 + b"\r\n", 400),
    "a target of 1 MiB": (b"GET /" + b"x" * (1 << 20) + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    "a method of 1 MiB": (b"X" * (1 << 20) + b" / HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    "a field name of 1 MiB": (START + b"X" * (1 << 20) + b": y\r\n\r\n", 431),
    "1 MiB of line ends": (b"\r\n" * (1 << 19), 400),
}


def send_all_that_is_taken(client, data):
    """Sends until the other side has had enough; says what it answered."""
    try:
        client.send(data)
    except OSError:
        pass
    return client.read_response().status


def bytes_read(weir):
    """What weir has read of clients, what it threw away included; counted a moment after the end of a connection."""
    last = [time.monotonic(), -1]

    def settled():
        now = counter(weir, "bytes_in") + counter(weir, "bytes_discarded")
        if now != last[1]:
            last[:] = [time.monotonic(), now]
        return time.monotonic() - last[0] > 0.6  # longer than a worker is kept from counting on a busy machine

    wait_until(settled, 10, "the bytes to be counted")
    return last[1]


def test_big_heads():
    """Each is refused with the status that says why, after at most 64 KiB of it were read."""
    each, most, attackers = pick(3, 100), 0, 0
    with Daemon(SITE) as weir:
        memory = own_memory(weir)
        for what, (head, expected) in HEADS.items():
            before = bytes_read(weir)
            for _ in range(each):
                with RawClient(weir.port("http")) as client:
                    got = send_all_that_is_taken(client, head)
                    assert got == expected, f"{what}: {got}, not {expected}"
            wait_until(lambda: counter(weir, "connections_active") == 0, 10, "the connections to be gone")
            read = (bytes_read(weir) - before) // each
            most, attackers = max(most, read), attackers + each
            assert 0 < read <= READ_MAX, f"{what}: {read} bytes were read"
        grown = own_memory(weir) - memory
    verdict("F50", f"{attackers} heads of 1 MiB or 10,000 fields refused, at most {most} bytes of one read, {grown} KiB more")
    assert grown < 2048
