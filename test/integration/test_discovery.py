"""Peers that come and go by themselves: found in a file, by DNS, ordered with weirctl."""

import contextlib
import json
import os
import re
import signal
import threading
import time

from harness import Daemon, FakeDns, ScriptedOrigin, free_port, run_program, scratch, wait_until
from harness.dns import AAAA, CNAME, NXDOMAIN, SERVFAIL, SRV, A


def named(name, **where):
    """An origin whose answers say who it is."""
    return ScriptedOrigin(f"HTTP/1.1 200 OK\r\nX-Origin: {name}\r\nContent-Length: 2\r\n\r\nok".encode(), **where)


def config(discover, more="", upstream=""):
    return f"""
[upstream found]
{discover}
{upstream}
[server web]
listen = 127.0.0.1:@http@
upstream = found
{more}
"""


def put(weir, name, text):
    """Replaces a file by renaming, as whoever writes lists of peers should."""
    path = weir.prefix / name  # or `name` itself where that is absolute
    temporary = path.with_suffix(".tmp")
    temporary.write_text(text)
    temporary.rename(path)


def lines(*origins):
    return "".join(f"{origin.address}\n" for origin in origins)


def answered_by(weir, rounds=8):
    """Who answers: the names of the origins of some requests; None for one that got no answer of theirs."""
    seen = set()
    for _ in range(rounds):
        response = weir.get()
        seen.add(response.get("X-Origin") if response.status == 200 else None)
    return seen


def wait_members(weir, names, limit=15.0):
    """Waits until there are as many peers in use as names, and requests go to those.

    Answers alone do not tell while there is other load: two clients that ask by turns may for a while get one of two
    peers each, or two of three.
    """

    def are_members():
        used = [peer for peer in peers(weir).values() if not peer["backup"] and not peer["order"]]
        return len(used) == len(names) and answered_by(weir) == set(names)

    wait_until(are_members, limit, f"requests to go to {sorted(names)}")


def ctl(weir, *words, code=0):
    """weirctl, which must end with that exit status; its output, of both kinds."""
    done = run_program("weirctl", "-c", weir.config_file, "-p", f"{weir.prefix}/", *words)
    assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
    return done.stdout + done.stderr


def peers(weir, group="found"):
    """What weirctl lists, by address."""
    document = json.loads(ctl(weir, "upstream", "list", group, "--json"))
    return {peer["peer"]: peer for peer in document["upstreams"][0]["peers"]}


def kill_housekeeper(weir):
    (pid,) = weir.children()["housekeeper"]
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: set(weir.children().get("housekeeper", [])) - {pid}, 15, "another housekeeper")


DEAD_HOUSEKEEPER = [r"housekeeper .* signal 9", r"housekeeper.*SIGKILL"]


class Load(threading.Thread):
    """Requests one behind the other until it is stopped; counts those that failed."""

    def __init__(self, weir):
        super().__init__(daemon=True)
        self.weir, self.done, self.failed, self.failures = weir, 0, 0, []
        self.stopping = threading.Event()

    def run(self):
        while not self.stopping.is_set():
            try:
                with self.weir.connect() as client:
                    for _ in range(20):
                        response = client.request("GET", "/")
                        self.done += 1
                        if response.status != 200:
                            self.failed += 1
                            self.failures.append(response.status)
                        if self.stopping.is_set() or response.get("Connection") == "close":
                            break
            except Exception as problem:  # whatever it is, it is a request that failed
                self.failed += 1
                self.failures.append(repr(problem))

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.join(20)
        assert not self.is_alive(), "the load does not end"


# A file


def test_peers_of_a_file_come_and_go_under_load():
    """Each change of the file is taken up without a reload, and no request fails by it."""
    with named("a") as a, named("b") as b, named("c") as c:
        discover = "discover = file path=peers.txt interval_min=100ms"
        with Daemon(config(discover), workers=2, files={"peers.txt": lines(a)}) as weir:
            wait_members(weir, "a")
            with Load(weir) as load:
                put(weir, "peers.txt", "# three\n" + lines(a, b, c))
                wait_members(weir, "abc")
                put(weir, "peers.txt", lines(b, c))
                wait_members(weir, "bc")
                (weir.prefix / "peers.txt").write_text(lines(a, b, c))  # in place
                wait_members(weir, "abc")
                kill_housekeeper(weir)
                put(weir, "peers.txt", lines(c, a))
                wait_members(weir, "ac")
                before = load.done
                wait_until(lambda: load.done > before + 50, 15, "the load to go on")
            assert load.failed == 0, load.failures[:5]
            said = r"\[notice\].*upstream found: file .*peers.txt: "
            assert re.findall(said + "(.*)", weir.log)[0] == f"+{a.address} (1 peers)"
            weir.wait_log(said + rf"-{a.address} \(2 peers\)")
            weir.wait_log(said + rf"-{b.address} \(2 peers\)")
            weir.allow += [re.compile(line) for line in DEAD_HOUSEKEEPER]


def test_a_request_in_flight_outlives_its_peer():
    """A peer that leaves while it answers finishes its answer, for a client that keeps its connection."""
    go = threading.Event()

    def slow(connection):
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc")
        go.wait(20)
        connection.send(b"def")
        connection.read_to_end()

    with ScriptedOrigin(slow) as a, named("b") as b:
        files = {"peers.txt": lines(a)}
        with Daemon(config("discover = file path=peers.txt interval_min=100ms"), files=files) as weir:
            wait_until(lambda: a.address in peers(weir), 15, "the peer to be found")
            with weir.connect() as client:
                client.send_request()
                client.read_until(b"abc")
                assert peers(weir)[a.address]["in_flight"] == 1
                put(weir, "peers.txt", lines(b))  # one for one: nothing shrinks
                wait_until(lambda: set(peers(weir)) == {b.address}, 15, "the other peer")
                assert answered_by(weir) == {"b"}
                go.set()
                assert client.read_exactly(3) == b"def"
                assert client.request("GET", "/").get("X-Origin") == "b"


def test_a_file_that_makes_no_sense_leaves_the_last_set():
    """Broken JSON, an empty file, one that is gone: the last peers serve, and each trouble is said once."""
    with named("a") as a, named("b") as b:
        good = json.dumps([a.address, {"address": b.address, "weight": 2}])
        discover = "discover = file path=lists/peers.json interval_min=100ms"
        with Daemon(config(discover), files={"lists/peers.json": good}) as weir:
            wait_members(weir, "ab")
            assert peers(weir)[b.address]["weight"] == 2
            put(weir, "lists/peers.json", good[:-1] + ",\n  nonsense]")
            weir.wait_log(r"\[warn\].*peers.json:2: not well-formed JSON: the last 2 peers stay")
            assert answered_by(weir) == {"a", "b"}
            put(weir, "lists/peers.json", "[]")
            weir.wait_log(r"\[warn\].*an empty set: the last 2 peers stay")
            (weir.prefix / "lists/peers.json").unlink()
            weir.wait_log(r"\[warn\].*can't be read \(2: .*: the last 2 peers stay")
            assert answered_by(weir) == {"a", "b"}
            put(weir, "lists/peers.json", "[]")
            wait_until(lambda: weir.log.count("an empty set") == 2, 15, "the second trouble of that kind to be said")
            put(weir, "lists/peers.json", json.dumps([a.address, b.address, "127.0.0.1:1"]))
            weir.wait_log(r"\[notice\].*\+127.0.0.1:1, ~")
            assert weir.log.count("not well-formed") == 1


def test_a_file_without_half_of_its_peers_is_read_twice():
    """A set that shrinks by half is held until a second reading says the same."""
    with named("a") as a, named("b") as b:
        # The second reading is far away: what serves until then is the whole set.
        discover = "discover = file path=peers.txt interval_min=10m interval_max=10m"
        with Daemon(config(discover), files={"peers.txt": lines(a, b)}) as weir:
            wait_members(weir, "ab")
            put(weir, "peers.txt", lines(b))
            weir.wait_log(r"\[warn\].*only 1 of 2 peers: held until confirmed")
            assert answered_by(weir) == {"a", "b"}
            put(weir, "peers.txt", "# for sure\n" + lines(b))
            wait_members(weir, "b")
            weir.reload(config("discover = file path=peers.txt interval_min=100ms"))
            put(weir, "peers.txt", lines(a, b))
            wait_members(weir, "ab")
            put(weir, "peers.txt", lines(a))
            wait_members(weir, "a")  # it looks again by itself


def test_a_cold_start_needs_no_registry():
    """With the file gone, the peers of the last run serve from the first request on."""
    registry = scratch("registry")
    registry.chmod(0o755)
    with named("a") as a, named("b") as b:
        text = config(f"discover = file path={registry}/peers.txt interval_min=100ms")
        (registry / "peers.txt").write_text(lines(a, b))
        with Daemon(text) as weir:
            wait_members(weir, "ab")
            saved = (weir.prefix / "run/upstreams/peers.json").read_text()
            assert os.stat(weir.prefix / "run/upstreams").st_mode & 0o777 == 0o700
        (registry / "peers.txt").unlink()
        with Daemon(text, files={"run/upstreams/peers.json": saved}) as weir:
            wait_members(weir, "ab")
            weir.wait_log(r"\[warn\].*can't be read.*: the last 2 peers stay")
            put(weir, registry / "peers.txt", lines(b))  # half of what was saved: read twice
            weir.wait_log(r"only 1 of 2 peers")
            wait_members(weir, "b")
        with Daemon(text, files={"run/upstreams/peers.json": saved[:-20]}) as weir:
            weir.wait_log(r"\[error\].*what is saved of upstreams is not used: .*makes no sense")
            wait_members(weir, "b")


def test_a_file_and_its_folder_may_come_later():
    """weir starts without the folder of the list; the group answers 502 or 503 until it is there."""
    with named("a") as a:
        with Daemon(config("discover = file path=later/peers.txt interval_min=100ms")) as weir:
            weir.wait_log(r"\[warn\].*can't be read.*: no peers yet")
            assert weir.get().status in (502, 503)
            (weir.prefix / "later").mkdir()
            put(weir, "later/peers.txt", lines(a))
            wait_members(weir, "a")


def test_a_reload_keeps_members_and_takes_those_of_a_removed_line():
    """Members stay over reloads and a dead housekeeper; with its line a source's peers go, for new workers at once."""
    with named("a") as a, named("b") as b, named("c") as c:
        one = "discover = file path=one.txt interval_min=100ms weight=2"
        two = "discover = file path=two.txt interval_min=100ms max_fails=7"
        files = {"one.txt": lines(a, b), "two.txt": lines(b, c)}
        with Daemon(config(f"{one}\n{two}"), files=files, workers=2) as weir:
            wait_members(weir, "abc")
            assert {at: peer["weight"] for at, peer in peers(weir).items()} == {a.address: 2, b.address: 2, c.address: 1}
            with Load(weir) as load:
                weir.reload()
                assert set(peers(weir)) == {a.address, b.address, c.address}
                kill_housekeeper(weir)
                assert set(peers(weir)) == {a.address, b.address, c.address}
                weir.reload(config(f"{two}\n{one}"))  # the other way round: b is now found by the other line
                wait_until(lambda: peers(weir)[b.address]["weight"] == 1, 15, "b to have the other line's weight")
                weir.reload(config(two))
                wait_members(weir, "bc")
                assert set(peers(weir)) == {b.address, c.address}
            assert load.failed == 0, load.failures[:5]
            weir.allow += [re.compile(line) for line in DEAD_HOUSEKEEPER]


def test_a_peer_of_the_file_that_is_found_too_is_one():
    """The server line's options count, and the peer stays when the source drops it."""
    with named("a") as a, named("b") as b:
        text = config("discover = file path=peers.txt interval_min=100ms", upstream=f"server = {a.address} weight=5")
        with Daemon(text, files={"peers.txt": f"{a.address} weight=9 backup\n{b.address}\n"}) as weir:
            wait_members(weir, "ab", limit=20)
            listed = peers(weir)
            assert len(listed) == 2
            assert (listed[a.address]["weight"], listed[a.address]["source"]) == (5, "server")
            put(weir, "peers.txt", f"{b.address}\n127.0.0.1:1 backup\n")
            wait_until(lambda: "127.0.0.1:1" in peers(weir), 15, "the other peer")
            assert answered_by(weir, 20) == {"a", "b"}


# DNS


def wait_log_count(weir, pattern, count):
    wait_until(lambda: len(re.findall(pattern, weir.log)) >= count, 20, f"{count} times {pattern!r} in the log")


@contextlib.contextmanager
def resolved(discover, origins=2, workers=1, **options):
    """A resolver, origins "a", "b" ... on 127.0.0.1, 127.0.0.2 ... at one port, and weir with what it finds."""
    port = free_port()
    with contextlib.ExitStack() as stack:
        dns = stack.enter_context(FakeDns())
        for number in range(origins):
            stack.enter_context(named("abc"[number], port=port, host=f"127.0.0.{number + 1}"))
        text = config(discover.format(port=port, dns=dns.address))

        def start():
            weir = stack.enter_context(Daemon(text, workers=workers, **options))
            return weir

        yield dns, start, port


DNS = "discover = dns name=api.internal port={port} resolver={dns} interval_min=100ms timeout=1s"


def test_dns_is_followed_as_answers_expire():
    """Addresses come and go with the records; the time to live says when it is asked again."""
    with resolved(DNS, origins=3) as (dns, start, _):
        dns.set("api.internal", A, ["127.0.0.1"], ttl=0)
        weir = start()
        wait_members(weir, "a")
        with Load(weir) as load:
            dns.set("api.internal", A, ["127.0.0.1", "127.0.0.2", "127.0.0.3"], ttl=0)
            wait_members(weir, "abc")
            dns.set("api.internal", A, ["127.0.0.2", "127.0.0.3"], ttl=0)
            wait_members(weir, "bc")
        assert load.failed == 0, load.failures[:5]
        # From now on an answer is good for an hour: that one is asked for, and none after it.
        dns.set("api.internal", A, ["127.0.0.2", "127.0.0.3"], ttl=3600)

        def settled():
            before, end = dns.times_asked("api.internal"), time.monotonic() + 1
            while time.monotonic() < end:  # ten times as long as between two questions
                answered_by(weir)
            return dns.times_asked("api.internal") == before

        wait_until(settled, 30, "the questions to cease")
        dns.set("api.internal", A, ["127.0.0.1"], ttl=3600)
        asked = dns.times_asked("api.internal")
        for _ in range(40):
            assert answered_by(weir) == {"b", "c"}
        assert dns.times_asked("api.internal") == asked


def test_dns_that_fails_leaves_the_last_set():
    """NXDOMAIN, SERVFAIL, silence, a circle of CNAMEs, no record: the last good set serves; each is said once."""
    with resolved(DNS) as (dns, start, _):
        dns.set("api.internal", A, ["127.0.0.1", "127.0.0.2"], ttl=0)
        weir = start()
        wait_members(weir, "ab")
        with Load(weir) as load:
            dns.fail("api.internal", NXDOMAIN)
            weir.wait_log(r"\[warn\].*dns api.internal:\d+: no such name \(NXDOMAIN\): the last 2 peers stay")
            dns.fail("api.internal", SERVFAIL)
            weir.wait_log(r"\[warn\].*SERVFAIL\).*: the last 2 peers stay", 20)
            dns.silence("api.internal")
            weir.wait_log(r"\[warn\].*no answer in time: the last 2 peers stay", 30)
            dns.set("loop.internal", CNAME, ["api.internal"])
            dns.set("api.internal", CNAME, ["loop.internal"])
            weir.wait_log(r"\[warn\].*CNAMEs without an end: the last 2 peers stay", 40)
            wait_members(weir, "ab")
            dns.set("api.internal", CNAME, ["real.internal"])
            dns.set("real.internal", A, ["127.0.0.2", "127.0.0.1"], ttl=0)
            weir.wait_log(r"\[notice\].*well again, nothing has changed", 40)
        assert load.failed == 0, load.failures[:5]
        assert weir.log.count("NXDOMAIN") == 1


def test_dns_is_no_part_of_the_start():
    """A resolver that is silent holds up neither start nor reload; saved peers serve meanwhile."""
    with resolved(DNS) as (dns, start, port):
        dns.silence("api.internal")
        weir = start()  # ready within the harness's limit
        assert weir.get().status in (502, 503)
        dns.set("api.internal", A, ["127.0.0.1", "127.0.0.2"], ttl=0)
        wait_members(weir, "ab", limit=30)
        dns.silence("api.internal")
        weir.wait_log(r"no answer in time: the last 2 peers stay", 30)
        weir.reload()
        assert answered_by(weir) == {"a", "b"}
        saved = (weir.prefix / "run/upstreams/peers.json").read_text()
        with Daemon(weir.config_file.read_text().replace(str(weir.port("http")), "@http@"), files={"run/upstreams/peers.json": saved}) as cold:
            assert answered_by(cold) == {"a", "b"}


def test_200_records_come_over_tcp():
    """An answer that is too long for UDP is asked for over TCP; all of it is taken."""
    port = free_port()
    addresses = [f"127.0.1.{number}" for number in range(1, 201)]
    with FakeDns() as dns, named("all", port=port, host="0.0.0.0"):
        dns.set("api.internal", A, addresses, ttl=0)
        with Daemon(config(DNS.format(port=port, dns=dns.address))) as weir:
            wait_until(lambda: answered_by(weir) == {"all"}, 15, "requests to be answered")
            assert set(peers(weir)) == {f"{address}:{port}" for address in addresses}
            assert ("api.internal", A, "tcp") in dns.asked
            dns.set("api.internal", A, addresses[:50], ttl=0)  # a quarter: asked twice
            wait_until(lambda: len(peers(weir)) == 50, 20, "the small set to be confirmed")
            assert "only 50 of 200 peers" in weir.log


def test_srv_records_say_ports_weights_and_backups():
    """The lowest priority number is used, higher ones are backups; weights are the records'."""
    with FakeDns() as dns, named("a") as a, named("b") as b, named("c") as c:
        dns.set("one.internal", A, ["127.0.0.1"], ttl=0)
        dns.set("two.internal", A, ["127.0.0.1"], ttl=0)
        records = [(10, 5, a.port, "one.internal"), (10, 0, b.port, "two.internal"), (20, 1, c.port, "one.internal")]
        dns.set("_http._tcp.api.internal", SRV, records, ttl=0)
        discover = f"discover = dns name=_http._tcp.api.internal srv resolver={dns.address} interval_min=100ms timeout=1s"
        with Daemon(config(discover)) as weir:
            wait_members(weir, "ab", limit=20)
            found = {at: (peer["weight"], peer["backup"]) for at, peer in peers(weir).items()}
            assert found == {a.address: (5, False), b.address: (1, False), c.address: (1, True)}
            dns.fail("two.internal", SERVFAIL)  # one of the targets: what it had is kept
            before = dns.times_asked("two.internal")
            wait_until(lambda: dns.times_asked("two.internal") > before + 4, 20, "the next questions")
            assert answered_by(weir) == {"a", "b"}
            dns.set("_http._tcp.api.internal", SRV, [(0, 0, 0, ".")], ttl=0)
            weir.wait_log(r"the last 3 peers stay", 20)
            assert answered_by(weir) == {"a", "b"}


def test_the_resolver_of_main_is_asked_and_its_valid_counts():
    """`resolver` in [main] with valid=TIME: an answer of a long life is asked for again by then; AAAA is, too."""
    with FakeDns() as dns, named("a") as a:
        dns.set("api.internal", A, [], ttl=0)
        dns.set("api.internal", AAAA, ["::ffff:127.0.0.1"], ttl=3600)
        discover = f"discover = dns name=api.internal port={a.port} interval_min=100ms timeout=1s"
        with Daemon(config(discover), main=f"resolver = {dns.address} valid=200ms") as weir:
            wait_members(weir, "a")
            before = dns.times_asked("api.internal", AAAA)
            wait_until(lambda: dns.times_asked("api.internal", AAAA) > before + 3, 20, "more questions")


def test_the_file_of_hosts_is_not_asked():
    """A name that stands in /etc/hosts is asked of the DNS all the same, and has the addresses that this says."""
    hosts = [line.partition("#")[0].split() for line in open("/etc/hosts", encoding="utf-8", errors="replace")]
    assert any("localhost" in names for _, *names in filter(None, hosts)), "every /etc/hosts has localhost"
    port = free_port()
    with FakeDns() as dns, named("a", port=port, host="127.0.0.1"), named("b", port=port, host="127.0.0.2"):
        dns.set("localhost", A, ["127.0.0.2"], ttl=0)
        with Daemon(config(DNS.format(port=port, dns=dns.address).replace("api.internal", "localhost"))) as weir:
            wait_members(weir, "b")
            assert set(peers(weir)) == {f"127.0.0.2:{port}"}
            assert dns.times_asked("localhost") > 0


# Orders


def test_orders_are_in_force_when_the_command_returns():
    """add, weight, drain, disable, enable, remove: each shows in list, and in where requests go."""
    with named("a") as a, named("b") as b:
        with Daemon(config(f"server = {a.address}"), workers=2) as weir:
            assert answered_by(weir) == {"a"}
            assert "until the next reload" in ctl(weir, "upstream", "add", "found", b.address, "weight=3")
            assert answered_by(weir, 20) == {"a", "b"}
            assert (peers(weir)[b.address]["weight"], peers(weir)[b.address]["source"]) == (3, "command")
            ctl(weir, "upstream", "weight", "found", a.address, "7")
            assert peers(weir)[a.address]["weight"] == 7
            ctl(weir, "upstream", "drain", "found", a.address)
            assert answered_by(weir) == {"b"}
            ctl(weir, "upstream", "enable", "found", a.address)
            ctl(weir, "upstream", "disable", "found", b.address)
            assert answered_by(weir) == {"a"}
            assert peers(weir)[b.address]["order"] == "disabled"
            ctl(weir, "upstream", "remove", "found", b.address)
            assert set(peers(weir)) == {a.address}
            ctl(weir, "upstream", "remove", "found", a.address)
            assert weir.get().status in (502, 503)
            ctl(weir, "upstream", "enable", "found", a.address)
            assert answered_by(weir) == {"a"}
            table = ctl(weir, "upstream", "list")
            assert re.search(rf"^found\n +PEER .*\n +{a.address} +UNCHECKED ", table), table
            assert "\x1b" not in table
            assert ctl(weir, "upstream", "list", "found", "--names") == f"{a.address}\n"


def test_orders_that_make_no_sense():
    """What can't be done says why, with an exit status."""
    with named("a") as a, Daemon(config(f"server = {a.address}")) as weir:
        assert "there is no upstream \"none\"" in ctl(weir, "upstream", "drain", "none", a.address, code=1)
        assert "there is no upstream \"none\"" in ctl(weir, "upstream", "list", "none", code=1)
        assert "has no peer 127.0.0.1:1" in ctl(weir, "upstream", "drain", "found", "127.0.0.1:1", code=1)
        assert "is not an address" in ctl(weir, "upstream", "add", "found", "example.com:80", code=1)
        assert "too long" in ctl(weir, "upstream", "add", "found", "x" * 300, code=1)
        assert "Usage" in ctl(weir, "upstream", "add", "found", code=2)
        os.rename(weir.prefix / "run/upstreams", weir.prefix / "run/elsewhere")
        said = ctl(weir, "upstream", "drain", "found", a.address, "persist", code=1)
        assert "can't be kept, and was not done" in said
        assert peers(weir)[a.address]["order"] == ""
        assert answered_by(weir) == {"a"}


def test_orders_last_until_a_reload_or_over_it():
    """A dead housekeeper forgets none; a reload those without persist; a restart takes those with it."""
    with named("a") as a, named("b") as b, named("c") as c:
        text = config(f"server = {a.address}\nserver = {b.address}")
        with Daemon(text, workers=2) as weir:
            ctl(weir, "upstream", "drain", "found", a.address)
            ctl(weir, "upstream", "add", "found", c.address, "persist")
            ctl(weir, "upstream", "weight", "found", b.address, "4", "persist")
            for _ in range(2):
                kill_housekeeper(weir)
                assert answered_by(weir, 20) == {"b", "c"}
            weir.reload()
            wait_members(weir, "abc")  # the new housekeeper takes over just after the new workers
            assert peers(weir)[b.address]["weight"] == 4
            saved = (weir.prefix / "run/upstreams/peers.json").read_text()
            weir.allow += [re.compile(line) for line in DEAD_HOUSEKEEPER]
        with Daemon(text, workers=2, files={"run/upstreams/peers.json": saved}) as weir:
            assert answered_by(weir, 20) == {"a", "b", "c"}
            assert peers(weir)[b.address]["weight"] == 4
            ctl(weir, "upstream", "remove", "found", c.address, "persist")
            ctl(weir, "upstream", "disable", "found", b.address, "persist")
            ctl(weir, "upstream", "enable", "found", b.address)
            assert answered_by(weir, 20) == {"a", "b"}
            weir.reload()
            wait_members(weir, "a")


def test_orders_while_the_housekeeper_dies():
    """An order that meets a dying housekeeper is obeyed by the next one: the command succeeds."""
    with named("a") as a, named("b") as b:
        with Daemon(config(f"server = {a.address}\nserver = {b.address}")) as weir:
            (pid,) = weir.children()["housekeeper"]
            os.kill(pid, signal.SIGSTOP)
            orders = []
            giver = threading.Thread(target=lambda: orders.append(ctl(weir, "upstream", "drain", "found", a.address)))
            giver.start()
            wait_until(lambda: weir.log.count('command "upstream"') == 1, 10, "the order to arrive")
            os.kill(pid, signal.SIGKILL)
            giver.join(30)
            assert len(orders) == 1
            assert answered_by(weir) == {"b"}
            weir.allow += [re.compile(line) for line in DEAD_HOUSEKEEPER]
