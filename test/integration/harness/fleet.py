"""Origins that share one list of actions, for tests of what happens across several of them."""

import itertools
import json
import threading

from .http import read_body
from .origin import ScriptedOrigin

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Fleet:
    """Origins that share one list of actions: request N of all of them gets action N, the last one repeats.

    An action is called with the connection when the head of a request was read; true: another request may come.
    """

    def __init__(self, *actions, count=2):
        self.numbers = itertools.count()
        self.actions = actions
        self.lock = threading.Lock()
        self.order, self.where = [], []  # of all requests, as they came
        self.origins = [ScriptedOrigin(self.play) for _ in range(count)]

    def play(self, connection):
        while True:
            request = connection.read_request(body=False)
            with self.lock:
                number = next(self.numbers)
                self.order.append((connection, request))
                self.where.append(connection.sock.getsockname()[1])
            if not self.actions[min(number, len(self.actions) - 1)](connection):
                return

    def requests(self):
        with self.lock:
            return [request for _, request in self.order]

    def ports(self):
        """Of the origins that the requests went to."""
        with self.lock:
            return list(self.where)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        for origin in self.origins:
            try:
                origin.stop()
            except Exception:
                if kind is None:
                    raise


def take_body(connection):
    request = connection.requests[-1]
    read_body(connection, request)
    return request


def answer(data):
    def action(connection):
        take_body(connection)
        connection.send(data)
        return True

    return action


def status(code, body=b"", fields=b""):
    return answer(b"HTTP/1.1 %d Test\r\n%sContent-Length: %d\r\n\r\n%s" % (code, fields, len(body), body))


ok = answer(OK)


def reset(connection):
    connection.abort()


def close(connection):
    pass


def silent(connection):
    connection.read_to_end()


def counters(weir):
    """Of the status document; the configuration has [admin] at @admin@."""
    return json.loads(weir.get("/status", name="admin").body)["counters"]
