"""Fault injection: rules that say which requests are spoilt, how, and how often.

A rule is a JSON object:

    {"name": "lost answers",                     optional, shown in the ledger
     "match": {"method": "POST", "path": "^/api/v1/work_orders$", "body": "Freezer", "query": "updated_at"},
     "nth": 3, "skip": 10, "count": 5, "probability": 0.2, "for_seconds": 4,
     "action": "reset_after", ...}

`path`, `query` and `body` are regular expressions (search). Of the matching requests `skip` pass first, then `nth` picks one (counted
from 1), `probability` some of them, and the rule retires after `count` firings, or `for_seconds` after it was made. The first rule that
fires wins.

Actions: see ACTIONS. `latency_ms` may be added to any action. `write` says whether the provider does the work before the fault.
"""

from __future__ import annotations

import base64
import json
import random
import re
import time
from dataclasses import dataclass, field

from .http import Delivery, Request, Response

# action -> (does the provider do the work?, may the rule's "write" change that?, members of its own)
ACTIONS: dict[str, tuple[bool, bool, frozenset[str]]] = {
    "latency": (True, False, frozenset()),
    "hang": (False, True, frozenset({"seconds"})),  # no answer; with seconds: the answer comes after that time
    "reset_before": (False, False, frozenset()),
    "reset_after": (True, False, frozenset()),
    "status": (False, True, frozenset({"status", "headers", "body"})),
    "truncate": (True, True, frozenset({"bytes"})),
    "dribble": (True, True, frozenset({"bytes_per_second"})),  # the whole answer, so slowly that a client gives up
    "huge": (True, True, frozenset({"bytes"})),
    "redirect": (False, True, frozenset({"location", "status"})),
    "drop_fields": (True, False, frozenset({"fields"})),
    "replace_body": (True, True, frozenset({"status", "headers", "body", "base64"})),
}
COMMON_MEMBERS = frozenset({"name", "match", "nth", "skip", "count", "probability", "for_seconds", "action", "latency_ms", "write"})
MATCH_MEMBERS = frozenset({"method", "path", "query", "body"})


class BadRule(ValueError):
    """A fault rule that cannot be understood."""


@dataclass
class Rule:
    rule_id: int
    specification: dict
    seen: int = 0
    fired: int = 0
    patterns: dict[str, re.Pattern] = field(default_factory=dict)
    made_at: float = field(default_factory=time.monotonic)

    @property
    def name(self) -> str:
        return self.specification.get("name") or f"{self.action} #{self.rule_id}"

    @property
    def action(self) -> str:
        return self.specification["action"]

    @property
    def does_work(self) -> bool:
        default, changeable, _ = ACTIONS[self.action]
        return bool(self.specification.get("write", default)) if changeable else default

    def matches(self, request: Request) -> bool:
        method = self.specification.get("match", {}).get("method")
        if method and method.upper() != request.method:
            return False
        subjects = {"path": request.path, "query": request.query_string, "body": None}
        for part, pattern in self.patterns.items():
            subject = request.body.decode("utf-8", "replace") if part == "body" else subjects[part]
            if not pattern.search(subject):
                return False
        return True

    def decides_to_fire(self, dice: random.Random) -> bool:
        """Called for each matching request; keeps the counts."""
        specification = self.specification
        if "count" in specification and self.fired >= specification["count"]:
            return False
        if time.monotonic() - self.made_at >= specification.get("for_seconds", float("inf")):
            return False
        self.seen += 1
        place = self.seen - specification.get("skip", 0)
        if place <= 0 or ("nth" in specification and place != specification["nth"]):
            return False
        if dice.random() >= specification.get("probability", 1.0):
            return False
        self.fired += 1
        return True

    def describe(self) -> dict:
        return {"id": self.rule_id, "name": self.name, "seen": self.seen, "fired": self.fired, **self.specification}

    def spoil(self, response: Response | None) -> tuple[Response, Delivery]:
        """The response and its delivery under this rule; `response` is None when no work was done."""
        specification = self.specification
        delivery = Delivery(latency=specification.get("latency_ms", 0) / 1000)
        answer = response if response is not None else Response.of_json(200, {})
        if self.action == "hang":
            if "seconds" in specification:
                delivery.latency += specification["seconds"]
            else:
                delivery.mode = "hang"
        elif self.action in ("reset_before", "reset_after"):
            delivery.mode = "reset"
        elif self.action == "status":
            status = specification.get("status", 500)
            body = specification.get("body", {"status": "error", "message": f"injected {status}"})
            answer = _answer(status, body, specification.get("headers", {}))
        elif self.action == "truncate":
            delivery.mode, delivery.size = "truncate", specification.get("bytes", max(1, len(answer.body) // 2))
        elif self.action == "dribble":
            delivery.mode, delivery.size = "dribble", specification.get("bytes_per_second", 10)
        elif self.action == "huge":
            delivery.mode, delivery.size = "huge", specification.get("bytes", 1_000_000_000)
        elif self.action == "redirect":
            headers = {"Location": specification.get("location", "http://elsewhere.invalid/")}
            answer = _answer(specification.get("status", 302), "", headers)
        elif self.action == "drop_fields":
            answer = _without(answer, specification.get("fields", []))
        elif self.action == "replace_body":
            status = specification.get("status", answer.status)
            answer = _answer(status, specification.get("body", ""), specification.get("headers", {}), specification.get("base64", False))
        return answer, delivery


def _answer(status: int, body: object, headers: dict[str, str], is_base64: bool = False) -> Response:
    if is_base64:
        content = base64.b64decode(str(body))
    else:
        content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    content_type = "text/plain" if isinstance(body, str) else "application/json"
    given = {name.lower() for name in headers}
    defaults = [] if "content-type" in given else [("Content-Type", content_type)]
    return Response(status, content, defaults + [(name, str(value)) for name, value in headers.items()])


def _without(response: Response, paths: list[str]) -> Response:
    """The JSON response without the members named by dotted paths such as data.id; a list on the way means each of its elements. What is no
    JSON stays as it is."""

    def drop(node: object, names: list[str]) -> None:
        if isinstance(node, list):
            for element in node:
                drop(element, names)
        elif isinstance(node, dict):
            if len(names) == 1:
                node.pop(names[0], None)
            else:
                drop(node.get(names[0]), names[1:])

    try:
        document = json.loads(response.body)
    except ValueError:
        return response
    for path in paths:
        drop(document, path.split("."))
    return Response(response.status, json.dumps(document).encode(), response.headers)


class Faults:
    """The set of rules in force."""

    def __init__(self, seed: int = 1) -> None:
        self._rules: list[Rule] = []
        self._last_id = 0
        self._dice = random.Random(seed)

    def add(self, specification: object) -> Rule:
        if not isinstance(specification, dict):
            raise BadRule("a fault rule is a JSON object")
        action = specification.get("action")
        if action not in ACTIONS:
            raise BadRule(f"unknown action {action!r}; known: {', '.join(sorted(ACTIONS))}")
        unknown = set(specification) - COMMON_MEMBERS - ACTIONS[action][2]
        unknown_match = set(specification.get("match", {})) - MATCH_MEMBERS
        if unknown or unknown_match:
            raise BadRule(f"unknown member of a fault rule: {', '.join(sorted(unknown | unknown_match))}")
        patterns = {}
        for part in ("path", "query", "body"):
            if part in specification.get("match", {}):
                try:
                    patterns[part] = re.compile(specification["match"][part])
                except re.error as problem:
                    raise BadRule(f"match.{part}: {problem}") from None
        self._last_id += 1
        rule = Rule(self._last_id, specification, patterns=patterns)
        self._rules.append(rule)
        return rule

    def clear(self) -> None:
        self._rules.clear()

    def describe(self) -> list[dict]:
        return [rule.describe() for rule in self._rules]

    def pick(self, request: Request) -> Rule | None:
        for rule in self._rules:
            if rule.matches(request) and rule.decides_to_fire(self._dice):
                return rule
        return None
