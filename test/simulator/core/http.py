"""A small, fast HTTP/1.1 server: keep-alive, one event loop, and answers that can be spoilt on purpose.

One loop instead of a thread per connection: a hanging or slow answer costs nothing, several hundred connections are served evenly,
and the provider's state needs no locks because requests are handled one after the other.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import struct
import time
from collections import deque
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Callable, Iterator
from urllib.parse import parse_qsl, unquote

MAX_HEAD = 64 * 1024
MAX_BODY = 64 * 1024 * 1024
FILLER_BLOCK = 256 * 1024


class BadRequest(Exception):
    """The bytes on the wire are not a request this server understands."""


class DuplicateMember(ValueError):
    """A JSON object names the same member twice."""


def _unique_members(pairs: list[tuple[str, object]]) -> dict:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise DuplicateMember("a JSON object names a member twice")
    return members


@dataclass
class Request:
    method: str
    path: str
    query_string: str
    headers: dict[str, str]
    body: bytes
    peer: str
    received_at: float = field(default_factory=time.time)
    written: dict | None = None  # what the provider stored because of this request

    @property
    def query(self) -> dict[str, str]:
        """The last value of each query parameter."""
        return dict(parse_qsl(self.query_string, keep_blank_values=True))

    def json(self) -> object:
        """The body as strict JSON: UTF-8, no member named twice, no NaN. Raises ValueError."""

        def refuse_constant(name: str) -> object:
            raise ValueError(f"{name} is not JSON")

        return json.loads(self.body.decode("utf-8"), object_pairs_hook=_unique_members, parse_constant=refuse_constant)


@dataclass
class Response:
    status: int
    body: bytes = b""
    headers: list[tuple[str, str]] = field(default_factory=list)

    @classmethod
    def of_json(cls, status: int, document: object, headers: list[tuple[str, str]] | None = None) -> "Response":
        body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
        return cls(status, body, [("Content-Type", "application/json; charset=utf-8"), *(headers or [])])

    def head(self, content_length: int) -> bytes:
        try:
            reason = HTTPStatus(self.status).phrase
        except ValueError:
            reason = "Unknown"
        lines = [f"HTTP/1.1 {self.status} {reason}", f"Content-Length: {content_length}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


@dataclass
class Delivery:
    """How a response leaves: at once, late, never, cut short, or as far more bytes than anybody asked for."""

    mode: str = "answer"  # answer | hang | reset | truncate | dribble | huge
    latency: float = 0.0  # seconds
    size: int = 0  # bytes sent (truncate), promised (huge) or sent in a second (dribble)


Done = Callable[[str], None]
Handler = Callable[[Request], tuple[Response, Delivery, Done]]


def parse_request(buffer: bytearray, peer: str) -> tuple[Request | None, bool]:
    """Take one request from the front of the buffer: (request or None if incomplete, the client waits for 100 Continue)."""
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        if len(buffer) > MAX_HEAD:
            raise BadRequest("request head too large")
        return None, False
    lines = bytes(buffer[:end]).decode("latin-1").split("\r\n")
    try:
        method, target, version = lines[0].split(" ")
    except ValueError:
        raise BadRequest("malformed request line") from None
    if version != "HTTP/1.1":
        raise BadRequest(f"unsupported version {version}")
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise BadRequest("malformed header line")
        headers[name.lower()] = value.strip()
    if "host" not in headers:
        raise BadRequest("Host header is missing")
    body_start = end + 4
    if headers.get("transfer-encoding", "").lower() == "chunked":
        taken = _take_chunks(buffer, body_start)
        if taken is None:
            return None, "100-continue" in headers.get("expect", "").lower()
        body, consumed = taken
    else:
        length_text = headers.get("content-length", "0")
        if not length_text.isdigit() or int(length_text) > MAX_BODY:
            raise BadRequest("bad Content-Length")
        consumed = body_start + int(length_text)
        if len(buffer) < consumed:
            return None, "100-continue" in headers.get("expect", "").lower()
        body = bytes(buffer[body_start:consumed])
    del buffer[:consumed]
    path, _, query_string = target.partition("?")
    return Request(method, unquote(path), query_string, headers, body, peer), False


def _take_chunks(buffer: bytearray, position: int) -> tuple[bytes, int] | None:
    body = bytearray()
    while True:
        line_end = buffer.find(b"\r\n", position)
        if line_end < 0:
            return None
        try:
            size = int(bytes(buffer[position:line_end]).split(b";")[0], 16)
        except ValueError:
            raise BadRequest("bad chunk size") from None
        position = line_end + 2
        if len(body) + size > MAX_BODY:
            raise BadRequest("body too large")
        if len(buffer) < position + size + 2:
            return None
        if size == 0:
            return bytes(body), position + 2
        body += buffer[position : position + size]
        position += size + 2


class Connection(asyncio.Protocol):
    """One client connection; requests are answered in order."""

    def __init__(self, handler: Handler, connections: set["Connection"]) -> None:
        self._handler = handler
        self._connections = connections
        self._buffer = bytearray()
        self._requests: deque[Request] = deque()
        self._busy = False
        self._continued = False
        self._done: Done | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._filler: Iterator[bytes] | None = None
        self._writable = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._peer = (transport.get_extra_info("peername") or ("unknown",))[0]
        self._connections.add(self)
        connection = transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)
        if self._timer:
            self._timer.cancel()
        self._finish("client closed")

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        try:
            while self._buffer:
                request, wants_continue = parse_request(self._buffer, self._peer)
                if request is None:
                    if wants_continue and not self._continued:
                        self._continued = True
                        self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                    break
                self._continued = False
                self._requests.append(request)
        except BadRequest as problem:
            self._transport.write(_plain(400, str(problem)))
            self._transport.close()
            return
        self._next()

    def pause_writing(self) -> None:
        self._writable = False

    def resume_writing(self) -> None:
        self._writable = True
        asyncio.get_running_loop().call_soon(self._pump)  # not from within the transport's own writing

    def close(self) -> None:
        self._transport.abort()

    def _next(self) -> None:
        while self._requests and not self._busy and not self._transport.is_closing():
            self._busy = True
            response, delivery, self._done = self._handler(self._requests.popleft())
            if delivery.latency > 0:
                loop = asyncio.get_running_loop()
                self._timer = loop.call_later(delivery.latency, self._deliver_late, response, delivery)
            else:
                self._deliver(response, delivery)

    def _deliver_late(self, response: Response, delivery: Delivery) -> None:
        self._timer = None
        self._deliver(response, delivery)
        self._next()

    def _deliver(self, response: Response, delivery: Delivery) -> None:
        if self._transport.is_closing():
            return
        if delivery.mode == "hang":
            return  # stays busy until the client gives up
        if delivery.mode == "reset":
            connection = self._transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._finish("reset")
            self._transport.abort()
        elif delivery.mode == "truncate":
            self._transport.write(response.head(len(response.body)) + response.body[: delivery.size])
            self._finish("truncated")
            self._transport.close()
        elif delivery.mode == "dribble":
            self._dribble(response.head(len(response.body)) + response.body, delivery.size)
        elif delivery.mode == "huge":
            self._filler = _filler(response, delivery.size)
            self._pump()
        else:
            self._transport.write(response.head(len(response.body)) + response.body)
            self._finish("answered")

    def _dribble(self, rest: bytes, bytes_per_second: int) -> None:
        """One byte at a time, until all are sent or the client has gone."""
        self._timer = None
        if self._transport.is_closing():
            return
        self._transport.write(rest[:1])
        if len(rest) > 1:
            self._timer = asyncio.get_running_loop().call_later(1 / bytes_per_second, self._dribble, rest[1:], bytes_per_second)
        else:
            self._finish("answered")
            self._next()

    def _pump(self) -> None:
        if self._filler is None:
            return
        for block in self._filler:
            if self._transport.is_closing():
                self._filler = None
                return
            self._transport.write(block)
            if not self._writable:
                return
        self._filler = None
        self._finish("answered")
        self._next()

    def _finish(self, outcome: str) -> None:
        self._busy = False
        done, self._done = self._done, None
        if done:
            done(outcome)


def _filler(response: Response, size: int) -> Iterator[bytes]:
    """A syntactically valid JSON answer of `size` bytes, made block by block."""
    opening, closing = b'{"status":"success","data":{"id":1,"title":"', b'"}}'
    yield response.head(size) + opening
    remaining = max(0, size - len(opening) - len(closing))
    block = b"a" * FILLER_BLOCK
    while remaining > 0:
        yield block[:remaining]
        remaining -= min(remaining, FILLER_BLOCK)
    yield closing


def _plain(status: int, text: str) -> bytes:
    response = Response(status, text.encode(), [("Content-Type", "text/plain"), ("Connection", "close")])
    return response.head(len(response.body)) + response.body


class Listener:
    """Where the server listens, and the connections that came of it. An outage is what a restart of the provider looks like from outside:
    connections break, new ones are refused, and its records are still there when it is back."""

    def __init__(self, handler: Handler, host: str, tls: ssl.SSLContext | None) -> None:
        self._handler = handler
        self._host = host
        self._tls = tls
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def open(self, port: int) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Connection(self._handler, self._connections), self._host, port, ssl=self._tls, backlog=1024, reuse_address=True
        )
        self.port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        if self._server:
            self._server.close()
            self._server = None
        for connection in list(self._connections):
            connection.close()

    async def outage(self, seconds: float) -> None:
        self.close()
        await asyncio.sleep(seconds)
        while self._server is None:
            try:
                await self.open(self.port)
            except OSError:  # a client that tries to connect may have been given the port as its own
                await asyncio.sleep(0.05)
