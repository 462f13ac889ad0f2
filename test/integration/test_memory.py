"""What a worker holds when it has nothing to do."""

from harness import Daemon, Echo, RawClient, modes, wait_until

CROWD = 300


def anonymous_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("RssAnon:"))


@modes("release", "hooks")  # sanitizers keep what is freed
def test_what_a_crowd_left_warm_is_given_back():
    """When a crowd is idle again the memory of its requests goes back to the system, not only to the allocator."""
    with Echo("--delay", "300ms") as echo:
        config = f"""
[upstream origin]
server = {echo.address}
[server web]
listen = 127.0.0.1:@http@
keepalive_timeout = 60s
upstream = origin
"""
        with Daemon(config, workers=1) as weir:
            (worker,) = weir.workers()
            clients = [RawClient(weir.port("http")) for _ in range(CROWD)]
            highest = 0
            for client in clients:
                client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            for client in clients:
                assert client.read_response().status == 200
                highest = max(highest, anonymous_kib(worker))
            # An exchange has an arena of 8 KiB, of which a small one touches half, and objects of 3 KiB.
            wait_until(lambda: anonymous_kib(worker) < highest - CROWD * 3, 20, "the memory to be given back")
            for client in clients:  # and they are all still there
                client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            for client in clients:
                assert client.read_response().status == 200
                client.close()
