"""A thousand virtual hosts with two routes each: how long until they are served, and until a change is?"""

import dataclasses
import time

import check
from harness import wait_until
from measuring import cpu_seconds, memory_bytes, tree
from scenario import Scenario
from servers import Features, settle
from statistic import median

HOSTS = 1000
TIMES = 3  # a round: its figure is their median
LAST = f"h{HOSTS - 1}.example.com"


def generation_served(server):
    """The X-Generation of an answer over a new connection; None while there is none."""
    response = server.answers("/a/small", LAST)
    return response and response.get("x-generation")


def seconds_until(server, generation):
    start = time.monotonic()
    while generation_served(server) != str(generation):
        if time.monotonic() - start > 30:
            raise check.Wrong(f"{server.name} does not serve generation {generation}: {server.said()}")
        time.sleep(0.001)
    return time.monotonic() - start


class Hosts(Scenario):
    columns = ("ms", "cpu_ms", "pss_mib", "errors")
    main = "ms"
    bar = 1.0
    features = Features(hosts=HOSTS)

    def check(self, server):
        for host in ("h0.example.com", LAST, "nobody.example.com"):
            for path in ("/a/small", "/b/small"):
                response = check.answer(server, path, host=host)
                wanted = None if host.startswith("nobody") else "1"
                check.expect(server, f"X-Generation of {host}", response.get("x-generation"), wanted)

    def measure(self, server, seconds):
        measured = [self.once(server) for _ in range(TIMES)]
        return {figure: median([one[figure] for one in measured]) for figure in measured[0]}

    def once(self, server):
        raise NotImplementedError


class HostsStart(Hosts):
    name = "vhosts_start"
    what = f"{HOSTS:,} virtual hosts, two routes each: from exec until the last of them is served"

    def once(self, server):
        server.stop()
        server.features = dataclasses.replace(server.features, generation=1)
        server.write_config()
        server.launch()
        took = seconds_until(server, 1)
        settle()
        return {
            "ms": took * 1000,
            "cpu_ms": cpu_seconds(server.pid) * 1000,
            "pss_mib": memory_bytes(server.pid) / 2**20,
            "errors": 0,
        }


class HostsReload(Hosts):
    name = "vhosts_reload"
    what = f"{HOSTS:,} virtual hosts, all of them changed: from the signal until the new configuration answers"

    def once(self, server):
        generation = server.features.generation + 1
        server.features = dataclasses.replace(server.features, generation=generation)
        server.write_config()
        processes = len(tree(server.pid))
        used = cpu_seconds(server.pid)
        server.reload()
        took = seconds_until(server, generation)
        # the old generation has nothing to do and leaves; its end belongs to the price
        wait_until(lambda: len(tree(server.pid)) <= processes, 20, f"{server.name}'s old processes to leave")
        settle()
        return {
            "ms": took * 1000,
            "cpu_ms": (cpu_seconds(server.pid) - used) * 1000,
            "pss_mib": memory_bytes(server.pid) / 2**20,
            "errors": 0,
        }
