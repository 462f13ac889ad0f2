"""What passes the proxy and what doesn't: smuggling, spoofed identity, spellings of a path, keys, TLS ports."""

import re

from harness import Daemon, ScriptedOrigin

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def config_for(origin, more="", sections=""):
    return f"""
[upstream origin]
server = {origin.address}
[server web]
listen = 127.0.0.1:@http@
upstream = origin
{more}
{sections}
"""


# Each hides a second request from one of two readers. Refused, or forwarded so that the origin reads what we read.
SMUGGLING = [
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\nG",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\nabc",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\nabc",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x3\r\n\r\nabc",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3 \t4\r\n\r\nabc",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\nabc",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551617\r\n\r\nabc",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 3\r\n\r\nabc",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nX: y\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n+1\r\na\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1 \r\na\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1_0\r\na\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;x\nGET / HTTP/1.1\r\na\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n11111111111111111\r\na\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX: y\nContent-Length: 3\r\n\r\nabc",
    b"GET / HTTP/1.1\r\nHost: a\r\nX: y\rContent-Length: 3\r\n\r\nabc",
    b"GET / HTTP/1.1\r\nHost: a\r\nX: y\x00\r\n\r\n",
    b"GET / HTTP/1.1\nHost: a\n\n",
    b"GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
    b"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
    b"GET / http/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.2\r\nHost: a\r\n\r\n",
    b"GET / HTTP/01.1\r\nHost: a\r\n\r\n",
    b"GET /#x HTTP/1.1\r\nHost: a\r\n\r\n",
    b"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Content-Length\r\nContent-Length: 3\r\n\r\nabc",
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Host\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Cookie, Authorization\r\nCookie: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: X-Forwarded-For\r\n\r\n",
    b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n",
    b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n",
]


def test_smuggling_corpus():
    """Every ambiguous request is refused with 4xx or 501/505, the connection ends, and the origin sees nothing."""
    marker = b"GET /second HTTP/1.1\r\nHost: a\r\n\r\n"
    with ScriptedOrigin(OK) as origin, Daemon(config_for(origin)) as weir:
        for request in SMUGGLING:
            before = len(origin.requests)
            with weir.connect() as client:
                client.send(request + marker)
                data = client.read_to_end()
            answers = re.findall(rb"HTTP/1\.1 (\d\d\d)", data)
            assert len(answers) == 1 and answers[0][:1] in b"45", (request, data)
            assert b"second" not in b"".join(c.received for c in origin.connections), request
            started = origin.requests[before:]
            assert all(r.target == "/" for r in started), (request, started)


def test_chunked_is_written_anew():
    """Extensions and odd chunking of the client do not reach the origin."""
    with ScriptedOrigin(OK) as origin, Daemon(config_for(origin)) as weir, weir.connect() as client:
        client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: CHUNKED\r\n\r\n"
                    "0001;ext=\"a\"\r\na\r\n02\r\nbc\r\n000;x\r\nX-T: 1\r\n\r\n")
        assert client.read_response("POST").status == 200
        assert origin.requests[0].body == b"abc"
        received = origin.connections[0].received
        assert b"ext" not in received and b"0001" not in received


def test_identity_fields_are_ours():
    """Whatever the client says of itself in any spelling is replaced by what we know."""
    with ScriptedOrigin(OK) as origin, Daemon(config_for(origin)) as weir, weir.connect() as client:
        forged = [(name, "203.0.113.66") for name in
                  ("X-Forwarded-For", "x-forwarded-for", "X_Forwarded_For", "X-Real-IP", "X-REAL-IP", "Forwarded",
                   "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Request-Id")]
        assert client.request(fields=forged).status == 200
        request = origin.requests[0]
        assert b"203.0.113.66" not in origin.connections[0].received
        assert request.all("X-Forwarded-For") == ["127.0.0.1"]
        assert request["X-Real-IP"] == "127.0.0.1" and request["X-Forwarded-Proto"] == "http"
        assert request["X-Forwarded-Port"] == str(weir.port("http"))
        assert re.fullmatch("[0-9a-f]{32}", request["X-Request-Id"])


def test_the_origin_is_told_what_forwarded_headers_says():
    """Those that are named go upstream, the others do not, whoever said them; a [location] has its own."""
    alone = "[location alone]\nserver = web\npath = /alone\nupstream = origin\nforwarded_headers = off"
    forged = [(name, "203.0.113.66") for name in
              ("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Port", "X-Real-IP", "Forwarded", "Via")]
    names = {"x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-port", "x-real-ip", "forwarded",
             "via", "x-request-id"}
    for trust in ("", "set_real_ip_from = 127.0.0.0/8"):
        config = lambda origin: config_for(origin, f"{trust}\nforwarded_headers = X-Forwarded-Proto x-forwarded-for", alone)  # noqa: B023
        with ScriptedOrigin(OK) as origin, Daemon(config(origin)) as weir, weir.connect() as client:
            assert client.request("GET", "/", forged).status == 200
            assert client.request("GET", "/alone", forged).status == 200
            told = [{name.lower() for name, _ in request.fields} & names for request in origin.requests]
            assert told == [{"x-forwarded-for", "x-forwarded-proto"}, set()], told
            seen = "203.0.113.66, 127.0.0.1" if trust else "127.0.0.1"
            assert origin.requests[0]["X-Forwarded-For"] == seen


def test_trusted_peers_speak_for_others():
    """From set_real_ip_from, X-Forwarded-For is kept, appended to and decides who the client is."""
    config = lambda origin: config_for(origin, "set_real_ip_from = 127.0.0.0/8",
                                       "[location who]\nserver = web\npath = /who\nreturn = 200 $remote_addr")
    with ScriptedOrigin(OK) as origin, Daemon(config(origin)) as weir, weir.connect() as client:
        fields = [("X-Forwarded-For", "6.6.6.6, 198.51.100.7, 127.0.0.2")]
        assert client.request(fields=fields).status == 200
        assert origin.requests[0]["X-Forwarded-For"] == "6.6.6.6, 198.51.100.7, 127.0.0.2, 127.0.0.1"
        assert client.request("GET", "/who", fields).body == b"198.51.100.7"


def test_one_decision_for_all_spellings_of_a_path():
    """A closed location is closed however its path is spelt, and the origin never sees a spelling we did not judge."""
    sections = "[location admin]\nserver = web\npath = /admin\nreturn = 403"
    spellings = ["/admin", "/%61dmin", "//admin", "/./admin", "/x/../admin", "/x/%2e%2e/admin", "/%2E/admin",
                 "/adm%69n", "///./admin/", "/admin%20", "/admin;x", "/a/b/../../admin"]
    with ScriptedOrigin(OK) as origin, Daemon(config_for(origin, "", sections)) as weir, weir.connect() as client:
        for path in spellings:
            assert client.request("GET", path).status == 403, path
        for path in ("/..", "/a/../../b", "/%00", "/a\\b", "/a%zz", "/%"):
            with weir.connect() as other:
                assert other.request("GET", path).status == 400, path
        assert not origin.requests
        for path, seen in (("/a%2Fb", "/a%2Fb"), ("/a%5cb", "/a%5Cb"), ("/a//b", "/a/b"), ("/a/./b", "/a/b"),
                           ("/%7Ea?x=%2e", "/%7Ea?x=%2e")):
            assert client.request("GET", path).status == 200
            assert origin.requests[-1].target == seen, (path, origin.requests[-1].target)


def test_api_keys():
    """401 with a challenge without a key; with one the request passes and the key stays here, in the log too."""
    sections = """[api_keys clients]
header = X-API-Key
key = demo sha256:a2e4ab0472c808a1ff2ce147ae4f6cd9ecd8bcc8a49c48350f97e6811ace7464
"""
    with ScriptedOrigin(OK) as origin, Daemon(config_for(origin, "auth = api_keys:clients", sections)) as weir:
        with weir.connect() as client:
            response = client.request()
            assert response.status == 401 and response.has("WWW-Authenticate")
            assert client.request(fields=[("X-API-Key", "wrong")]).status == 401
            key = ("X-API-Key", "test-api-key-123")
            assert client.request(fields=[key, key]).status == 401
            assert client.request(fields=[key]).status == 200
        assert b"test-api-key" not in origin.connections[0].received
        assert "test-api-key" not in weir.log


def test_heads_that_are_too_large():
    """A long line is a 414, a long head a 431, too many fields a 400, all without reading on."""
    with ScriptedOrigin(OK) as origin, Daemon(config_for(origin)) as weir:
        for request, status in ((b"GET /" + b"a" * 9000, 414), (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 33000, 431),
                                (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 101 + b"\r\n", 400)):
            with weir.connect() as client:
                client.send(request)
                assert client.read_response().status == status
        assert not origin.requests


def test_redirects_and_returns():
    """return answers by itself: redirects with variables, texts, and 444 with nothing at all."""
    sections = """[location plain]
server = web
path = /to/
return = 301 https://$host$request_uri
[location text]
server = web
path = exact /text
return = 200 "ok\\n"
[location nothing]
server = web
path = /nothing
return = 444
"""
    with ScriptedOrigin(OK) as origin, Daemon(config_for(origin, "", sections)) as weir:
        response = weir.get("/to/x?y=1")
        assert (response.status, response["Location"]) == (301, "https://localhost/to/x?y=1")
        response = weir.get("/text")
        assert (response.body, response["Content-Type"]) == (b"ok\n", "text/plain")
        with weir.connect() as client:
            client.send_request("GET", "/nothing")
            client.expect_closed()


def test_drained_keep_alive_connections():
    """An idle connection of a draining worker is answered once more, with Connection: close."""
    with ScriptedOrigin(OK) as origin, Daemon(config_for(origin)) as weir, weir.connect() as client:
        assert client.request().status == 200
        weir.reload()
        response = client.request()
        assert response.status == 200 and response["Connection"] == "close"
        client.expect_closed()


def test_plain_http_on_a_tls_port():
    """A plain request to an ssl listener gets a 400 in plain text, as nginx does."""
    with ScriptedOrigin(OK) as origin:
        config = f"""
[upstream origin]
server = {origin.address}
[server web]
listen = 127.0.0.1:@https@ ssl
ssl_certificate = auto
upstream = origin
"""
        with Daemon(config) as weir:
            assert weir.get("/", name="https", tls=True).status == 200
            with weir.connect("https") as client:
                client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                assert client.read_response().status == 400
