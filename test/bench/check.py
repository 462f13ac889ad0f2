"""Before anything is measured: does each proxy give the origin's answer, and does the origin see what it should?"""

from harness import RawClient
from origins import body_of


class Wrong(Exception):
    """A proxy whose answer is not the origin's."""


def expect(server, what, got, wanted):
    if got != wanted:
        raise Wrong(f"{server.name}: {what} is {got!r:.200}, not {wanted!r:.200}")


def answer(server, path, body=None, host="localhost"):
    """The status, length, bytes and framing of an answer are the origin's."""
    method = "GET" if body is None else "POST"
    with RawClient(server.port, tls=server.features.tls) as client:
        for _ in range(2):  # the second on the kept connection
            response = client.request(method, path, body=body, host=host)
            expect(server, f"status of {path}", response.status, 200)
            expect(server, f"body of {path}", response.body, body_of("/" + path.rpartition("/")[2]))
            expect(server, f"type of {path}", response.get("content-type"), "text/plain")
            chunked = path == "/chunked"
            expect(server, f"chunked {path}", response.get("transfer-encoding"), "chunked" if chunked else None)
            length = None if chunked else str(len(response.body))
            expect(server, f"length of {path}", response.get("content-length"), length)
    return response


def connection_is_kept(server, path):
    with RawClient(server.port, tls=server.features.tls) as client:
        response = client.request("GET", path, [("Connection", "close")])
        expect(server, f"status of {path} with Connection: close", response.status, 200)
        expect(server, "Connection of an answer to Connection: close", response.get("connection", "").lower(), "close")
        client.expect_closed()


def forwarded(server):
    """The origin is told who asks, by the fields that the scenario wants and by no others of them."""
    with RawClient(server.port, tls=server.features.tls) as client:
        lines = client.request("GET", "/seen").body.decode("latin-1").lower().split("\r\n")
    scheme = "https" if server.features.tls else "http"
    fields = server.features.fields
    usual = {"x-forwarded-for": "127.0.0.1", "x-real-ip": "127.0.0.1", "x-forwarded-proto": scheme}
    others = ("x-forwarded-host", "x-forwarded-port", "forwarded", "via", "x-request-id")
    seen = dict(line.split(": ", 1) for line in lines if ": " in line)
    for name, value in ({"host": "localhost"} | (usual if fields != "none" else {})).items():
        if seen.get(name) != value:
            raise Wrong(f"{server.name}: the origin did not see {name}: {value} but {lines}")
    has_others = fields == "all" or (fields == "own" and server.name.startswith("weir"))
    for name in (*others, *(usual if fields == "none" else ())):
        if (name in seen) != (has_others and name in others):
            raise Wrong(f"{server.name}: {name} and --fields {fields} do not agree: {lines}")
