"""Ties the pieces together: provider, faults, rate limit, ledger and the control endpoints under /__control/."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import ssl
import sys
import time
from typing import Callable

from . import http
from .faults import BadRule, Faults
from .http import Delivery, Request, Response
from .ledger import UUID, Ledger
from .provider import Provider
from .ratelimit import RateLimit

CONTROL_PREFIX = "/__control"


class Simulator:
    """Dispatches each request: control, then fault, then rate limit, then the provider itself."""

    def __init__(self, provider: Provider, rate_limit: RateLimit, seed: int = 1) -> None:
        self.provider = provider
        self.rate_limit = rate_limit
        self.faults = Faults(seed)
        self.ledger = Ledger()
        self.listener: http.Listener | None = None  # while it serves
        self._outage: asyncio.Task | None = None
        self._control: dict[tuple[str, str], Callable[[Request], object]] = {
            ("GET", "/health"): lambda request: {"status": "ok"},
            ("GET", "/faults"): lambda request: self.faults.describe(),
            ("POST", "/faults"): self._add_faults,
            ("DELETE", "/faults"): self._clear_faults,
            ("GET", "/ledger"): self._show_ledger,
            ("DELETE", "/ledger"): self._clear_ledger,
            ("GET", "/summary"): self._show_summary,
            ("POST", "/rate_limit"): self._set_rate_limit,
            ("POST", "/outage"): self._begin_outage,
            ("POST", "/reset"): self._reset,
            **provider.control(),
        }

    def handle(self, request: Request) -> tuple[Response, Delivery, http.Done]:
        if request.path.startswith(CONTROL_PREFIX + "/"):
            return self._handle_control(request), Delivery(), lambda outcome: None
        entry = self.ledger.open(request)
        response, delivery = self._answer(request, entry)
        entry["status"] = None if delivery.mode in ("hang", "reset") else response.status
        entry["written"] = request.written
        return response, delivery, lambda outcome: self.ledger.close(entry, outcome, time.time())

    def _answer(self, request: Request, entry: dict) -> tuple[Response, Delivery]:
        rule = self.faults.pick(request)
        if rule is None:
            return self._work(request), Delivery()
        entry["fault"] = rule.name
        return rule.spoil(self._work(request) if rule.does_work else None)

    def _work(self, request: Request) -> Response:
        allowed, headers = self.rate_limit.take(request.peer)
        response = self.provider.handle(request) if allowed else self.provider.refuse_rate(headers)
        response.headers += headers
        return response

    def _handle_control(self, request: Request) -> Response:
        action = self._control.get((request.method, request.path[len(CONTROL_PREFIX) :]))
        if action is None:
            known = sorted(f"{method} {CONTROL_PREFIX}{path}" for method, path in self._control)
            return Response.of_json(404, {"error": "no such control endpoint", "known": known})
        try:
            return Response.of_json(200, action(request))
        except (BadRule, ValueError, KeyError, TypeError) as problem:
            return Response.of_json(400, {"error": f"{type(problem).__name__}: {problem}"})

    def _add_faults(self, request: Request) -> object:
        rules = request.json()
        return [self.faults.add(rule).describe() for rule in (rules if isinstance(rules, list) else [rules])]

    def _clear_faults(self, request: Request) -> object:
        self.faults.clear()
        return []

    def _show_ledger(self, request: Request) -> object:
        query = request.query
        return self.ledger.select(
            int(query.get("since", "0")),
            query.get("method", ""),
            query.get("path", ""),
            query.get("written", "") == "true",
            int(query.get("limit", "0")),
        )

    def _clear_ledger(self, request: Request) -> object:
        self.ledger.clear()
        return {}

    def _show_summary(self, request: Request) -> object:
        summary = self.ledger.summary(request.query.get("reference_pattern", UUID))
        faults = {rule["name"]: rule["fired"] for rule in self.faults.describe()}
        return {**summary, **self.provider.summary(), "faults": faults, "rate_limited": self.rate_limit.refused}

    def _set_rate_limit(self, request: Request) -> object:
        wanted = request.json()
        self.rate_limit.reset()
        self.rate_limit.limit = int(wanted["limit"])
        self.rate_limit.window_seconds = float(wanted.get("window_seconds", self.rate_limit.window_seconds))
        return {"limit": self.rate_limit.limit, "window_seconds": self.rate_limit.window_seconds}

    def _begin_outage(self, request: Request) -> object:
        """{"seconds": 3}: begins when this has been answered, and is not prolonged by a second one."""
        seconds = float(request.json()["seconds"])
        if self.listener is None or (self._outage and not self._outage.done()):
            return {"seconds": 0}
        loop = asyncio.get_running_loop()
        self._outage = loop.create_task(self._outage_after_answer(seconds))
        return {"seconds": seconds}

    async def _outage_after_answer(self, seconds: float) -> None:
        await asyncio.sleep(0.05)
        await self.listener.outage(seconds)

    def _reset(self, request: Request) -> object:
        self.provider.reset()
        self.faults.clear()
        self.ledger.clear()
        self.rate_limit.reset()
        return {}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line options that every simulated provider has."""
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free port")
    parser.add_argument("--port-file", help="the port is written here once the server listens")
    parser.add_argument("--tls-cert", help="serve HTTPS with this certificate (PEM)")
    parser.add_argument("--tls-key", help="and this key (PEM)")
    parser.add_argument("--seed", type=int, default=1, help="for faults with a probability")


def _announce(port: int, arguments: argparse.Namespace) -> None:
    scheme = "https" if arguments.tls_cert else "http"
    print(f"listening on {scheme}://{arguments.host}:{port}", flush=True)
    if arguments.port_file:
        # Renamed into place, so that a reader never sees half a number.
        temporary = f"{arguments.port_file}.{os.getpid()}"
        with open(temporary, "w", encoding="ascii") as port_file:
            port_file.write(f"{port}\n")
        os.replace(temporary, arguments.port_file)


def run(simulator: Simulator, arguments: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT."""
    tls = None
    if arguments.tls_cert:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(arguments.tls_cert, arguments.tls_key)

    async def serve_until_signalled() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        simulator.listener = http.Listener(simulator.handle, arguments.host, tls)
        await simulator.listener.open(arguments.port)
        _announce(simulator.listener.port, arguments)
        await stop.wait()
        simulator.listener.close()

    try:
        asyncio.run(serve_until_signalled())
    except OSError as problem:
        print(f"cannot listen on {arguments.host}:{arguments.port}: {problem}", file=sys.stderr)
        return 1
    return 0
