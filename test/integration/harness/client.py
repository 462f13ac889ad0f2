"""A client that sends exactly the bytes it is given and shows exactly what came back."""

import socket
import ssl

from .http import Stream, read_body, read_message


def tls_context(cafile=None, alpn=None, versions=None, certificate=None):
    """A client's context: no verification unless a CA file is given."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if cafile:
        context.load_verify_locations(cafile)
        context.check_hostname = True
        context.verify_mode = ssl.CERT_REQUIRED
    if alpn:
        context.set_alpn_protocols(alpn)
    if versions:
        context.minimum_version, context.maximum_version = versions
    if certificate:
        context.load_cert_chain(*certificate)
    return context


class RawClient(Stream):
    """One connection to a port of this machine (or to a Unix socket path).

    tls: False, True (no verification) or an ssl.SSLContext; server_name is the SNI.
    """

    def __init__(self, to, tls=False, server_name="localhost", address="127.0.0.1", limit=10.0, source=None):
        if isinstance(to, int):
            sock = socket.create_connection((address, to), timeout=limit, source_address=source)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        else:
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            sock.settimeout(limit)
            sock.connect(str(to))
        if tls:
            context = tls if isinstance(tls, ssl.SSLContext) else tls_context()
            sock = context.wrap_socket(sock, server_hostname=server_name)
        super().__init__(sock, limit)

    def read_response(self, method="GET", interim=False):
        """The next final response; interim ones (1xx) are skipped unless asked for."""
        while True:
            response = read_message(self, request_method=method)
            if interim or response.status >= 200 or response.status == 101:
                return response

    def read_head(self):
        """The head alone; read_rest() takes its body."""
        return read_message(self, body=False)

    def read_rest(self, message, method="GET"):
        return read_body(self, message, method)

    def request(self, method="GET", target="/", fields=(), body=None, host="localhost", version="HTTP/1.1"):
        """Sends one well-formed request (a body gets a Content-Length) and reads the answer."""
        self.send_request(method, target, fields, body, host, version)
        return self.read_response(method)

    def send_request(self, method="GET", target="/", fields=(), body=None, host="localhost", version="HTTP/1.1"):
        if isinstance(fields, dict):
            fields = list(fields.items())
        lines = [f"{method} {target} {version}"]
        if host is not None:
            lines.append(f"Host: {host}")
        lines += [f"{name}: {value}" for name, value in fields]
        if body is not None:
            body = body.encode() if isinstance(body, str) else body
            lines.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b""))
