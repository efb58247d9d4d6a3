"""Requests that HTTP forbids, or that try to exhaust the server, are refused before any application sees them."""

import socket
from collections.abc import Iterator

import msgspec
import pytest
from tests.support.echo_server import Echo, EchoServer, echo_of, echo_server, statuses

KIB = 1024
MIB = 1024 * KIB
HOST = b"Host: flow.example\r\n"
CLOSE = b"Connection: close\r\n"
POST = b"POST /echo HTTP/1.1\r\n" + HOST
CHUNKED = POST + CLOSE + b"Transfer-Encoding: chunked\r\n\r\n"
GET = b"GET /echo HTTP/1.1\r\n" + HOST
LAST_GET = GET + CLOSE + b"\r\n"


@pytest.fixture(scope="module")
def server() -> Iterator[EchoServer]:
    with echo_server() as started:
        yield started


def refused(received: bytes) -> int:
    """Return the status of the one answer, which is a JSON error and the last one."""
    head, _, body = received.partition(b"\r\n\r\n")
    assert b"connection: close" in head.lower()
    assert set(msgspec.json.decode(body)) == {"error", "code"}
    [status] = statuses(received)
    return status


def names(seen: Echo) -> set[str]:
    return {name for name, _ in seen.headers}


REFUSED = {
    "no Host": b"GET /echo HTTP/1.1\r\n\r\n",
    "two Hosts": b"GET /echo HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "the same Host twice": b"GET /echo HTTP/1.1\r\nHost: a\r\nhOST: a\r\n\r\n",
    "an empty Host": b"GET /echo HTTP/1.1\r\nHost: \r\n\r\n",
    "a list of Hosts": b"GET /echo HTTP/1.1\r\nHost: a, b\r\n\r\n",
    "Host with a path": b"GET /echo HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "Host with a user": b"GET /echo HTTP/1.1\r\nHost: user@a\r\n\r\n",
    "Host with a space": b"GET /echo HTTP/1.1\r\nHost: a b\r\n\r\n",
    "Host with a strange port": b"GET /echo HTTP/1.1\r\nHost: a:8x\r\n\r\n",
    "Host with a long port": b"GET /echo HTTP/1.1\r\nHost: a:123456\r\n\r\n",
    "Host of bytes": b"GET /echo HTTP/1.1\r\nHost: \xff\r\n\r\n",
    "a long Host": b"GET /echo HTTP/1.1\r\nHost: " + b"a" * 400 + b"\r\n\r\n",
    "two Hosts in HTTP/1.0": b"GET /echo HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n",
    "Host after a space": b"GET /echo HTTP/1.1\r\nHost : a\r\n\r\n",
    "a folded header": GET + b"X-A: b\r\n c\r\n\r\n",
    "a header folded with a tab": GET + b"X-A: b\r\n\tc\r\n\r\n",
    "a folded first line": b"GET /echo HTTP/1.1\r\n Host: a\r\n\r\n",
    "Content-Length and Transfer-Encoding": POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding and Content-Length": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "Content-Length twice": POST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
    "two Content-Lengths": POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "a list of Content-Lengths": POST + b"Content-Length: 2, 2\r\n\r\n{}",
    "Content-Length with a sign": POST + b"Content-Length: +2\r\n\r\n{}",
    "a negative Content-Length": POST + b"Content-Length: -2\r\n\r\n{}",
    "Content-Length in hexadecimal": POST + b"Content-Length: 0x2\r\n\r\n{}",
    "an empty Content-Length": POST + b"Content-Length:\r\n\r\n{}",
    "a huge Content-Length": POST + b"Content-Length: 99999999999999999999999\r\n\r\n{}",
    "an unknown transfer coding": POST + b"Transfer-Encoding: gzip\r\n\r\n",
    "chunked after another coding": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunked before another coding": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "chunked twice": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "identity": POST + b"Transfer-Encoding: identity\r\n\r\n",
    "quoted chunked": POST + b'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n',
    "chunked and a vertical tab": POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "chunked in HTTP/1.0": b"POST /echo HTTP/1.0\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "line feeds alone": b"GET /echo HTTP/1.1\nHost: a\n\n",
    "one line feed alone": b"GET /echo HTTP/1.1\r\nHost: a\nX-A: b\r\n\r\n",
    "a line feed alone, and no end": b"GET /echo HTTP/1.1\r\nHost: a\nX-A: b",
    "a carriage return alone": b"GET /echo HTTP/1.1\r\nHost: a\rX-A: b\r\n\r\n",
    "NUL in a value": GET + b"X-A: b\0c\r\n\r\n",
    "NUL in a name": GET + b"X-\0: b\r\n\r\n",
    "a control character": GET + b"X-A: \x01\r\n\r\n",
    "no name": GET + b": b\r\n\r\n",
    "no colon": GET + b"abc\r\n\r\n",
    "the URL of another host": b"GET http://evil.example/echo HTTP/1.1\r\n" + HOST + b"\r\n",
    "the URL of another port": b"GET http://flow.example:81/echo HTTP/1.1\r\n" + HOST + b"\r\n",
    "a URL with a user": b"GET http://flow.example@evil.example/echo HTTP/1.1\r\n" + HOST + b"\r\n",
    "a URL without Host": b"GET http://flow.example/echo HTTP/1.1\r\n\r\n",
    "the URL of another scheme": b"GET ftp://flow.example/echo HTTP/1.1\r\n" + HOST + b"\r\n",
    "a star for GET": b"GET * HTTP/1.1\r\n" + HOST + b"\r\n",
    "a path without a slash": b"GET echo HTTP/1.1\r\n" + HOST + b"\r\n",
    "a path of bytes": b"GET /\xff HTTP/1.1\r\n" + HOST + b"\r\n",
    "a tunnel": b"CONNECT flow.example:443 HTTP/1.1\r\nHost: flow.example:443\r\n\r\n",
    "a tunnel with more behind": b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n" + LAST_GET,
    "no version": b"GET /echo\r\n\r\n",
    "HTTP/1.2": b"GET /echo HTTP/1.2\r\n" + HOST + b"\r\n",
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "RTSP": b"OPTIONS /echo RTSP/1.1\r\n" + HOST + CLOSE + b"\r\n",
    "a body over RTSP": b"POST /echo RTSP/1.1\r\n" + HOST + CLOSE + b"Content-Length: 2\r\n\r\n{}",
    "ICE": b"SOURCE /echo ICE/1.0\r\n" + HOST + b"\r\n",
    "two spaces": b"GET  /echo HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n",
    "a fragment": b"GET /echo#a HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n",
    "line feeds before it": b"\n\n" + LAST_GET,
    "a carriage return before it": b"\r" + LAST_GET,
    "a method in lower case": b"get /echo HTTP/1.1\r\n" + HOST + b"\r\n",
    "chunk size with a sign": CHUNKED + b"+2\r\n{}\r\n0\r\n\r\n",
    "a negative chunk size": CHUNKED + b"-2\r\n{}\r\n0\r\n\r\n",
    "chunk size with a prefix": CHUNKED + b"0x2\r\n{}\r\n0\r\n\r\n",
    "chunk size with an underscore": CHUNKED + b"0_2\r\n{}\r\n0\r\n\r\n",
    "no chunk size": CHUNKED + b"\r\n{}\r\n0\r\n\r\n",
    "a chunk that ends by a line feed": CHUNKED + b"2\r\n{}\n0\r\n\r\n",
    "a chunk that is longer than it says": CHUNKED + b"2\r\n{}}\r\n0\r\n\r\n",
    "a line feed in an extension": CHUNKED + b"2;a\nb\r\n{}\r\n0\r\n\r\n",
    "a line break in a quoted extension": CHUNKED + b'2;a="\r\n0\r\n\r\n"\r\n{}\r\n0\r\n\r\n',
    "a long chunk size": CHUNKED + b"0" * 300 + b"2\r\n{}\r\n0\r\n\r\n",
    "a long extension": CHUNKED + b"2;" + b"a" * 300 + b"\r\n{}\r\n0\r\n\r\n",
    "an extension without an end": CHUNKED + b"2;" + b"a" * 100_000,
    "many extensions": CHUNKED + (b"1;" + b"a" * 200 + b"\r\nx\r\n") * 200 + b"0\r\n\r\n",
    "a trailer that ends by a line feed": CHUNKED + b"0\r\nX-A: b\n\nGET /echo HTTP/1.1\r\n\r\n",
    "a folded trailer": CHUNKED + b"0\r\nX-A: b\r\n c\r\n\r\n",
    "NUL in a trailer": CHUNKED + b"0\r\nX-A: \0\r\n\r\n",
    "a length in a trailer": CHUNKED + b"0\r\nContent-Length: 5\r\n\r\n",
    "a coding in a trailer": CHUNKED + b"0\r\nTransfer-Encoding: chunked\r\n\r\n",
}


@pytest.mark.parametrize("attack", REFUSED)
def test_a_malformed_request_is_refused(server: EchoServer, attack: str) -> None:
    assert refused(server.exchange(REFUSED[attack])) in (400, 505)


@pytest.mark.parametrize("attack", REFUSED)
def test_a_malformed_request_is_refused_after_earlier_responses(server: EchoServer, attack: str) -> None:
    received = server.exchange(GET + b"\r\n" + REFUSED[attack])
    assert statuses(received) in ([200, 400], [200, 505])


@pytest.mark.parametrize("attack", ["no Host", "a folded header", "a chunk that is longer than it says"])
def test_a_malformed_request_does_not_cost_a_slow_one_before_it_its_answer(server: EchoServer, attack: str) -> None:
    slow = b"GET /slow HTTP/1.1\r\n" + HOST + b"\r\n"
    assert statuses(server.exchange(slow + REFUSED[attack])) == [200, 400]
    assert statuses(server.exchange(slow, REFUSED[attack])) == [200, 400]


TAKEN = {
    "HTTP/1.0 without Host": b"GET /echo HTTP/1.0\r\n\r\n",
    "Host with a port": b"GET /echo HTTP/1.1\r\nHost: localhost:8080\r\n" + CLOSE + b"\r\n",
    "Host of IPv6": b"GET /echo HTTP/1.1\r\nHost: [::1]:8080\r\n" + CLOSE + b"\r\n",
    "Host with an underscore": b"GET /echo HTTP/1.1\r\nHost: deploy_service\r\n" + CLOSE + b"\r\n",
    "the URL of this host": b"GET http://flow.example/echo HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n",
    "the same, spelled differently": b"GET HTTP://Flow.Example:80/echo HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n",
    "line breaks before it": b"\r\n\r\n" + LAST_GET,
    "chunked in capitals": POST + CLOSE + b"Transfer-Encoding: CHUNKED \r\n\r\n0\r\n\r\n",
    "Content-Length before a space": POST + CLOSE + b"Content-Length: 2 \r\n\r\n{}",
    "chunks with extensions": CHUNKED + b'2;a=b;c="d"\r\n{}\r\n0;e\r\n\r\n',
    "many small chunks": CHUNKED + b"1\r\nx\r\n" * 20_000 + b"0\r\n\r\n",
    "a hundred fields": GET + CLOSE + b"X-A: b\r\n" * 100 + b"\r\n",
    "a body that was announced": POST + CLOSE + b"Expect: 100-Continue\r\nContent-Length: 2\r\n\r\n{}",
}


@pytest.mark.parametrize("request_", TAKEN)
def test_valid_http_is_served(server: EchoServer, request_: str) -> None:
    assert statuses(server.exchange(TAKEN[request_]))[-1] == 200
    pieces = (TAKEN[request_][number : number + 7] for number in range(0, min(2000, len(TAKEN[request_])), 7))
    if len(TAKEN[request_]) < 2000:
        assert statuses(server.exchange(*pieces))[-1] == 200


@pytest.mark.parametrize("method", [b"TRACE", b"PURGE"])
def test_a_method_that_no_route_has_repeats_nothing(server: EchoServer, method: bytes) -> None:
    received = server.exchange(method + b" /echo HTTP/1.1\r\nX-Secret: abc\r\n" + HOST + CLOSE + b"\r\n")
    assert statuses(received) == [405]
    assert b"abc" not in received


def test_options_with_a_star_is_not_a_server_error(server: EchoServer) -> None:
    assert statuses(server.exchange(b"OPTIONS * HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n"))[0] < 500


@pytest.mark.parametrize("expect", [b"200-ok", b"100-continue, x", b""])
def test_an_unknown_expectation_is_refused(server: EchoServer, expect: bytes) -> None:
    assert refused(server.exchange(GET + b"Expect: " + expect + b"\r\n\r\n")) == 417


@pytest.mark.parametrize(
    "framing",
    [b"Content-Length: 31\r\n\r\n%b", b"Transfer-Encoding: chunked\r\n\r\n1f\r\n%b\r\n0\r\n\r\n"],
)
def test_the_body_of_an_upgrade_is_not_a_request(server: EchoServer, framing: bytes) -> None:
    """Java's HttpClient asks for h2c with its first request."""
    upgrade = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\n"
    hidden = b"GET /echo HTTP/1.1\r\nHost: a\r\n\r\n"
    received = server.exchange(POST + upgrade + framing % hidden + LAST_GET)
    assert statuses(received) == [200, 200]
    last = POST + b"Connection: upgrade, close\r\nUpgrade: h2c\r\n" + framing % hidden
    assert echo_of(server.exchange(last)).body == hidden.decode()


HUGE_HEADS = {
    "one value": GET + b"X-A: " + b"a" * 70_000 + b"\r\n\r\n",
    "spaces before a value": GET + b"X-A:" + b" " * 70_000 + b"a\r\n\r\n",
    "spaces after a value": GET + b"X-A: a" + b" " * 70_000 + b"\r\n\r\n",
    "a name": GET + b"X" * 70_000 + b": a\r\n\r\n",
    "the target": b"GET /echo?" + b"a" * 70_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "many long fields": GET + (b"X-A: " + b"a" * 700 + b"\r\n") * 100 + b"\r\n",
    "many short fields": GET + b"A:\r\n" * 129 + b"\r\n",
    "no end": GET + b"X-A: " + b"a" * 70_000,
}


@pytest.mark.parametrize("attack", HUGE_HEADS)
def test_a_huge_head_is_refused_however_it_is_split(server: EchoServer, attack: str) -> None:
    head = HUGE_HEADS[attack]
    assert refused(server.exchange(head)) == 431
    assert refused(server.exchange(head[:50], head[50:])) == 431
    assert statuses(server.exchange(GET + b"\r\n" + head)) == [200, 431]
    assert statuses(server.exchange(POST + b"Content-Length: 40000\r\n\r\n" + b"x" * 40_000 + head)) == [200, 431]


def padded(size: int) -> bytes:
    """Return a head of exactly this size."""
    begin, end = GET + CLOSE + b"X-A: ", b"\r\n\r\n"
    return begin + b"a" * (size - len(begin) - len(end)) + end


@pytest.mark.parametrize("before", [b"", GET + b"\r\n", POST + b"Content-Length: 9\r\n\r\n123456789"])
def test_a_head_is_measured_to_the_byte(server: EchoServer, before: bytes) -> None:
    largest = padded(64 * KIB)
    assert statuses(server.exchange(before + largest))[-1] == 200
    assert statuses(server.exchange(before + largest[:40], largest[40:]))[-1] == 200
    assert statuses(server.exchange(before + padded(64 * KIB + 1)))[-1] == 431
    assert statuses(server.exchange(before + largest[:-2], b"b\r\n\r\n"))[-1] == 431


def test_trailers_are_not_headers(server: EchoServer) -> None:
    trailers = b"X-Api-Key: stolen\r\nX-Forwarded-For: 1.2.3.4\r\nCookie: a=b\r\nHost: evil.example\r\n"
    seen = echo_of(server.exchange(CHUNKED + b"2\r\n{}\r\n0\r\n" + trailers + b"\r\n"))
    assert seen.body == "{}"
    assert names(seen) == {"host", "connection", "transfer-encoding"}
    assert ("host", "flow.example") in seen.headers


def test_trailers_are_not_headers_of_the_next_request(server: EchoServer) -> None:
    head = POST + b"Transfer-Encoding: chunked\r\n\r\n"
    for pieces in ((head + b"0\r\nX-A: b\r\n\r\n" + LAST_GET,), (head + b"0\r\nX-A", b": b\r\n\r", b"\n" + LAST_GET)):
        received = server.exchange(*pieces)
        assert statuses(received) == [200, 200]
        assert "x-a" not in names(echo_of(received))


TRAILER_FLOODS = {
    "many fields": b"X-A: b\r\n",
    "long fields": b"X-A: " + b"b" * 1000 + b"\r\n",
    "one field without an end": b"b",
    "one name without an end": b"X-A",
}


@pytest.mark.parametrize("flood", TRAILER_FLOODS)
def test_a_flood_of_trailers_takes_no_memory(server: EchoServer, flood: str) -> None:
    before = server.resident_mib()
    begin = CHUNKED + b"0\r\n" + (b"X-A: " if flood == "one field without an end" else b"")
    piece = TRAILER_FLOODS[flood] * (MIB // len(TRAILER_FLOODS[flood]))
    held, highest = [], before
    try:
        for _ in range(4):
            caller = socket.create_connection(("127.0.0.1", server.port), timeout=30)
            held.append(caller)
            try:
                caller.sendall(begin)
                for _ in range(15):
                    caller.sendall(piece)
            except OSError:
                pass
            highest = max(highest, server.resident_mib())
    finally:
        for caller in held:
            caller.close()
    assert highest - before < 48
    assert refused(server.exchange(begin + piece[: 20 * KIB])) == 431


def test_trailers_are_bounded_for_any_segmentation(server: EchoServer) -> None:
    flood = b"0\r\n" + b"X-A: b\r\n" * 2000
    pieces = [flood[number : number + 1000] for number in range(0, len(flood), 1000)]
    assert refused(server.exchange(CHUNKED, *pieces)) == 431


def test_pipelined_requests_are_bounded(server: EchoServer) -> None:
    received = server.exchange((b"GET /slow HTTP/1.1\r\n" + HOST + b"\r\n") + (GET + b"\r\n") * 5000)
    assert statuses(received) == [200] * 33
    assert b"connection: close" in received.rpartition(b"HTTP/1.1 ")[2].lower()


def test_pipelined_requests_answered_together_are_all_answered(server: EchoServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as caller:
        for _ in range(10):
            caller.sendall((GET + b"\r\n") * 20)
            received = b""
            while len(statuses(received)) < 20 or not received.endswith(b"}"):
                received += caller.recv(MIB)
            assert statuses(received) == [200] * 20
