"""Compressed answers: which coding a client gets, what the head says of it, and what stays as it is."""

import json

from harness import Daemon, ScriptedOrigin, wait_until
from harness.coding import CODINGS, Pages, ask, chunked, curl, decode, encode, noise_of, site, text_of, whole
from harness.fleet import counters

PAGE = text_of(40_000)
TAGGED = 'Content-Type: text/html\r\nETag: "v1"\r\nAccept-Ranges: bytes\r\nVary: Origin'


def test_every_coding_is_undone_by_other_programs():
    """br, zstd, gzip and deflate of bodies of any size and framing are what curl and Python's zlib make of them."""
    bodies = {"/one": b"x", "/short": text_of(300), "/page": PAGE, "/long": text_of(1_500_000), "/noise": noise_of(300_000)}
    pages = {}
    for path, body in bodies.items():
        pages[path] = whole(body)
        pages[path + "/chunked"] = chunked(body)
        pages[path + "/old"] = b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n" + body
    with Pages(pages) as origin:
        with Daemon(site(origin, "compress = br zstd gzip deflate\ncompress_min_length = 0")) as weir:
            for coding in CODINGS:
                for path in pages:
                    got = ask(weir, path, coding)
                    body = bodies["/" + path.split("/")[1]]
                    assert got["Content-Encoding"] == coding and got.plain == body, (coding, path)
                    assert not got.has("Content-Length") and got["Transfer-Encoding"] == "chunked", got
                    url = f"http://127.0.0.1:{weir.port('http')}{path}"
                    assert curl("--compressed", "-H", f"Accept-Encoding: {coding}", url) == body, (coding, path)


def test_the_client_chooses_and_the_order_decides_between_equals():
    """Weights first, then the order of `compress`; what is refused, unknown or can't be read is not given."""
    table = (
        (None, None), ("", None), ("identity", None), ("*", "br"), ("gzip", "gzip"), ("GZIP", "gzip"), ("x-gzip", "gzip"),
        ("gzip, deflate, br, zstd", "br"), ("gzip, deflate, br;q=0.9, zstd;q=0.9", "gzip"), ("deflate, gzip", "gzip"),
        ("gzip;q=0.5, deflate;q=0.501", "deflate"), ("gzip;q=0", None), ("br;q=0, *;q=0.1", "zstd"),
        ("gzip;q=0.4, identity;q=0.5", None), ("identity;q=0", None), ("identity;q=0, gzip;q=0.001", "gzip"),
        ("*;q=0", None), ("compress, sdch", None), ("gzip;q=1.5", None), ("gzip;level=9", None), ("gzip;q=", None))
    with Pages({"/": whole(PAGE)}) as origin, Daemon(site(origin)) as weir:
        for accept, coding in table:
            got = ask(weir, accept=accept)
            assert (got.get("Content-Encoding"), got.plain) == (coding, PAGE), (accept, got)
            assert got["Vary"] == "Accept-Encoding", (accept, got)
        two_lines = ask(weir, fields=[("Accept-Encoding", "deflate;q=0.2"), ("Accept-Encoding", "zstd;q=0.3")])
        assert two_lines["Content-Encoding"] == "zstd"


def test_the_head_of_a_compressed_answer():
    """ETag weak, Vary in one line, no Accept-Ranges, digest or length; HEAD gets the head that GET gets."""
    fields = TAGGED + "\r\nContent-Digest: sha-256=:x:\r\nDigest: sha-256=x\r\nContent-MD5: x\r\nX-Other: 1"
    with Pages({"/": whole(PAGE, fields), "/weak": whole(PAGE, 'Content-Type: text/html\r\nETag: W/"w"\r\nVary: *')}) as origin:
        with Daemon(site(origin)) as weir:
            got = ask(weir, accept="gzip")
            assert got.plain == PAGE and got["ETag"] == 'W/"v1"' and got.all("Vary") == ["Origin, Accept-Encoding"]
            for name in ("Accept-Ranges", "Content-Digest", "Digest", "Content-MD5", "Content-Length"):
                assert not got.has(name), name
            head = ask(weir, accept="gzip", method="HEAD")
            same = [(n, v) for n, v in got.fields if n not in ("Date", "Transfer-Encoding")]
            assert [(n, v) for n, v in head.fields if n != "Date"] == same, (head.fields, same)
            plain = ask(weir)
            assert plain["ETag"] == '"v1"' and plain["Accept-Ranges"] == "bytes" and plain.has("Content-MD5")
            assert plain.all("Vary") == ["Origin, Accept-Encoding"] and plain["Content-Length"] == str(len(PAGE))
            assert ask(weir, method="HEAD")["Content-Length"] == str(len(PAGE))
            weak = ask(weir, "/weak", "br")
            assert (weak["ETag"], weak["Vary"], weak["Content-Encoding"]) == ('W/"w"', "*", "br")


def test_what_is_left_as_it_is():
    """Other types, no-transform, coded already, parts, short ones, without a body, our own errors."""
    gz = encode("gzip", PAGE)
    pages = {
        "/png": whole(PAGE, "Content-Type: image/png"), "/untyped": whole(PAGE, "X-A: 1"),
        "/no-transform": whole(PAGE, "Content-Type: text/html\r\nCache-Control: public, no-transform"),
        "/coded": whole(gz, "Content-Type: text/html\r\nContent-Encoding: gzip"),
        "/short": whole(PAGE[:99]),
        "/part": whole(PAGE[:500], TAGGED + "\r\nContent-Range: bytes 0-499/40000", "206 Partial Content"),
        "/204": b'HTTP/1.1 204 No Content\r\nContent-Type: text/html\r\nETag: "v1"\r\n\r\n',
        "/empty": whole(b""),
    }
    with Pages(pages) as origin, Daemon(site(origin)) as weir:
        for path in pages:
            got = ask(weir, path, "br, gzip") if path != "/coded" else weir.get(path, fields=[("Accept-Encoding", "br")])
            sent = pages[path].partition(b"\r\n\r\n")[2]
            assert got.body == sent and got.get("Content-Encoding") == ("gzip" if path == "/coded" else None), (path, got)
            assert path == "/204" or got["Content-Length"] == str(len(sent)), (path, got)
            assert got.has("Vary") == (path == "/part"), (path, got)
            assert "W/" not in got.get("ETag", ""), (path, got)
        asked = ask(weir, "/short", "gzip", fields=[("Cache-Control", "no-transform")])
        assert not asked.has("Content-Encoding")
    ours = "[server web]\nlisten = 127.0.0.1:@http@\ncompress = gzip\ncompress_types = *\ncompress_min_length = 0\n"
    with Daemon(ours) as weir:
        lost = ask(weir, "/", "gzip")
        assert lost.status == 404 and lost.body and not lost.has("Content-Encoding")


def test_types_go_by_list_wildcard_and_suffix():
    """compress_types chooses by type, TYPE/* and +SUFFIX, whatever the parameters."""
    types = {"text/html; charset=x": True, "TEXT/CSS": True, "image/svg+xml": True, "application/problem+json;a=b": True,
             "application/json": False, "image/png": False, "application/xml": False}
    pages = {f"/{n}": whole(PAGE, f"Content-Type: {kind}") for n, kind in enumerate(types)}
    with Pages(pages) as origin:
        with Daemon(site(origin, "compress = gzip\ncompress_types = text/* +xml +json")) as weir:
            for n, (kind, coded) in enumerate(types.items()):
                assert ask(weir, f"/{n}", "gzip").has("Content-Encoding") == coded, kind


def test_what_the_upstream_is_told():
    """Nothing where we compress, or nobody may; what came where that is asked for, or compress is off."""
    rows = (("compress = gzip", None), ("compress = gzip\ncompress_upstream = pass", "br, gzip;q=0.5"), ("", "br, gzip;q=0.5"),
            ("compress = gzip\ncompress_upstream = pass\ncompress_secrets = off", None), ("compress_secrets = off", None),
            ("compress = gzip\nset_header = Accept-Encoding identity", "identity"), ("decompress = on", "br, gzip;q=0.5"))
    for location, told in rows:
        with Pages({"/": whole(PAGE, TAGGED)}) as origin, Daemon(site(origin, location)) as weir:
            got = ask(weir, accept="br, gzip;q=0.5")
            assert origin.requests[0].get("Accept-Encoding") == told, location
            secret = "compress_secrets" in location
            assert got.get("Content-Encoding") == (None if secret or "compress = gzip" not in location else "gzip"), location
            assert got.plain == PAGE and (not secret or got["ETag"] == '"v1"')


def test_conditional_requests_find_their_etag_again():
    """A weak tag of ours comes back, the origin compares it weakly, and its 304 has the tag that the client has."""

    def page(request):
        sent = request.get("If-None-Match", "")
        if '"v1"' in sent:
            return b'HTTP/1.1 304 Not Modified\r\nETag: "v1"\r\n\r\n'
        return whole(PAGE, TAGGED)

    with Pages({"/": page}) as origin, Daemon(site(origin)) as weir:
        for accept in ("gzip", None):
            first = ask(weir, accept=accept)
            again = ask(weir, accept=accept, fields=[("If-None-Match", first["ETag"])])
            assert origin.requests[-1]["If-None-Match"] == first["ETag"]
            assert (again.status, again["ETag"], again["Vary"]) == (304, first["ETag"], "Accept-Encoding"), again
            assert not again.has("Content-Encoding") and not again.has("Content-Length")
        other = ask(weir, accept="gzip", fields=[("If-None-Match", '"v0"')])
        assert other.status == 200 and other["ETag"] == 'W/"v1"'


def test_old_clients_get_the_end_of_the_connection():
    """HTTP/1.0: a compressed answer ends with the connection, whole, also where the client asked to keep it."""
    with Pages({"/": whole(PAGE)}) as origin, Daemon(site(origin)) as weir:
        for coding in ("gzip", "br"):
            with weir.connect() as client:
                client.send(f"GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nAccept-Encoding: {coding}\r\n\r\n")
                got = client.read_response()
                assert got.until_close and got["Content-Encoding"] == coding and decode(coding, got.body) == PAGE
                assert not got.has("Content-Length") and not got.has("Transfer-Encoding")
                assert got.get("Connection") != "keep-alive"


def test_a_connection_goes_on_after_a_compressed_answer():
    """Requests in a row and ahead of their answers, of all codings, over one connection."""
    with Pages({"/": whole(PAGE), "/c": chunked(PAGE)}) as origin, Daemon(site(origin)) as weir, weir.connect() as client:
        order = [coding for coding in CODINGS for _ in range(3)] + [None]
        for n, coding in enumerate(order):
            accept = f"Accept-Encoding: {coding}\r\n" if coding else ""
            client.send(f"GET /{'c' if n % 2 else ''} HTTP/1.1\r\nHost: a\r\n{accept}\r\n")
        for coding in order:
            got = client.read_response()
            assert got.get("Content-Encoding") == coding and decode(coding, got.body) == PAGE
        assert len(origin.connections) == 1


def test_one_stored_answer_for_all_codings():
    """With a cache the origin is asked once, though it says Vary: Accept-Encoding; hits are coded for each client,
    ranges and conditions are those of the stored form, and requests that come again byte for byte are, too."""
    cached = TAGGED + ", Accept-Encoding\r\nCache-Control: max-age=600"
    with Pages({"/": whole(PAGE, cached)}) as origin:
        config = site(origin, "cache = pages\ncompress = br zstd gzip deflate", "[cache pages]\nsize = 16m")
        with Daemon(config) as weir, weir.connect() as client:
            for accept in ("gzip", None, "br", "zstd, gzip;q=0.3", "deflate", "gzip, deflate, br, zstd", "identity"):
                for n in range(4):
                    fields = [] if accept is None else [("Accept-Encoding", accept)]
                    got = client.request(fields=fields)
                    coding = got.get("Content-Encoding")
                    assert decode(coding, got.body) == PAGE and (coding is None) == (accept in (None, "identity"))
                    assert got["Vary"] == "Origin, Accept-Encoding"
                    assert got["X-Cache"] == ("MISS" if accept == "gzip" and n == 0 else "HIT")
                    assert got["ETag"] == ('"v1"' if coding is None else 'W/"v1"')
            assert origin.count == 1
            part = ask(weir, accept="gzip", fields=[("Range", "bytes=10-19")])
            assert (part.status, part.body, part["ETag"]) == (206, PAGE[10:20], '"v1"') and not part.has("Content-Encoding")
            for tag in ('W/"v1"', '"v1"'):
                same = ask(weir, accept="br", fields=[("If-None-Match", tag)])
                assert (same.status, same["ETag"]) == (304, tag)
            assert origin.count == 1


def test_variants_where_the_upstream_compresses():
    """compress_upstream = pass: one variant for each normalised Accept-Encoding, however it is spelt."""

    def page(request):
        accept = request.get("Accept-Encoding", "")
        fields = "Content-Type: text/html\r\nVary: Accept-Encoding\r\nCache-Control: max-age=600"
        if "gzip" in accept:
            return whole(encode("gzip", PAGE), fields + "\r\nContent-Encoding: gzip")
        return whole(PAGE, fields)

    with Pages({"/": page}) as origin:
        location = "cache = pages\ncompress = gzip\ncompress_upstream = pass"
        with Daemon(site(origin, location, "[cache pages]\nsize = 16m")) as weir:
            for accept in ("gzip, deflate", "deflate;q=0.3,gzip", "DEFLATE , gzip;q=1.0"):
                assert ask(weir, accept=accept)["Content-Encoding"] == "gzip"
            assert origin.count == 1
            assert ask(weir).plain == PAGE and origin.count == 2


def test_what_is_counted_and_logged():
    """/status says per coding what went in and came out, the access log what it came to; HEAD is not counted."""
    log = ("[log one]\npath = logs/one.log\nformat = \"$compression_ratio|$sent_http_content_encoding|"
           "$body_bytes_sent\"\n")
    with Pages({"/": whole(PAGE)}) as origin:
        with Daemon(site(origin, "compress = br zstd gzip deflate\naccess_log = one", log)) as weir:
            sizes = {coding: len(ask(weir, accept=coding).body) for coding in CODINGS}
            ask(weir)
            ask(weir, accept="gzip", method="HEAD")
            wait_until(lambda: counters(weir)["requests"] == 6, 10, "all requests")
            status = json.loads(weir.get("/status", name="admin").body)
            for coding in CODINGS:
                row = status["compression"][coding]
                assert (row["bytes_in"], row["bytes_out"]) == (len(PAGE), sizes[coding]), row
                assert abs(row["ratio"] - len(PAGE) / sizes[coding]) < 0.01
            assert status["compression"]["decompressed"] == {"bytes_in": 0, "bytes_out": 0}
            path = weir.prefix / "logs/one.log"
            wait_until(lambda: path.exists() and len(path.read_text().splitlines()) == 6, 10, "6 lines")
            lines = path.read_text().splitlines()
            assert lines[0] == f"{len(PAGE) / sizes['br']:.2f}|br|" + lines[0].rpartition("|")[2]
            assert [line.split("|")[0] for line in lines[4:]] in (["-", "-"], ["", ""]), lines


def test_memory_that_is_used_up():
    """compress_memory bounds the streams that are compressed at once; others go out as they are, and are counted."""

    def script(connection):
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        connection.read_to_end()

    location = "compress = gzip\ncompress_level = gzip:1"  # zlib: a quarter of a megabyte each
    with ScriptedOrigin(script) as origin, Daemon(site(origin, location), main="compress_memory = 1m") as weir:
        clients = [weir.connect() for _ in range(40)]
        codings = []
        for client in clients:
            client.send_request(fields=[("Accept-Encoding", "gzip")])
            codings.append(client.read_head().get("Content-Encoding"))
        assert "gzip" in codings and None in codings, codings
        assert counters(weir)["compress_skipped"] == codings.count(None)
        for client in clients:
            client.abort()
        wait_until(lambda: counters(weir)["requests_active"] == 0, 10, "all of them gone")
        with weir.connect() as client:
            client.send_request(fields=[("Accept-Encoding", "gzip")])
            assert client.read_head()["Content-Encoding"] == "gzip"
            client.abort()
