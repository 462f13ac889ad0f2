"""F59, F61: origins understand what weir understood, and nobody's word but weir's says who the client is."""

import itertools
import random
import re

from harness import Daemon, Failure, RawClient, is_long, limit, verdict
from net_support import pick
from net_support.doubts import CHUNKS, CODINGS, FIELDS, HOSTS, LENGTH_NAMES, LENGTHS, LINES, NAMES
from net_support.strict import Recorder, read_requests

SITE = """
[log seen]
path = logs/seen.log
format = "$remote_addr $http_host $request"
[upstream origin]
server = {origin}
[server web]
listen = 127.0.0.1:@http@
upstream = origin
access_log = seen
merge_slashes = off
keepalive_requests = 100000
{more}
"""
MARK = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"


def head(line=b"POST / HTTP/1.1", *fields):
    return b"\r\n".join([line, b"Host: a", *fields, b"", b""])


def kinds():
    """(kind, request bytes): what follows on the connection is MARK."""
    for value in LENGTHS:
        yield "content-length", head(b"POST / HTTP/1.1", b"Content-Length:" + value) + b"hello"
        yield "two lengths", head(b"POST / HTTP/1.1", b"Content-Length: 5", b"Content-Length:" + value) + b"hello"
        yield "length on GET", head(b"GET / HTTP/1.1", b"Content-Length:" + value) + b"hello"
    for value in CODINGS:
        for body in (CHUNKS[0], b"hello"):
            yield "transfer-encoding", head(b"POST / HTTP/1.1", b"Transfer-Encoding:" + value) + body
            yield "te.cl", head(b"POST / HTTP/1.1", b"Transfer-Encoding:" + value, b"Content-Length: 5") + body
            yield "cl.te", head(b"POST / HTTP/1.1", b"Content-Length: 5", b"Transfer-Encoding:" + value) + body
            yield "te.te", head(b"POST / HTTP/1.1", b"Transfer-Encoding: chunked", b"Transfer-Encoding:" + value) + body
            yield "te in 1.0", head(b"POST / HTTP/1.0", b"Transfer-Encoding:" + value, b"Connection: keep-alive") + body
    for name, length_name in zip(NAMES, LENGTH_NAMES):
        yield "te name", head(b"POST / HTTP/1.1", name + b": chunked") + CHUNKS[0]
        yield "te name + cl", head(b"POST / HTTP/1.1", name + b": chunked", b"Content-Length: 5") + b"0\r\n\r\n"
        yield "cl name", head(b"POST / HTTP/1.1", length_name + b": 5") + b"hello"
        yield "cl name + te", head(b"POST / HTTP/1.1", length_name + b": 5", b"Transfer-Encoding: chunked") + CHUNKS[0]
    for body in CHUNKS:
        yield "chunked body", head(b"POST / HTTP/1.1", b"Transfer-Encoding: chunked") + body
    for line in LINES:
        yield "request line", head(line)
    for host in HOSTS:
        yield "host", b"GET / HTTP/1.1\r\n" + host + b"\r\n\r\n"
        yield "host in 1.0", b"GET / HTTP/1.0\r\n" + host + b"\r\nConnection: keep-alive\r\n\r\n"
    for field in FIELDS:
        yield "field", head(b"GET / HTTP/1.1", field)
        yield "field, chunked", head(b"POST / HTTP/1.1", field, b"Transfer-Encoding: chunked") + CHUNKS[0]


def mutations(count):
    """Small damage to requests with bodies: bytes changed, removed, doubled."""
    chance = random.Random(9112)
    basis = [
        head(b"POST / HTTP/1.1", b"Transfer-Encoding: chunked", b"X: y") + CHUNKS[0],
        head(b"POST / HTTP/1.1", b"Content-Length: 5", b"X: y") + b"hello",
    ]
    odd = [b"\r", b"\n", b"\r\n", b"\x00", b" ", b"\t", b":", b",", b";", b"0", b"\xff", b"\x0b", b"-", b"_", b"chunked", b"5"]
    for _ in range(count):
        data = chance.choice(basis)
        for _ in range(chance.choice((1, 1, 2, 3))):
            at = chance.randrange(len(data))
            how = chance.randrange(3)
            data = data[:at] + (chance.choice(odd) if how else b"") + data[at + (how != 1) :]
        yield "mutation", data


def answers_in(data):
    """Statuses of the answers; each of them has a Content-Length."""
    statuses = []
    while match := re.match(rb"HTTP/1\.1 (\d\d\d) [^\r\n]*\r\n((?:[^\r\n]+\r\n)*)\r\n", data):
        length = re.search(rb"(?i)^content-length: (\d+)\r$", match[2], re.M)
        if match[1] == b"100":
            data = data[match.end() :]
            continue
        if not length:
            raise Failure(f"an answer without length: {data[:200]!r}")
        statuses.append(int(match[1]))
        data = data[match.end() + int(length[1]) :]
    if data:
        raise Failure(f"bytes that are no answer: {data[:200]!r}")
    return statuses


def origin_form(target):
    return re.sub(rb"^http://[^/?]*", b"", target) or b"/"


def disagreements(weir, origin, request):
    """What is wrong with how weir took these bytes; an empty list when nothing is."""
    before, doubts = len(origin.seen), len(origin.doubts)
    data = request + MARK
    with weir.connect() as client:
        client.send(data)
        client.sock.shutdown(1)
        answers = answers_in(client.read_to_end())
    served = sum(status == 200 for status in answers)
    seen = origin.seen[before:]
    meant = read_requests(data)[0]
    wrong = [f"the origin could not read it: {doubt}" for doubt in origin.doubts[doubts:]]
    if len(seen) != served:
        wrong.append(f"{served} answered, {len(seen)} seen by the origin: {seen}")
    for got, said in itertools.zip_longest(seen, meant[: len(seen)]):
        if said is None:
            wrong.append(f"the origin saw what nobody said: {got}")
        elif (got.method, got.target, got.body) != (said.method, origin_form(said.target), said.body):
            wrong.append(f"said {said}, the origin saw {got}")
    refusals = [status for status in answers if status != 200]
    if len(refusals) > 1 or any(not 400 <= status < 600 for status in refusals) or (refusals and answers[-1] == 200):
        wrong.append(f"answers {answers}")
    return wrong


@limit(300)
def test_smuggling():
    """Requests of every doubtful kind, another one hidden behind each: refused, or both sides read the same."""
    corpus = [*kinds(), *mutations(pick(300, 20000))]
    found, refused = [], 0
    with Recorder() as origin, Daemon(SITE.format(origin=origin.address, more="")) as weir:
        for kind, request in corpus:
            for why in disagreements(weir, origin, request):
                found.append(f"{kind}: {request!r}: {why}")
        refused = len(corpus) - sum(1 for request in origin.seen if request.target != b"/smuggled")
        verdict("F59", f"{len(corpus)} doubtful requests, {refused} refused, {len(found)} disagreements", not found)
    assert not found, "\n".join(found[:20])


FORGED = "66.66.66.66"
IDENTITY = ["X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Real-IP", "Forwarded",
            "X-Request-Id"]


def spellings(name):
    """The name as origins might take it for the same: case, underscores."""
    yield from {name, name.lower(), name.upper(), name.swapcase(), name.replace("-", "_"), name.replace("-", "_", 1),
                name.lower().replace("-", "_"), name.upper().replace("-", "_")}


def forgeries():
    values = [FORGED, f"127.0.0.1, {FORGED}", f"{FORGED}, 127.0.0.1", f"for={FORGED};host={FORGED};proto=https",
              f"for=\"[::1]\", for={FORGED}", f"{FORGED}:80", f"[{FORGED}]"]
    for name in IDENTITY:
        for spelt in spellings(name):
            for value in values if is_long() else values[:3]:
                yield [(spelt, value)]
            yield [(spelt, FORGED), (spelt, FORGED)]
            yield [(spelt, FORGED), ("Connection", spelt)]
            yield [("Connection", f"close, {spelt}"), (spelt, FORGED)]
            yield [("Connection", f"keep-alive,{spelt.lower()}"), (spelt, FORGED)]
            yield [("TE", "trailers"), ("Trailer", spelt), (spelt, FORGED)]
    yield [(name, FORGED) for name in IDENTITY]
    for spelt in {*spellings("X-Forwarded-For"), *spellings("X-Real-IP")}:  # in a trailer
        yield [("TE", "trailers"), ("Transfer-Encoding", "chunked"), ("trailer:", f"{spelt}: {FORGED}")]


def send_forged(weir, fields):
    trailer = [value for name, value in fields if name == "trailer:"]
    lines = [f"{name}: {value}" for name, value in fields if name != "trailer:"]
    body = f"1\r\nx\r\n0\r\n{trailer[0]}\r\n\r\n" if trailer else ""
    with weir.connect() as client:
        client.send("\r\n".join(["POST / HTTP/1.1", "Host: site.example", *lines, "", body]))
        return client.read_response("POST").status


@limit(120)
def test_spoofed_identity():
    """No field in any spelling, list or trailer tells the origin another client than the one that weir saw."""
    leaks = []
    with Recorder() as origin, Daemon(SITE.format(origin=origin.address, more="")) as weir:
        count = 0
        for fields in forgeries():
            before = len(origin.seen)
            status = send_forged(weir, fields)
            count += 1
            if status == 400 and len(origin.seen) == before:
                continue  # Connection may not name such a field
            request = origin.seen[-1]
            names = [name.lower() for name, _ in request.fields]
            expected = (request.values(b"x-forwarded-for"), request.values(b"x-real-ip"))
            if status != 200 or expected != ([b"127.0.0.1"], [b"127.0.0.1"]):
                leaks.append(f"{fields}: {status}, the origin got {expected}")
            if any(b"_" in name for name in names):
                leaks.append(f"{fields}: an alias reached the origin: {names}")
        raw = b"".join(connection.received for connection in origin.connections)
        if FORGED.encode() in raw:
            leaks.append(f"the origin received {raw[max(0, raw.find(FORGED.encode()) - 80) :][:160]!r}")
    log = (weir.prefix / "logs" / "seen.log").read_text(encoding="latin-1")
    assert log.count("\n") == count, (log.count("\n"), count)
    leaks += [f"in the log: {line}" for line in log.splitlines() if not line.startswith("127.0.0.1 ")]
    verdict("F61", f"{count} forged identities, {len(leaks)} leaks", not leaks)
    assert not leaks, "\n".join(leaks[:20])


def test_a_trusted_peer_is_believed_only_as_far_as_it_is_trusted():
    """From set_real_ip_from the last untrusted address counts; what stands before it is passed on and not believed."""
    more = "set_real_ip_from = 127.0.0.1/32"
    with Recorder() as origin, Daemon(SITE.format(origin=origin.address, more=more)) as weir:
        with weir.connect() as client:
            assert client.request(fields=[("X-Forwarded-For", f"{FORGED}, 198.51.100.7")]).status == 200
        with RawClient(weir.port("http"), source=("127.0.0.2", 0)) as client:
            assert client.request(fields=[("X-Forwarded-For", FORGED), ("X-Real-IP", FORGED)]).status == 200
        trusted, other = origin.seen
        assert trusted.values(b"x-real-ip") == [b"198.51.100.7"]
        assert other.values(b"x-real-ip") == [b"127.0.0.2"] and other.values(b"x-forwarded-for") == [b"127.0.0.2"]
    log = (weir.prefix / "logs" / "seen.log").read_text().splitlines()
    assert [line.split()[0] for line in log] == ["198.51.100.7", "127.0.0.2"]
