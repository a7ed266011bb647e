"""$batch with queries: a multipart of GET requests, answered with a multipart of their answers. Change sets are not simulated."""

from __future__ import annotations

import re
import uuid
from typing import Callable

from core.http import BadRequest, Request, Response, parse_request
from sap_pm_odata import ODataError


def _parts(request: Request) -> list[bytes]:
    boundary = re.fullmatch(r'multipart/mixed;\s*boundary="?([^";]+)"?', request.headers.get("content-type", ""))
    if not boundary:
        raise ODataError(415, "The content type must be multipart/mixed with a boundary")
    pieces = request.body.replace(b"\r\n", b"\n").split(b"--" + boundary[1].encode())
    if len(pieces) < 3 or not pieces[-1].startswith(b"--"):
        raise ODataError(400, "Malformed multipart body")
    return pieces[1:-1]


def _inner_request(part: bytes, outer: Request, root: str) -> Request:
    head, _, content = part.strip().partition(b"\n\n")
    if b"application/http" not in head.lower():
        raise ODataError(501, "Change sets are not simulated")
    lines = content.strip().split(b"\n")
    words = lines[0].split(b" ")
    if len(words) == 3 and not words[1].startswith(b"/"):
        words[1] = root.encode() + b"/" + words[1]
    wire = b"\r\n".join([b" ".join(words), b"host: " + outer.headers["host"].encode(), *lines[1:]]) + b"\r\n\r\n"
    try:
        request, _ = parse_request(bytearray(wire), outer.peer)
    except BadRequest as problem:
        raise ODataError(400, str(problem)) from None
    if request is None or request.method != "GET":
        raise ODataError(400, "Outside of a change set only GET is allowed")
    inherited = {name: outer.headers[name] for name in ("authorization", "sap-client") if name in outer.headers}
    request.headers = {**inherited, **request.headers}
    return request


def serve_batch(request: Request, root: str, handle: Callable[[Request], Response]) -> Response:
    """`root` is the path of the service; `handle` answers one request."""
    answers = [handle(_inner_request(part, request, root)) for part in _parts(request)]
    boundary = uuid.uuid4().hex
    body = b""
    for answer in answers:
        wire = answer.head(len(answer.body)) + answer.body
        head = f"--{boundary}\r\nContent-Type: application/http\r\nContent-Length: {len(wire)}\r\ncontent-transfer-encoding: binary\r\n\r\n"
        body += head.encode() + wire + b"\r\n"
    return Response(202, body + f"--{boundary}--\r\n".encode(), [("content-type", f"multipart/mixed; boundary={boundary}")])
