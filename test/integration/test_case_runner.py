"""The runner of test/cases: that it notices what is wrong, for a check that can't fail checks nothing."""

import contextlib
import socket

from harness import Daemon, scratch
from harness.case_file import BadCase, Case, unescape
from harness.case_player import Player
from harness.strict_http import Malformed, parse_request, parse_response
from harness.support import ROOT

NAMES = ("X-Forwarded-For", "X-Forwarded-Proto", "X-Real-IP", "X-Request-Id", "Forwarded", "Via")
IDENTITY = "".join(f"{name}: x\r\n" for name in NAMES).encode()
CASE = "# RFC 9110 §1: a case\nC> GET /a HTTP/1.1\nC> Host: a.test\nC>\n"


def request(start=b"GET / HTTP/1.1\r\n", fields=b"", host=b"Host: a\r\n", rest=b""):
    return start + host + IDENTITY + fields + b"\r\n" + rest


def refused(parse, data):
    try:
        parse(data)
    except Malformed:
        return True
    return False


def test_the_strict_reader_refuses_what_it_should():
    """Requests and answers that another reader could take otherwise are refused, good ones are taken to their end."""
    good = request(fields=b"Content-Length: 3\r\n", rest=b"abcGET")
    message, taken = parse_request(good)
    assert (message.body, taken) == (b"abc", len(good) - 3)
    assert parse_request(good[:-4]) is None and parse_request(good[:20]) is None
    for bad in (
        request(start=b"GET  / HTTP/1.1\r\n"), request(start=b"GET / HTTP/1.0\r\n"), request(host=b""),
        request(fields=b"Host: b\r\n"), request(fields=b"A: 1\n"), request(fields=b"A: 1\r2\r\n"),
        request(fields=b"A : 1\r\n"), request(fields=b" A: 1\r\n"), request(fields=b"A: \0\r\n"),
        request(fields=b"Content-Length: 1\r\nContent-Length: 1\r\n"), request(fields=b"Content-Length: +1\r\n"),
        request(fields=b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"), request(fields=b"Via: y\r\n"),
        request(fields=b"Transfer-Encoding: gzip, chunked\r\n"), request(fields=b"Keep-Alive: 1\r\n"),
        request(fields=b"Connection: x-a\r\n"), request(fields=b"Upgrade: x\r\n"),
        request(fields=b"Transfer-Encoding: chunked\r\n", rest=b"1;a=b\r\na\r\n0\r\n\r\n"),
        request(fields=b"Transfer-Encoding: chunked\r\n", rest=b"1\r\nabc"),
        request(fields=b"Transfer-Encoding: chunked\r\n", rest=b"0\r\nHost: b\r\n\r\n"),
    ):
        assert refused(parse_request, bad), bad
    head = b"HTTP/1.1 200 OK\r\nDate: x\r\n"
    assert parse_response(head + b"Content-Length: 2\r\n\r\nok")[0].body == b"ok"
    assert parse_response(head + b"Content-Length: 2\r\n\r\n", "HEAD")[0].framing == "none"
    assert parse_response(head + b"Connection: close\r\n\r\nok") is None
    assert parse_response(head + b"Connection: close\r\n\r\nok", ended=True)[0].body == b"ok"
    for bad in (b"HTTP/1.0 200 OK\r\n\r\n", b"HTTP/1.1 200\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
                head + b"\r\nok", b"HTTP/1.1 204 X\r\nContent-Length: 0\r\n\r\n", head + b"Trailer: a\r\n\r\n"):
        assert refused(parse_response, bad), bad


def written(text):
    folder = scratch("case")
    (folder / "one.case").write_text(text)
    return Case(folder / "one.case", folder)


def test_files_that_are_no_cases_are_refused():
    """A case cites its rule, has steps and expects something; escapes are few and known."""
    assert unescape(r"a\r\n\x00\\\s\{3*ab}\0") == b"a\r\n\0\\ ababab\0"
    assert unescape(r"\{3*a\r}\\b") == b"a\ra\ra\r\\b"
    case = written(CASE + "C> more\\\nC< 200\nC<   body \"x\"\n")
    assert case.steps[0].text.endswith(b"\r\n\r\nmore") and case.steps[1].checks == [('body "x"', 7)]
    for bad in ("C> x\nC< 200\n", "# no citation\nC< 200\n", CASE, CASE + "X> y\n", CASE + "C<   body 1 bytes\n",
                CASE + "C> \\q\nC< 200\n"):
        try:
            written(bad)
        except BadCase:
            continue
        raise AssertionError(f"taken for a case: {bad!r}")


WRONG = {
    "status": ("O< GET /a\nO! ok\nC< 404\n", "404 was expected"),
    "target": ("O< GET /b\nO! ok\nC< 200\n", "GET /b"),
    "field": ("O< GET /a\nO<   Host: b.test\nO! ok\nC< 200\n", "b.test"),
    "absent field": ("O< GET /a\nO<   !Via\nO! ok\nC< 200\n", "there is Via"),
    "body": ('O< GET /a\nO! ok\nC< 200\nC<   body "no"\n', "expected: body"),
    "framing": ("O< GET /a\nO! ok\nC< 200\nC<   framing chunked\n", "framing is length"),
    "whole instead of cut": ("O< GET /a\nO> HTTP/1.1 200 OK\nO> Connection: close\nO> Content-Length: 0\nO>\n"
                             "C! half-close\nC< 200 cut\n", "is whole"),
    "an unexpected request": ("O< GET /a\nO! ok\nC< 200\nC> GET /b HTTP/1.1\nC> Host: a.test\nC>\n", "nobody expected"),
    "an unexpected answer": ("O< GET /a\nO! ok\nC> x\nC>\nC< 200\n", "nobody expected"),
    "an end too soon": ("O< GET /a\nO! ok\nC< closed\n", "the end was expected"),
    "connections": ("O< GET /a\nO! ok\nC< 200\nO< 2 connections\n", "2 connections"),
    "an unknown step": ("C! fly\nC< 200\n", "unknown action"),
}


@contextlib.contextmanager
def players():
    """A player with a daemon of its own: what a case that failed left on its way to the origin is not another's."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        config = (ROOT / "test/cases/configs/plain.ini").read_text()
        with Daemon(config, ready=False) as weir:
            listener.bind(("127.0.0.1", weir.port("origin")))
            listener.listen(8)
            weir.wait_ready()
            yield Player(weir, listener)
            listener.close()  # what nobody answers any more ends


def test_a_case_that_is_wrong_fails():
    """Each kind of expectation fails when it is not met, and a good case passes."""
    for what, (steps, said) in WRONG.items():
        with players() as player:
            problem = player.play(written(CASE + steps))
            assert problem and said in problem, (what, problem)
    with players() as player:
        good = written(CASE + 'O< GET /a\nO! ok\nC< 200\nC<   body "ok"\nL< GET /a\n')
        assert player.play(good) is None and player.play(good, chop=True) is None

