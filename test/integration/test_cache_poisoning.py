"""Two clients: what one sends besides the key must change nothing of what the other gets. A row for each such input, against
an origin that tells all it got, for one that says how long its answers live and for one that leaves it to default_ttl.

What an origin answers by a field that it does not name in Vary is everybody's, in any cache: rows of fields that only the
origin can know of have one that names them (`vary`); what weir itself must see to has none."""

import collections
import dataclasses
import re
import time

from harness import Closed, Daemon, Failure, RawClient, ScriptedOrigin, limit

CONFIG = """
[upstream origin]
server = {address} max_fails=0
[cache said]
key_headers = X-Tenant
[cache unsaid]
key_headers = X-Tenant
default_ttl = 300s
ttl = 404:60s
[server said]
listen = 127.0.0.1:@said@
upstream = origin
cache = said
[server unsaid]
listen = 127.0.0.1:@unsaid@
upstream = origin
cache = unsaid
"""
HOST = "origin.test"
PLAIN = ("Accept: */*", "User-Agent: plain")
# What is not the same of two answers though nothing is wrong, and what differs between two requests of one client.
# Accept-Ranges stands in what comes through the store alone.
OF_THE_MOMENT = {"age", "date", "x-cache", "cache-status", "x-request-id", "accept-ranges"}
CONFIGS = ("said", "unsaid")


@dataclasses.dataclass
class Row:
    id: str
    sentence: str
    lines: tuple = ()  # fields of the attacker, besides those that both have
    method: str = "GET"
    target: str = "{path}"
    host: str | None = HOST
    version: str = "HTTP/1.1"
    body: str = ""
    raw: bytes | None = None  # the attacker's whole request, with PATH in it
    vary: str = ""  # what the origin names
    error: int = 0  # its answer to what is evil, or too long, or has a body
    victim: tuple = ()  # fields of the victim, besides those
    source: str = "CWE-349"


def is_evil(request):
    return b"evil" in request.head.lower() or len(request.head) > 4000 or request.body != b""


class Origin:
    """Tells in its body what it got: request line, fields, body."""

    def __init__(self):
        self.rows = {row.id: row for row in ROWS}

    def serve(self, connection):
        while True:
            request = connection.read_request()
            connection.send(self.answer(request))

    def answer(self, request):
        found = re.search(r"/(said|unsaid)/([a-z0-9-]+)/", request.target.lower().replace("%2f", "/"))
        kind, row = (found[1], self.rows.get(found[2])) if found else ("said", None)
        status = row.error if row and row.error and is_evil(request) else 200
        fields = [f"{name}: {value}" for name, value in request.fields if name.lower() not in OF_THE_MOMENT]
        # Via has the version of HTTP that each client spoke (RFC 9110 7.6.3)
        fields = [field for field in fields if field.lower() not in ("via: 1.0 weir", "via: 1.1 weir")]
        body = "\n".join([request.start_line, *sorted(fields), request.text])
        out = [f"HTTP/1.1 {status} Said", f"X-Host-Was: {request.get('Host', '-')}"]
        if kind == "said" and status == 200:
            out.append("Cache-Control: max-age=3600")
        if row and row.vary:
            out.append(f"Vary: {row.vary}")
        if "evil" in request.get("Cookie", "") and not (row and row.vary):
            out.append("Set-Cookie: session=evil")
        if request.method == "HEAD":
            body = ""
        out.append(f"Content-Length: {len(body)}")
        return ("\r\n".join(out) + "\r\n\r\n" + body).encode("latin-1", "replace")


def fields_row(name, value="evil", **more):
    return Row(f"field-{name.lower()}", f"{name} says who asks, and how", (f"{name}: {value}",), **more)


# What frameworks take for the true host, URL, scheme or method; no Vary: origins don't think of them as an input.
OVERRIDES = (
    ("X-Forwarded-For", "evil.test"), ("X-Forwarded-Host", "evil.test"), ("X-Forwarded-Proto", "evil"), ("X-Forwarded-Port", "6666"),
    ("X-Real-IP", "evil"), ("Forwarded", "host=evil.test;proto=evil"), ("X-Forwarded-Server", "evil.test"), ("X-Forwarded-Scheme", "evil"),
    ("X-Forwarded-Protocol", "evil"), ("X-Forwarded-Prefix", "/evil"), ("X-Forwarded-Path", "/evil"), ("X-Forwarded-Uri", "/evil"),
    ("X-Forwarded-Ssl", "evil"), ("X-Forwarded-Method", "EVIL"), ("X-Host", "evil.test"), ("X-HTTP-Host-Override", "evil.test"), ("X-Original-Host", "evil.test"),
    ("X-Original-URL", "/evil"), ("X-Original-URI", "/evil"), ("X-Rewrite-URL", "/evil"), ("X-HTTP-Method-Override", "EVIL"), ("X-HTTP-Method", "EVIL"),
    ("X-Method-Override", "EVIL"), ("X-Url-Scheme", "evil"), ("X-Scheme", "evil"), ("Front-End-Https", "evil"), ("Base-Url", "http://evil.test"),
    ("X_Forwarded_Host", "evil.test"), ("X-Script-Name", "/evil"),
)  # fmt: skip

# What an origin may answer by, and names then.
INPUTS = (
    ("Accept-Language", "evil"), ("Accept-Encoding", "evil"), ("Accept-Charset", "evil"), ("Cookie", "session=evil"), ("Referer", "http://evil.test/"),
    ("Origin", "http://evil.test"), ("Via", "1.1 evil"), ("Max-Forwards", "5"), ("From", "evil"), ("Content-Type", "evil/evil"), ("Save-Data", "evil"),
    ("X-Requested-With", "evil"), ("True-Client-IP", "evil"), ("Client-IP", "evil"), ("X-Cluster-Client-IP", "evil"), ("X-Anything", "evil"),
    ("Cache-Control", "evil=1"), ("Pragma", "evil"), ("CDN-Cache-Control", "evil"), ("X-Cache", "evil"), ("Surrogate-Key", "evil"), ("Prefer", "evil"),
    ("DNT", "evil"), ("X-Wap-Profile", "http://evil.test/x"), ("Sec-Fetch-Mode", "evil"), ("X-Middleware-Prefetch", "evil"), ("RSC", "evil"),
)  # fmt: skip

ROWS = [
    *(Row(f"override-{name.lower().replace('_', '-u-')}", f"{name} is no word of this client's", (f"{name}: {value}",)) for name, value in OVERRIDES),
    *(Row(f"override-{status}-{name.lower()}", f"{name} that the origin answers with {status}", (f"{name}: {value}",), error=status)
      for name, value, status in (
          ("X-HTTP-Method-Override", "EVIL", 405), ("X-HTTP-Method", "EVIL", 404), ("X-Original-URL", "/evil", 404), ("X-Rewrite-URL", "/evil", 404),
          ("X-Forwarded-Host", "evil.test", 301), ("X-Forwarded-Proto", "evil", 301), ("X-Host", "evil.test", 404), ("Forwarded", "proto=evil", 308))),
    *(Row(f"input-{name.lower()}", f"{name}, which the origin names in Vary", (f"{name}: {value}",), vary=name) for name, value in INPUTS),
    *(Row(f"error-{status}", f"a field that the origin answers with {status}", ("X-Odd: evil",), error=status) for status in (400, 403, 413, 431, 500, 501, 502, 503, 505)),
    Row("error-vary-404", "one that it answers with 404, and names", ("X-Odd: evil",), vary="X-Odd", error=404),
    Row("error-406", "Accept that nothing suits", ("Accept-Language: evil",), error=406),
    Row("error-expect", "Expect that the origin does not meet", ("Expect: evil",), error=417),
    Row("long-field", "a field that is too long for the origin, not for weir", (f"X-Long: {'x' * 6000}",), error=431),
    Row("long-field-400", "one that it answers with 400", (f"X-Long: {'x' * 6000}",), error=400),
    Row("long-many", "many fields", tuple(f"X-Long-{n}: {'x' * 80}" for n in range(60)), error=400),
    Row("long-cookie", "a cookie that is too long for it", (f"Cookie: {'x' * 6000}",), error=400),
    Row("too-long-here", "a head that is too long for weir", (f"X-Long: {'x' * 40000}",)),
    Row("too-many-here", "more fields than weir takes", tuple(f"X-{n}: 1" for n in range(150))),
    Row("control-byte", "a field with a control byte", ("X-Odd: a\x01evil",)),
    Row("folded", "a folded field", ("X-Odd: a\r\n evil",)),
    Row("no-colon", "a line without a colon", ("evil",)),
    Row("smuggled-length", "a Content-Length that is none", ("Content-Length: evil",)),
    Row("transfer-unknown", "a Transfer-Encoding that nobody knows", ("Transfer-Encoding: evil",)),
    Row("te", "TE", ("TE: trailers, evil",)),
    Row("te-connection", "TE, as Connection has it", ("TE: evil", "Connection: TE")),
    Row("upgrade", "Upgrade", ("Connection: Upgrade", "Upgrade: evil"), error=400),
    Row("range", "a part alone", ("Range: bytes=0-3",)),
    Row("range-first", "the whole as a part", ("Range: bytes=0-",)),
    Row("range-suffix", "the last bytes", ("Range: bytes=-3",)),
    Row("range-unsatisfiable", "no part", ("Range: bytes=999999-",)),
    Row("range-odd", "a unit that nobody knows", ("Range: evil=0-1",), error=416),
    Row("range-many", "many parts", ("Range: bytes=0-1,3-4",)),
    Row("range-if-range", "a part if it has not changed", ("Range: bytes=0-3", 'If-Range: "evil"')),
    Row("if-none-match", "If-None-Match", ("If-None-Match: *",)),
    Row("if-none-match-tag", "If-None-Match with a tag", ('If-None-Match: "evil"',), error=400),
    Row("if-modified-since", "If-Modified-Since", ("If-Modified-Since: Thu, 18 Aug 2050 02:01:18 GMT",)),
    Row("if-modified-since-odd", "one that is no date", ("If-Modified-Since: evil",), error=400),
    Row("if-match", "If-Match", ('If-Match: "evil"',), error=412),
    Row("if-unmodified-since", "If-Unmodified-Since", ("If-Unmodified-Since: evil",), error=412),
    Row("authorization", "Authorization", ("Authorization: Basic evil",)),
    Row("authorization-401", "Authorization that is wrong", ("Authorization: Basic evil",), error=401),
    Row("authorization-404", "Authorization that gets a 404", ("Authorization: Basic evil",), error=404),
    Row("proxy-authorization", "Proxy-Authorization", ("Proxy-Authorization: Basic evil",)),
    Row("cookie-set", "a cookie that the origin sets anew", ("Cookie: session=evil",)),
    Row("body", "a body of GET", (), body="evil"),
    Row("body-form", "a form in the body of GET", ("Content-Type: application/x-www-form-urlencoded",), body="q=evil"),
    Row("body-chunked", "a chunked body of GET", raw=b"GET PATH HTTP/1.1\r\nHost: origin.test\r\nAccept: */*\r\nUser-Agent: plain\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n4\r\nevil\r\n0\r\n\r\n"),
    Row("body-empty", "an empty body", ("Content-Length: 0",)),
    Row("host-port", "another port in Host", host="origin.test:8080"),
    Row("host-port-443", "the port of another scheme", host="origin.test:443"),
    Row("host-port-80", "the default port", host="origin.test:80"),
    Row("host-port-empty", "an empty port", host="origin.test:"),
    Row("host-port-word", "a port that is none", host="origin.test:evil"),
    Row("host-port-301", "a port that the origin sends back in a redirect", ("X-Odd: 1",), host="origin.test:6666"),
    Row("host-case", "Host in upper case", host="ORIGIN.test"),
    Row("host-dot", "Host with a dot at its end", host="origin.test."),
    Row("host-user", "Host with a user", host="evil@origin.test"),
    Row("host-path", "Host with a path", host="origin.test/evil"),
    Row("host-list", "Host with two names", host="origin.test, evil.test"),
    Row("host-other", "another Host", host="evil.test"),
    Row("host-twice", "two Hosts", ("Host: evil.test",)),
    Row("host-none", "no Host in HTTP/1.0", host=None, version="HTTP/1.0"),
    Row("host-none-11", "no Host in HTTP/1.1", host=None),
    Row("version-10", "HTTP/1.0 with Host", version="HTTP/1.0"),
    Row("version-2", "a version that is none", version="HTTP/2.0"),
    Row("absolute", "the whole URI", target="http://origin.test{path}"),
    Row("absolute-case", "the whole URI in upper case", target="HTTP://ORIGIN.TEST{path}"),
    Row("absolute-port", "the whole URI with another port", target="http://origin.test:8080{path}", host="origin.test:8080"),
    Row("absolute-disagrees", "the whole URI of another host", target="http://evil.test{path}"),
    Row("absolute-https", "the whole URI of another scheme", target="https://origin.test{path}"),
    Row("absolute-user", "the whole URI with a user", target="http://evil@origin.test{path}"),
    Row("fragment", "a fragment", target="{path}#evil"),
    *(Row(f"path-{name}", f"the path with {words}", target=text) for name, words, text in (
        ("dot-escape", "an escaped dot", "{path}%2e"), ("dot-segment", "a dot segment", "{parent}./page"), ("dots-escaped", "escaped dots", "{parent}x/%2e%2e/page"),
        ("dots", "dots", "{parent}x/../page"), ("slashes", "two slashes", "{parent}/page"), ("slash-begin", "two slashes at its begin", "/{path}"),
        ("slash-end", "a slash behind", "{path}/"), ("escape", "a letter escaped", "{parent}%70age"), ("escape-lower", "an escape in lower case", "{path}%2f"),
        ("params", "parameters", "{path};evil=1"), ("params-inside", "parameters inside", "{parent};evil/page"), ("backslash", "a backslash", "{parent}\\page"),
        ("backslash-escaped", "an escaped backslash", "{parent}%5cpage"), ("nul", "an escaped NUL", "{path}%00"), ("case", "upper case", "{parent}PAGE"),
        ("query", "a query", "{path}?evil=1"), ("query-empty", "an empty query", "{path}?"), ("query-mark-escaped", "an escaped '?'", "{path}%3fevil=1"),
        ("query-order", "a query in another order", "{path}?b=2&a=1"), ("query-dot", "dots in the query", "{path}?/../evil"), ("overlong", "bytes that are no UTF-8", "{path}%c0%ae"),
        ("beyond-ascii", "bytes beyond ASCII", "{path}\xff"), ("suffix", "a name behind it that looks static", "{path}/evil.css"), ("suffix-params", "such a parameter", "{path};evil.css"))),
    Row("method-lower", "a method in lower case", method="get"),
    Row("method-head", "HEAD", ("X-Odd: evil",), method="HEAD"),
    Row("method-head-error", "HEAD that fails", ("X-Odd: evil",), method="HEAD", error=404),
    Row("method-post", "POST", ("X-Odd: evil",), method="POST", body="evil"),
    Row("method-options", "OPTIONS", ("X-Odd: evil",), method="OPTIONS"),
    Row("method-trace", "TRACE", ("X-Odd: evil",), method="TRACE"),
    Row("method-unknown", "a method that nobody knows", ("X-Odd: evil",), method="EVIL", error=501),
    Row("method-purge", "PURGE without a right to it", ("X-Odd: evil",), method="PURGE", error=405),
    Row("connection-own", "a field that Connection names", ("Connection: X-Odd", "X-Odd: evil")),
    Row("connection-vary", "a field that Vary and Connection name: the origin never saw it", ("X-Lang: de", "Connection: X-Lang"), vary="X-Lang", victim=("X-Lang: de",)),
    Row("connection-key", "a field of key_headers that Connection names", ("X-Tenant: a", "Connection: X-Tenant"), victim=("X-Tenant: a",)),
    Row("connection-coding", "Accept-Encoding, named by Vary and Connection", ("Accept-Encoding: gzip", "Connection: Accept-Encoding"),
        vary="Accept-Encoding", victim=("Accept-Encoding: gzip",)),
    Row("connection-cookie", "Cookie, named by Connection", ("Cookie: a=1", "Connection: Cookie"), victim=("Cookie: a=1",)),
    Row("connection-host", "Host, named by Connection", ("Connection: Host",)),
    Row("connection-forwarded", "X-Forwarded-For, named by Connection", ("Connection: X-Forwarded-For",)),
    Row("connection-cache", "Cache-Control, named by Connection", ("Connection: Cache-Control", "Cache-Control: no-store")),
    Row("connection-via", "Via, named by Connection", ("Connection: Via",)),
    Row("connection-user-agent", "User-Agent, named by Connection and Vary", ("Connection: User-Agent",), vary="User-Agent"),
    Row("control-no-store", "no-store", ("Cache-Control: no-store",), vary="Cache-Control"),
    Row("control-max-stale", "max-stale", ("Cache-Control: max-stale",), vary="Cache-Control"),
    Row("expect-continue", "Expect: 100-continue", ("Expect: 100-continue",)),
    Row("underscore", "a name with '_' that is another to some origins", ("X_Odd: evil", "X_Original_URL: /evil")),
    Row("keep-alive", "Keep-Alive", ("Keep-Alive: evil",)),
    Row("proxy-connection", "Proxy-Connection", ("Proxy-Connection: evil",)),
    Row("trailer", "Trailer", ("Trailer: evil",)),
    Row("tenant", "another value of key_headers", ("X-Tenant: evil",)),
]  # fmt: skip


def attack_of(row, parent):
    path = f"{parent}page"
    if row.raw:
        return row.raw.replace(b"PATH", path.encode())
    target = row.target.replace("{path}", path).replace("{parent}", parent)
    lines = [f"{row.method} {target} {row.version}", *([f"Host: {row.host}"] if row.host is not None else []), *PLAIN, *row.lines]
    if row.body:
        lines.append(f"Content-Length: {len(row.body)}")
    return ("\r\n".join(lines) + "\r\n\r\n" + row.body).encode("latin-1")


def attacked(weir, config, request, method):
    """What the attacker gets; None: the connection ended without an answer that can be read."""
    with RawClient(weir.port(config)) as client:
        try:
            client.send(request)
            return client.read_response(method)
        except (Closed, ConnectionError):
            return None


def asked(weir, config, row, parent):
    """What the victim sees, but for what is of the moment and for its own path."""
    with RawClient(weir.port(config)) as client:
        client.send("\r\n".join([f"GET {parent}page HTTP/1.1", f"Host: {HOST}", *PLAIN, *row.victim]) + "\r\n\r\n")
        answer = client.read_response()
    fields = sorted((name.lower(), value) for name, value in answer.fields if name.lower() not in OF_THE_MOMENT)
    return answer.status, fields, answer.body.decode("latin-1").replace(parent, "/")


def poisoned(weir, config, row):
    """None, or what the victim gets that it should not."""
    clean = asked(weir, config, row, f"/{config}/{row.id}/0/")
    for turn in (1, 2):  # once more: the first may have been no more than a mark
        attacked(weir, config, attack_of(row, f"/{config}/{row.id}/1/"), row.method)
    got = asked(weir, config, row, f"/{config}/{row.id}/1/")
    if got == clean:
        return None
    return f"with {config} the victim got\n{got}\nand should have got\n{clean}"


def batches():
    yield "poisoning", ROWS


@limit(180)
def run_batch(_config, rows, report):
    origin = Origin()
    with ScriptedOrigin(origin.serve) as server, Daemon(CONFIG.format(address=server.address), workers=2) as weir:
        for row in rows:
            start = time.monotonic()
            problem = None
            for config in CONFIGS:
                try:
                    problem = problem or poisoned(weir, config, row)
                except (Failure, OSError) as error:
                    problem = str(error) or type(error).__name__
            report(row, problem, time.monotonic() - start)


def test_the_suite_sees_what_is_poisoned():
    """A field that the origin tells of and does not name: the other client gets it, and the comparison says so."""
    row = Row("control", "", ("X-Anything: evil",))
    with ScriptedOrigin(Origin().serve) as server, Daemon(CONFIG.format(address=server.address)) as weir:
        problem = poisoned(weir, "said", row)
        assert problem and "X-Anything: evil" in problem, problem


def test_an_override_that_is_wanted():
    """One that key_headers names, that a trusted peer sends, or that a POST has, reaches the origin; a trusted one is believed."""
    text = CONFIG.replace("key_headers = X-Tenant", "key_headers = X-Host")
    request = "{} /x/{}/ HTTP/1.1\r\nHost: a\r\nX-Host: mine\r\nX-HTTP-Method: DELETE\r\nContent-Length: 0\r\n\r\n"
    for trust, method, wanted in (("", "GET", "mine -"), ("", "POST", "mine DELETE"), ("set_real_ip_from = 127.0.0.0/8\n", "GET", "mine DELETE")):
        with ScriptedOrigin(Origin().serve) as server:
            with Daemon(text.format(address=server.address).replace("[server said]\n", "[server said]\n" + trust)) as weir:
                with RawClient(weir.port("said")) as client:
                    client.send(request.format(method, method))
                    assert client.read_response(method).status == 200
                got = f"{server.requests[0].get('X-Host', '-')} {server.requests[0].get('X-HTTP-Method', '-')}"
                assert got == wanted, (trust, method, got)


def test_every_row_has_a_name_of_its_own():
    """Rows are told apart by their paths."""
    assert not [name for name, count in collections.Counter(row.id for row in ROWS).items() if count > 1]
