#!/usr/bin/env python3
"""Fixly, a CMMS that does not exist: the one that docs/adding-a-provider.md connects.

    python3 test/simulator/made_up.py --port 0 --port-file /tmp/port

Small, but strict: it refuses what the page's table of its API does not allow.
"""

from __future__ import annotations

import argparse
import sys
from datetime import datetime, timezone
from typing import Callable

from core.control import choose, last_reference, moments
from core.http import Request, Response
from core.provider import Provider
from core.ratelimit import RateLimit
from core.server import Simulator, add_arguments, run

BASE_PATH = "/api"
STATES = ("OPEN", "WORKING", "PARKED", "DONE", "SHUT", "VOID")
FIELDS: dict[str, Callable[[object], bool]] = {
    "summary": lambda value: isinstance(value, str) and 0 < len(value) <= 80,
    "details": lambda value: isinstance(value, str),
    "state": lambda value: value in STATES,
    "urgency": lambda value: type(value) is int and 1 <= value <= 4,
    "due": lambda value: value is None or parse_time(value) is not None,
    "key": lambda value: isinstance(value, str) and len(value) <= 60,
}
LIST_PARAMETERS = {"modified_from", "order", "page", "limit", "key"}


def parse_time(text: object) -> datetime | None:
    """Whole seconds of UTC, 2026-01-31T12:00:00Z, and nothing else."""
    try:
        return datetime.strptime(str(text), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    except ValueError:
        return None


class Refusal(Exception):
    def __init__(self, status: int, text: str, fields: dict | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.fields = fields or {}

    def response(self) -> Response:
        return Response.of_json(self.status, {"fault": {"text": str(self), "fields": self.fields}})


class Fixly(Provider):
    def __init__(self, settings: argparse.Namespace) -> None:
        self.settings = settings
        self.jobs: dict[int, dict] = {}

    def handle(self, request: Request) -> Response:
        try:
            return self._route(request)
        except Refusal as refusal:
            return refusal.response()

    def refuse_rate(self, headers: list[tuple[str, str]]) -> Response:
        return Refusal(429, "too many requests").response()

    def _route(self, request: Request) -> Response:
        if request.headers.get("x-fixly-token") != self.settings.token:
            raise Refusal(401, "the token is not valid")
        if request.path == f"{BASE_PATH}/jobs" and request.method == "GET":
            return self._list(request.query)
        if request.path == f"{BASE_PATH}/jobs" and request.method == "POST":
            return self._create(request)
        number = request.path.removeprefix(f"{BASE_PATH}/jobs/")
        job = self.jobs.get(int(number)) if number.isdecimal() else None
        if job is None:
            raise Refusal(404, "no such job")
        if request.method == "PATCH":
            job.update(self._fields(request), modified=datetime.now(timezone.utc))
            request.written = {"kind": "update", "id": job["number"], "text": job["key"]}
        elif request.method != "GET":
            raise Refusal(405, f"{request.method} is not possible")
        return Response.of_json(200, {"job": self._shown(job)})

    def _fields(self, request: Request) -> dict:
        try:
            document = request.json()
        except ValueError:
            raise Refusal(400, "the body is not JSON") from None
        if not isinstance(document, dict) or set(document) != {"job"} or not isinstance(document["job"], dict):
            raise Refusal(400, 'the body must be {"job": {..}}')
        wrong = {name: "is not valid" for name, value in document["job"].items() if name not in FIELDS or not FIELDS[name](value)}
        if wrong:
            raise Refusal(422, "the job has errors", wrong)
        return document["job"]

    def _create(self, request: Request) -> Response:
        fields = self._fields(request)
        if "summary" not in fields:
            raise Refusal(422, "the job has errors", {"summary": "is missing"})
        job = self._store(fields)
        request.written = {"kind": "create", "id": job["number"], "text": job["key"]}
        return Response.of_json(201, {"job": self._shown(job)})

    def _store(self, fields: dict) -> dict:
        job = {"number": len(self.jobs) + 1, "details": "", "state": "OPEN", "urgency": 3, "due": None, "key": "", **fields}
        job["modified"] = datetime.now(timezone.utc)
        self.jobs[job["number"]] = job
        return job

    def _list(self, query: dict[str, str]) -> Response:
        page, limit = query.get("page", "0"), query.get("limit", "20")
        since = parse_time(query.get("modified_from", "1970-01-01T00:00:00Z"))
        if set(query) - LIST_PARAMETERS or query.get("order", "modified") != "modified" or since is None:
            raise Refusal(400, "unknown parameter, order or time")
        if not page.isdecimal() or not limit.isdecimal() or not 1 <= int(limit) <= 100:
            raise Refusal(400, "page and limit must be numbers, limit at most 100")
        found = [job for job in self.jobs.values() if job["modified"].replace(microsecond=0) >= since and query.get("key", "") in job["key"]]
        found.sort(key=lambda job: job["modified"])
        first = int(page) * int(limit)
        shown = [self._shown(job) for job in found[first : first + int(limit)]]
        return Response.of_json(200, {"jobs": shown, "next_page": int(page) + 1 if len(found) > first + int(limit) else None})

    @staticmethod
    def _shown(job: dict) -> dict:
        return {**job, "modified": job["modified"].strftime("%Y-%m-%dT%H:%M:%SZ")}

    # --- Fixly's own users, played by the test ---------------------------------------------------------------------------------

    def control(self) -> dict[tuple[str, str], Callable[[Request], object]]:
        return {
            ("GET", "/orders"): lambda request: [
                {"id": job["number"], "reference": last_reference(job["key"]), **self._shown(job)} for job in self.jobs.values()
            ],
            ("POST", "/orders/change"): self._control_change,
        }

    def _control_change(self, request: Request) -> object:
        """{"ids": [..], "set": {"state": "WORKING", ..}}"""
        wanted = request.json()
        chosen = choose(wanted, list(self.jobs.values()), lambda number: self.jobs[int(str(number))])
        for job, moment in zip(chosen, moments(wanted, len(chosen), parse_time)):
            job.update(wanted["set"], modified=moment)
        return [self._shown(job) for job in chosen]

    def summary(self) -> dict:
        return {"orders": len(self.jobs)}

    def reset(self) -> None:
        self.jobs.clear()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Fixly test server")
    add_arguments(parser)
    parser.add_argument("--token", default="t-123456")
    parser.add_argument("--rate-limit", type=int, default=0, help="requests per window and client, 0 for no limit")
    parser.add_argument("--rate-window", type=float, default=60, help="seconds")
    parsed = parser.parse_args()
    sys.exit(run(Simulator(Fixly(parsed), RateLimit(parsed.rate_limit, parsed.rate_window), parsed.seed), parsed))
