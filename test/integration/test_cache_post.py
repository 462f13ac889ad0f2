"""Answers to POST from the cache: where cache_methods has POST, the body is part of the key."""

import contextlib
import threading

from harness import Daemon, wait_until
from harness.fleet import counters

from test_cache import KEY, PURGERS, Origin, answer, config

POST = "cache_methods = GET HEAD POST\n"


def say(request, n):
    return answer(b"%d:%s" % (n, request.body))


def ask(weir, body, target="/", fields=(), method="POST"):
    response = weir.get(target, method=method, body=body, fields=fields)
    return response["X-Cache"], response.body


def test_the_body_is_part_of_the_key():
    """The same body is a HIT, another one a MISS, another Content-Type or Content-Encoding too; GET is by itself."""
    with Origin(say) as origin:
        with Daemon(config(origin, POST), workers=2) as weir:
            assert ask(weir, b"red") == ("MISS", b"1:red")
            assert ask(weir, b"red") == ("HIT", b"1:red")
            assert ask(weir, b"blue") == ("MISS", b"2:blue")
            assert ask(weir, b"red") == ("HIT", b"1:red")
            assert ask(weir, b"blue") == ("HIT", b"2:blue")
            assert ask(weir, b"") == ("MISS", b"3:")
            assert ask(weir, b"") == ("HIT", b"3:")
            json = [("Content-Type", "application/json")]
            assert ask(weir, b"red", fields=json) == ("MISS", b"4:red")
            assert ask(weir, b"red", fields=json) == ("HIT", b"4:red")
            assert ask(weir, b"red", fields=[("Content-Encoding", "gzip")]) == ("MISS", b"5:red")
            assert ask(weir, b"red", "/other") == ("MISS", b"6:red")
            assert ask(weir, None, method="GET") == ("MISS", b"7:")
            assert ask(weir, None, method="GET") == ("HIT", b"7:")
            assert ask(weir, b"red") == ("HIT", b"1:red")
            assert sorted(request.method for request in origin.requests) == ["GET"] + ["POST"] * 6


def test_off_unless_asked_for():
    """Without POST in cache_methods nothing of it is stored."""
    with Origin(say) as origin:
        with Daemon(config(origin)) as weir:
            assert ask(weir, b"red") == ("MISS", b"1:red")
            assert ask(weir, b"red") == ("MISS", b"2:red")


def test_a_chunked_body_has_the_key_of_its_bytes():
    """However the body is framed and cut, its bytes decide."""
    body = bytes(range(256)) * 100
    with Origin(lambda request, n: answer(b"%d:%d" % (n, len(request.body)))) as origin:
        with Daemon(config(origin, POST)) as weir, weir.connect() as client:
            for step in (1000, 25600, 1):
                piece = body if step > 1 else body[:2000]
                client.send(b"POST /chunked HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
                for at in range(0, len(piece), step):
                    chunk = piece[at:at + step]
                    client.send(b"%x\r\n%s\r\n" % (len(chunk), chunk))
                client.send(b"0\r\n\r\n")
                response = client.read_response("POST")
                if step == 1000:
                    assert (response["X-Cache"], response.body) == ("MISS", b"1:25600")
            assert ask(weir, body, "/chunked") == ("HIT", b"1:25600")
            assert ask(weir, body[:2000], "/chunked") == ("HIT", b"2:2000")
            assert origin.requests[0].body == body
            # Trailers would be lost: such a request passes.
            for _ in range(2):
                client.send(b"POST /chunked HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
                            b"3\r\nred\r\n0\r\nX-Sum: 1\r\n\r\n")
                assert client.read_response("POST")["X-Cache"] == "MISS"
            assert origin.count == 4


def test_expect_continue():
    """A client that waits is told to go on by us; the origin gets the body without being asked, a HIT needs no origin."""
    with Origin(say) as origin:
        with Daemon(config(origin, POST)) as weir, weir.connect() as client:
            for word in ("MISS", "HIT"):
                client.send(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
                assert client.read_response("POST", interim=True).status == 100
                client.send(b"red")
                response = client.read_response("POST")
                assert (response["X-Cache"], response.body) == (word, b"1:red")
            assert origin.count == 1 and not origin.requests[0].has("Expect")


def test_a_body_that_is_too_long():
    """What is longer than post_body_max_size reaches the origin whole, with a length or without, and is not stored."""
    body = b"0123456789abcdef" * 20000
    with Origin(lambda request, n: answer(b"%d" % (request.body == body))) as origin:
        with Daemon(config(origin, POST + "post_body_max_size = 100k")) as weir, weir.connect() as client:
            for _ in range(2):
                assert ask(weir, body) == ("MISS", b"1")
                client.send(b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
                for at in range(0, len(body), 30000):
                    client.send(b"%x\r\n%s\r\n" % (len(body[at:at + 30000]), body[at:at + 30000]))
                client.send(b"0\r\n\r\n")
                response = client.read_response("POST")
                assert (response["X-Cache"], response.body) == ("MISS", b"1"), response
                assert 'detail="body"' in response["Cache-Status"]
            assert origin.count == 4
            assert ask(weir, body[:100 * 1024])[0] == "MISS" and ask(weir, body[:100 * 1024])[0] == "HIT"


def test_a_client_that_leaves_in_the_middle_of_its_body():
    """Nothing reaches the origin, and the next client gets an answer."""
    with Origin(say) as origin:
        with Daemon(config(origin, POST, admin=True), workers=1) as weir:
            for _ in range(3):
                client = weir.connect()
                client.send(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf")
                wait_until(lambda: counters(weir)["requests_active"] == 1, 10, "the request")
                client.abort()
                wait_until(lambda: counters(weir)["requests_active"] == 0, 10, "its end")
            assert origin.count == 0
            assert ask(weir, b"half")[0] == "MISS" and ask(weir, b"half")[0] == "HIT"
            # A body that is cut off by a half-close is the client's fault.
            with weir.connect() as client:
                client.send(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf")
                client.shutdown_write()
                assert client.read_response("POST").status == 400
            assert origin.count == 1


def test_many_who_ask_the_same():
    """Of 20 with the same body one asks the origin, over 2 workers; another body does not wait for them."""
    release = threading.Event()

    def reply(request, n):
        if request.body == b"slow":
            release.wait(20)
        return say(request, n)

    with Origin(reply) as origin:
        with Daemon(config(origin, POST, admin=True), workers=2) as weir, contextlib.ExitStack() as stack:
            clients = [stack.enter_context(weir.connect(limit=30)) for _ in range(20)]
            for client in clients:
                client.send_request("POST", "/", body=b"slow")
            wait_until(lambda: counters(weir)["requests_active"] >= 20, 15, "20 requests")
            wait_until(lambda: origin.count == 1, 10, "the fetch")
            assert ask(weir, b"fast") == ("MISS", b"2:fast")
            release.set()
            responses = [client.read_response("POST") for client in clients]
            assert {response.body for response in responses} == {b"1:slow"}
            assert sorted(response["X-Cache"] for response in responses) == ["HIT"] * 19 + ["MISS"]
            assert origin.count == 2


def test_only_what_says_how_long_it_is_fresh():
    """ttl and default_ttl do not make an answer to POST one to a question (RFC 9110 9.3.3)."""
    with Origin(lambda request, n: answer(b"%d" % n, "" if request.target == "/" else "Cache-Control: s-maxage=9")) as origin:
        with Daemon(config(origin, POST + "default_ttl = 1m\nttl = 200:1m")) as weir:
            assert ask(weir, b"red")[0] == "MISS" and ask(weir, b"red")[0] == "MISS"
            assert ask(weir, b"red", "/said")[0] == "MISS" and ask(weir, b"red", "/said")[0] == "HIT"


def test_a_stale_answer_is_asked_for_anew():
    """No condition goes along (a POST would fail by it), and nobody asks in the background."""
    fields = 'Cache-Control: max-age=0, stale-while-revalidate=60\r\nETag: "a"'
    with Origin(lambda request, n: answer(b"%d" % n, fields)) as origin:
        with Daemon(config(origin, POST)) as weir:
            assert ask(weir, b"red") == ("MISS", b"1")
            assert ask(weir, b"red") == ("MISS", b"2")
            assert not origin.requests[1].has("If-None-Match") and origin.requests[1].body == b"red"


def test_what_a_post_throws_away():
    """One that is stored: what GET had of its URI (RFC 9111 4.4), no other question's answer. One that is not stored: all."""
    def reply(request, n):
        return answer(b"%d" % n, "Cache-Control: no-store" if request.body == b"change" else "Cache-Control: max-age=60")

    for more in ("", "key_headers = X-Kind\n"):
        with Origin(reply) as origin:
            with Daemon(config(origin, POST + more)) as weir:
                assert ask(weir, b"red") == ("MISS", b"1")
                assert ask(weir, None, method="GET") == ("MISS", b"2")
                assert ask(weir, b"blue") == ("MISS", b"3")
                assert ask(weir, b"red") == ("HIT", b"1")
                assert ask(weir, b"blue") == ("HIT", b"3")
                assert ask(weir, None, method="GET") == ("MISS", b"4")
                assert ask(weir, b"change") == ("MISS", b"5")
                assert ask(weir, b"red") == ("MISS", b"6")
                assert ask(weir, b"blue") == ("MISS", b"7")


def test_a_purge_takes_answers_to_post_along():
    """PURGE of the URL, of a prefix, weirctl purge: GET's and every POST's."""
    with Origin(say) as origin:
        with Daemon(config(origin, POST, location="purge = api_keys:ops") + PURGERS) as weir:
            for purge in ("/a", "/*"):
                for word in ("MISS", "HIT"):
                    assert [ask(weir, body, "/a")[0] for body in (b"red", b"blue")] == [word] * 2
                assert weir.get(purge, method="PURGE", fields=KEY).status == 200
            assert [ask(weir, body, "/a")[0] for body in (b"red", b"blue")] == ["MISS"] * 2
            assert ask(weir, b"red", "/a")[0] == "HIT"


def test_a_client_that_left_is_fetched_for():
    """The body is here: whoever waits for the same gets the answer although the one who asked first has gone."""
    release = threading.Event()

    def reply(request, n):
        release.wait(20)
        return say(request, n)

    with Origin(reply) as origin:
        with Daemon(config(origin, POST, admin=True), workers=1) as weir, contextlib.ExitStack() as stack:
            first = weir.connect()
            first.send_request("POST", "/", body=b"red")
            wait_until(lambda: origin.count == 1, 10, "the fetch")
            second = stack.enter_context(weir.connect(limit=30))
            second.send_request("POST", "/", body=b"red")
            wait_until(lambda: counters(weir)["requests_active"] >= 2, 10, "the second")
            first.abort()
            wait_until(lambda: counters(weir)["requests_aborted"] == 1, 10, "the first one gone")
            release.set()
            assert second.read_response("POST").body == b"1:red"
            assert origin.count == 1
