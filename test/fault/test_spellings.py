"""F60: one decision for all spellings of a path and a host: which location, which key, which rewrite, which path onwards."""

import random

from harness import Daemon, limit, verdict
from net_support import pick
from net_support.strict import Recorder

KEY = "the-right-key"
SITE = """
[api_keys clients]
header = X-Key
key = a {hash}
[upstream origin]
server = {origin}
[server web]
listen = 127.0.0.1:@http@ default_server
server_name = site.example
upstream = origin
keepalive_requests = 1000000
[location private]
server = web
path = /private/
auth = api_keys:clients
[location exact]
server = web
path = exact /exact
return = 200 "exact $uri $host"
[location pattern]
server = web
path = regex ^/pattern/[0-9]+$
return = 200 "pattern $uri $host"
[location old]
server = web
path = /old/
rewrite = ^/old/(.*)$ /new/$1
[server other]
listen = 127.0.0.1:@http@
server_name = other.example
return = 200 "other $uri $host"
"""
PATHS = ["/private/file", "/private/", "/exact", "/pattern/42", "/old/page", "/open/page", "/open/a.b-c_d~e"]
HOSTS = ["site.example", "other.example"]
UNRESERVED = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~"


def path_spelling(chance, path):
    """Another spelling of the same path: escapes of unreserved characters, slashes, dots."""
    out = ""
    for place, char in enumerate(path):
        if char == "/":
            out += "/" * chance.choice((1, 1, 1, 2, 3))
            out += chance.choice(("", "", "", "./", "%2e/", "%2E/", "x/../", "%78/%2e%2e/", "x/.%2E/", "x//../", "./x/../"))
            if place > 0 and chance.random() < 0.1:
                out += "x/y/../../"
        elif char in UNRESERVED and chance.random() < 0.3:
            escape = f"%{ord(char):02x}"
            out += escape if chance.random() < 0.5 else escape.upper()
        else:
            out += char
    return out


def host_spelling(chance, host, port):
    name = "".join(char.upper() if chance.random() < 0.5 else char for char in host)
    return name + chance.choice(("", "", f":{port}", ":80", "."))


class Asker:
    """One client; a refusal that ends its connection does not end it."""

    def __init__(self, weir, origin):
        self.weir, self.origin, self.client = weir, origin, weir.connect()

    def decision(self, target, host, key, absolute=False):
        """What weir made of it: status, its text or the path that the origin was asked for, the host."""
        before = len(self.origin.seen)
        fields = [("X-Key", KEY)] if key else []
        self.client.send_request("GET", f"http://{host}{target}" if absolute else target, fields, host=host)
        response = self.client.read_response()
        if response.get("Connection") == "close":
            self.client.close()
            self.client = self.weir.connect()
        if response.status != 200:
            return response.status, "", ""
        if seen := self.origin.seen[before:]:
            return 200, seen[0].target.decode(), seen[0].values(b"host")[0].decode().lower()
        return 200, response.body.decode(), ""


def said_plainly(result):
    """Onwards the path may keep escapes of unreserved characters, and the host its port, as the client wrote them."""
    status, text, host = result
    for char in UNRESERVED:
        text = text.replace(f"%{ord(char):02x}", char).replace(f"%{ord(char):02X}", char)
    return status, text, host.partition(":")[0].rstrip(".")


@limit(240)
def test_spellings():
    """Random spellings of paths and hosts get the decision of the plain ones: location, key, rewrite, path onwards."""
    import hashlib

    chance = random.Random(3986)
    count, differences = pick(1500, 50000), []
    config = SITE.format(origin="{origin}", hash="sha256:" + hashlib.sha256(KEY.encode()).hexdigest())
    with Recorder() as origin, Daemon(config.replace("{origin}", origin.address)) as weir:
        port = weir.port("http")
        asker = Asker(weir, origin)
        plain = {(path, host, key): asker.decision(path, host, key) for path in PATHS for host in HOSTS for key in (False, True)}
        assert plain["/private/file", "site.example", False][0] == 401
        assert plain["/private/file", "site.example", True] == (200, "/private/file", "site.example")
        assert plain["/old/page", "site.example", False] == (200, "/new/page", "site.example")
        assert plain["/exact", "site.example", False] == (200, "exact /exact site.example", "")
        assert plain["/exact", "other.example", False] == (200, "other /exact other.example", "")
        for _ in range(count):
            path, host, key = chance.choice(PATHS), chance.choice(HOSTS), chance.random() < 0.5
            target, spelt = path_spelling(chance, path), host_spelling(chance, host, port)
            got = said_plainly(asker.decision(target, spelt, key, chance.random() < 0.3))
            if got != plain[path, host, key]:
                differences.append(f"{target} at {spelt}: {got}, not {plain[path, host, key]}")
        asker.client.close()
        assert not origin.doubts, origin.doubts[:3]
    verdict("F60", f"{count} spellings of {len(PATHS)} paths at {len(HOSTS)} hosts, {len(differences)} differences", not differences)
    assert not differences, "\n".join(differences[:20])


def test_what_is_not_the_same_path():
    """Encoded slashes and backslashes, NUL and paths above the root are nobody's spelling of a closed path."""
    config = SITE.format(origin="{origin}", hash="sha256:" + "0" * 64)
    with Recorder() as origin, Daemon(config.replace("{origin}", origin.address)) as weir:
        for target in ("/private%00/file", "/\\private/file", "/..", "/x/../../private/file", "/%2e%2e/private/", "/private/%", "/priv%ate/"):
            with weir.connect() as client:
                assert client.request("GET", target, host="site.example").status == 400, target
        assert not origin.seen
        with weir.connect() as client:
            for target in ("/private%2ffile", "/%2Fprivate/file", "/private%5Cfile", "/PRIVATE/file", "/private;/file", "/private%20/"):
                assert client.request("GET", target, host="site.example").status == 200, target
                # an origin must be told what we took it for: never with a slash that we did not see
                assert origin.seen[-1].target.decode().lower() == target.lower()
