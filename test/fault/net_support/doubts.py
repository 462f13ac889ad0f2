"""Pieces of requests that some pair of servers did not understand alike.

Each list is one kind of doubt: the kinds of HTTP Garden, and what RFC 9112 §2-7 and §11.2 rule out. Some of what stands
here is well-formed: the judge (strict.py) says which.
"""

LENGTHS = [
    b"0", b"5", b"+5", b"-5", b"05", b"5 ", b" 5", b"\t5", b"5,5", b"5, 5", b"5,6", b"0x5", b"5\x0b", b"\x0c5",
    b"5_0", b"5.0", b"5e0", b"", b"5;", b"'5'", b"\"5\"", b"5\x00", b"18446744073709551621", b"4294967301", b"5 5",
    b"\xb25", b"\xd9\xa5", b"5\r", b"5\n", b"1e1", b"0b101", b"5\xa0", b"000000000000000000005",
]
CODINGS = [
    b"chunked", b"Chunked", b"CHUNKED", b" chunked", b"chunked ", b"\tchunked", b"chunked\t", b"\x0bchunked",
    b"chunked\x0b", b"\x0cchunked", b"chunked\x00", b"\x00chunked", b"chunked;", b"chunked;q=1", b"chunked,",
    b",chunked", b"chunked, chunked", b"identity", b"identity, chunked", b"chunked, identity", b"gzip, chunked",
    b"chunked, gzip", b"xchunked", b"chunkedx", b"chunk", b"\"chunked\"", b"'chunked'", b"", b"x", b"cow",
    b"chunked\xa0", b"\xffchunked", b"chun\tked", b"chunked\r", b"chunked\n", b"ch\xc3\xbcnked", b"deflate",
    b"trailers", b"c\r\n hunked", b"\r\n chunked", b"\n\tchunked", b"chunked\r\n\t", b"chunke\xc4\x91",
]
NAMES = [
    b"Transfer-Encoding", b"transfer-encoding", b"TRANSFER-ENCODING", b"Transfer-Encoding ", b" Transfer-Encoding",
    b"Transfer-Encoding\t", b"\tTransfer-Encoding", b"Transfer_Encoding", b"Transfer-Encoding\x00",
    b"Transfer-Encoding\x0b", b"\x00Transfer-Encoding", b"Transfer Encoding", b"Transfer-\r\n Encoding",
    b"Transfer-Encoding\r", b"\nTransfer-Encoding", b"Transfer-Encod\xefng", b"X\rTransfer-Encoding",
    b"X: y\nTransfer-Encoding", b"X: y\rTransfer-Encoding", b"\"Transfer-Encoding\"", b"Transfer-Encoding\xa0",
    b"Transfer-Encodin\xc4\xa0g", b"Content-Length\x00Transfer-Encoding",
]
LENGTH_NAMES = [
    name.replace(b"Transfer-Encoding", b"Content-Length")
    .replace(b"Transfer_Encoding", b"Content_Length")
    .replace(b"transfer-encoding", b"content-length")
    .replace(b"TRANSFER-ENCODING", b"CONTENT-LENGTH")
    for name in NAMES
]
CHUNKS = [
    b"5\r\nhello\r\n0\r\n\r\n", b"05\r\nhello\r\n0\r\n\r\n", b"5;x\r\nhello\r\n0\r\n\r\n",
    b"5 ;x=\"y\"\r\nhello\r\n0\r\n\r\n", b"5\nhello\r\n0\r\n\r\n", b"5\r\nhello\n0\r\n\r\n", b"5\r\nhello0\r\n\r\n",
    b"5\r\nhelloXX0\r\n\r\n", b"5\rXhello\r\n0\r\n\r\n", b"0x5\r\nhello\r\n0\r\n\r\n", b"+5\r\nhello\r\n0\r\n\r\n",
    b"-5\r\nhello\r\n0\r\n\r\n", b" 5\r\nhello\r\n0\r\n\r\n", b"5 \r\nhello\r\n0\r\n\r\n",
    b"5\t\r\nhello\r\n0\r\n\r\n", b"5_0\r\nhello\r\n0\r\n\r\n", b"\r\n5\r\nhello\r\n0\r\n\r\n",
    b"00000000000000005\r\nhello\r\n0\r\n\r\n", b"10000000000000005\r\nhello\r\n0\r\n\r\n",
    b"FFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n", b"100000005\r\nhello\r\n0\r\n\r\n", b"5;\x00\r\nhello\r\n0\r\n\r\n",
    b"5;\nhello\r\n0\r\n\r\n", b"5;\rX\r\nhello\r\n0\r\n\r\n", b"5;x=\"\r\n\"\r\nhello\r\n0\r\n\r\n",
    b"5\r\nhello\r\n0\n\r\n", b"5\r\nhello\r\n0\r\n\n", b"5\r\nhello\r\n0\r\nX: y\r\n\r\n",
    b"5\r\nhello\r\n0\r\nX : y\r\n\r\n", b"5\r\nhello\r\n0\r\nX\r\n\r\n",
    b"5\r\nhello\r\n0\r\nContent-Length: 40\r\n\r\n", b"5\r\nhello\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"5\r\nhello\r\n0\r\n\r", b"5\r\nhello\r\n00\r\n\r\n", b"5\r\nhello\r\n0;x\r\n\r\n", b"5\r\nhello\r\n\r\n\r\n",
    b"5\r\nhello\r\n0 \r\n\r\n", b"G\r\nhello\r\n0\r\n\r\n", b"\r\n\r\n", b"5,\r\nhello\r\n0\r\n\r\n",
    b"5\x0b\r\nhello\r\n0\r\n\r\n", b"5\x85\r\nhello\r\n0\r\n\r\n", b"5\r\r\nhello\r\n0\r\n\r\n",
    b"5\r\nhello\r\r\n0\r\n\r\n", b"5\r\nhello\r\n0\r\n\rX\r\n", b"5;x\n0\r\nhello\r\n0\r\n\r\n",
]
LINES = [
    b"GET / HTTP/1.1", b"GET  / HTTP/1.1", b"GET /  HTTP/1.1", b" GET / HTTP/1.1", b"GET / HTTP/1.1 ",
    b"GET\t/\tHTTP/1.1", b"GET /\x0bHTTP/1.1", b"GET /a b HTTP/1.1", b"GET / HTTP/1.1\x00", b"GET / HTTP/1.10",
    b"GET / HTTP/11.1", b"GET / HTTP/1,1", b"GET / HTTP/1.", b"GET / HTTP/1", b"GET / HTTP", b"GET /",
    b"GET / http/1.1", b"GET / HTTP/2.0", b"GET / HTTP/0.9", b"GET / HTTPS/1.1", b"GET / HTTP/1.1\r",
    b"G\xc9T / HTTP/1.1", b"G/T / HTTP/1.1", b"\"GET\" / HTTP/1.1", b"GET \x00/ HTTP/1.1", b"GET /\x7f HTTP/1.1",
    b"GET /\xff HTTP/1.1", b"GET a HTTP/1.1", b"GET ?x HTTP/1.1", b"GET * HTTP/1.1", b"GET http:/ HTTP/1.1",
    b"GET http://a HTTP/1.1", b"GET http://b/ HTTP/1.1", b"GET http://a@b/ HTTP/1.1", b"GET http://a:80/ HTTP/1.1",
    b"GET //b/ HTTP/1.1", b"GET http://a\\b/ HTTP/1.1", b"GET ftp://a/ HTTP/1.1", b"GET /#x HTTP/1.1",
    b"\r\nGET / HTTP/1.1", b"\nGET / HTTP/1.1", b"\rGET / HTTP/1.1", b"PRI * HTTP/2.0", b"CONNECT a:80 HTTP/1.1",
    b"TRACE / HTTP/1.1", b"OPTIONS * HTTP/1.1",
]
HOSTS = [
    b"Host: a", b"Host:a", b"Host : a", b" Host: a", b"Host: a\r\nHost: a", b"Host: a\r\nHost: b",
    b"Host: a\r\nhost: b", b"Host: a, b", b"Host: a b", b"Host: a/b", b"Host: a@b", b"Host: a:80:80", b"Host: a:x",
    b"Host: a:", b"Host: a:99999", b"Host:", b"Host: \x00a", b"Host: a#b", b"Host: a?b", b"Host: a\\b", b"Host: [::1",
    b"Host: [::1]x", b"Host: a\tb", b"Ho\x00st: a", b"X: y", b"Host: a\r\n b", b"Host: a\x0b", b"Host: \xe4",
    b"Host: a%00", b"Host_: a", b"H\xf6st: a", b"Host: a\rHost: b", b"Host: a\nHost: b",
]
FIELDS = [
    b": x", b"X", b"X Y: z", b"X\x00: y", b"X: \x00", b"X: y\x00z", b"X: y\rz", b"X: y\nz", b"X: y\r\n z",
    b"X: y\r\n\tz", b"(X): y", b"X[]: y", b"X@: y", b"X: y\x7f", b"X: y\x01", b"X:\x0by", b"=X: y", b"\xff: y",
    b"X;: y", b"X: y\r\r\nY: z", b"X: y\r\n\rY: z", b"Connection: Content-Length", b"Connection: Transfer-Encoding",
    b"Connection: Host", b"Connection: close, Host", b"Connection: \x00",
    b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__",
    b"Expect: 100-continue", b"Expect: x", b"Expect: 100-continue, x", b"Content-Length: 0\r\nContent-Length: 0",
    b"Content_Length: 5", b"Transfer_Encoding: chunked", b"X-HTTP-Method-Override: POST", b"TE: chunked",
    b"Trailer: Content-Length",
]
