#!/usr/bin/env python3
"""A strict, stateful Mobility Work (partners API v1) test server.

    python3 test/simulator/mobility_work.py --port 0 --port-file /tmp/port

It follows the public API document and refuses what the document does not allow: a created task has no id in the answer, bulk requests
are accepted before they are processed, and nothing tells what changed but webhooks. See README.md for the control endpoints.
"""

from __future__ import annotations

import argparse
import asyncio
import hmac
import sys
from collections import Counter
from datetime import datetime, timedelta
from typing import Callable, Iterator

import mobility_work_fields as fields
from core.control import FIXED_SETTINGS, change_settings, choose, last_reference
from core.http import DuplicateMember, Request, Response
from core.provider import Provider
from core.ratelimit import RateLimit
from core.server import Simulator, add_arguments, run
from mobility_work_account import ALL_PLANS, NETWORK, PLANS, Account, QuotaUsedUp, Quotas, Tag, User, now
from mobility_work_parts import Bulk, Part, Parts
from mobility_work_tasks import BadQuery, Task, Tasks
from mobility_work_webhooks import Outbox

BASE_PATH = "/partners/v1"
CHOICES = {
    "plan": PLANS,
    "create_status": (201, 202),
    "first_page": (0, 1),
    "search_task_id": ("short", "uuid"),
    "unknown_parameter": ("ignore", "refuse"),
    "stock_quota_unit": ("requests", "items"),
}


class Refusal(Exception):
    """A request that is answered with an error document."""

    def __init__(self, status: int, message: str, problems: fields.Problems | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.problems = problems

    def response(self) -> Response:
        # 4000001 and 401001 are documented; the other codes are made like the latter [I].
        document: dict = {"code": self.status * 1000 + 1, "message": str(self)}
        if self.problems is not None:
            document = {"code": 4000001, "message": str(self), "extended_message": self.problems.document()}
        return Response.of_json(self.status, document)


class UnannouncedRateLimit(RateLimit):
    """No headers of a rate limit are documented, so only a refusal says how long to wait."""

    def take(self, client: str) -> tuple[bool, list[tuple[str, str]]]:
        allowed, headers = super().take(client)
        return allowed, [header for header in headers if header[0] == "retry-after"]


class Background:
    """Runs work later on the server's own loop, so that the state needs no lock."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.TimerHandle] = set()

    def later(self, seconds: float, work: Callable[[], object]) -> None:
        if seconds <= 0:
            work()
            return

        def fire() -> None:
            self._waiting.discard(handle)
            work()

        handle = asyncio.get_running_loop().call_later(seconds, fire)
        self._waiting.add(handle)

    def reset(self) -> None:
        for handle in self._waiting:
            handle.cancel()
        self._waiting.clear()


Route = tuple[str, frozenset, Callable[[Request], Response]]  # method, plans that have it, function


class MobilityWork(Provider):
    def __init__(self, settings: argparse.Namespace) -> None:
        self.settings = settings
        self.background = Background()
        self.account = Account(settings.equipment)
        self.quotas = Quotas()
        self.outbox = Outbox(settings, self.background.later)
        self.tasks = Tasks(settings, self.account, self.outbox, self.background.later)
        self.parts = Parts(settings, self.account, self.outbox, self.background.later)
        self._routes = self._all_routes()

    # --- requests ---------------------------------------------------------------------------------------------------------------

    def _all_routes(self) -> dict[str, Route]:
        def of_bulk(bulk: Bulk) -> Callable[[Request], Response]:
            return lambda request: self._accept(request, bulk)

        routes: dict[str, Route] = {
            "/tasks": ("POST", ALL_PLANS, self._create_task),
            "/tasks/search": ("GET", ALL_PLANS, self._search_tasks),
            self.settings.network_path: ("GET", ALL_PLANS, lambda request: Response.of_json(200, NETWORK)),
        }
        routes |= {path: ("POST", bulk.plans, of_bulk(bulk)) for path, bulk in self.parts.bulks().items()}
        return {BASE_PATH + path: route for path, route in routes.items()}

    def handle(self, request: Request) -> Response:
        try:
            return self._route(request)(request)
        except Refusal as refusal:
            return refusal.response()
        except QuotaUsedUp:
            return Refusal(self.settings.quota_status, "The monthly quota of the subscription plan is used up").response()

    def refuse_rate(self, headers: list[tuple[str, str]]) -> Response:
        return Refusal(429, "Too many requests").response()

    def _route(self, request: Request) -> Callable[[Request], Response]:
        given = request.headers.get("api-key", "")
        if not hmac.compare_digest(given.encode(), self.settings.api_key.encode()):
            raise Refusal(401, "Authentication error")
        if request.path not in self._routes:
            raise Refusal(404, "Not found")
        method, plans, function = self._routes[request.path]
        if request.method != method:
            raise Refusal(405, "Method not allowed")
        if self.settings.plan not in plans:
            raise Refusal(403, "Subscription plan does not allow to use that API")
        return function

    @staticmethod
    def _document(request: Request) -> object:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise Refusal(415, "Content-Type should be application/json")
        try:
            return request.json()
        except (DuplicateMember, RecursionError, ValueError) as problem:
            problems = fields.Problems()
            problems.global_errors.append(f"Invalid JSON: {problem}")
            raise Refusal(400, "Invalid input", problems) from None

    def _create_task(self, request: Request) -> Response:
        problems = fields.Problems()
        values = self.tasks.validated(self._document(request), problems)
        if problems:
            raise Refusal(400, "Invalid input", problems)
        self.quotas.use("tasks", self.settings.plan)
        task = self.tasks.schedule(values)
        request.written = {"kind": "create", "id": task.short_id, "text": task.text}
        return Response.of_json(self.settings.create_status, None)

    def _search_tasks(self, request: Request) -> Response:
        try:
            self.tasks.check_query(request.query)
            return Response.of_json(200, self.tasks.search(request.query_string, request.query, request.path))
        except BadQuery as problem:
            problems = fields.Problems()
            problems.add(problem.parameter, problem)
            raise Refusal(400, "Invalid input", problems) from None

    def _accept(self, request: Request, bulk: Bulk) -> Response:
        problems = fields.Problems()
        items = fields.checked_items(self._document(request), bulk.checks, bulk.required, problems)
        if problems:
            raise Refusal(400, "Invalid input", problems)
        if bulk.quota:
            self.quotas.use(bulk.quota, self.settings.plan, len(items) if self.settings.stock_quota_unit == "items" else 1)
        self.parts.process(bulk, items)
        request.written = {"kind": bulk.kind, "id": bulk.resource, "text": f"{len(items)} items", "items": len(items)}
        return Response.of_json(202, None)

    # --- the provider's own users, played by the tests --------------------------------------------------------------------------

    def control(self) -> dict[tuple[str, str], Callable[[Request], object]]:
        return {
            ("GET", "/orders"): lambda request: [self._brief(task) for task in self.tasks.all.values()],
            ("POST", "/orders/create"): self._control_create,
            ("POST", "/orders/change"): self._control_change,
            ("POST", "/orders/activity"): self._control_activity,
            ("GET", "/parts"): lambda request: [self.parts.document(part) for part in self.parts.all.values()],
            ("POST", "/parts/create"): self._control_create_parts,
            ("POST", "/parts/move"): self._control_move_parts,
            ("GET", "/dropped"): lambda request: self.parts.dropped,
            ("GET", "/equipment"): lambda request: self._show_equipment(),
            ("POST", "/equipment"): self._control_equipment,
            ("GET", "/users"): lambda request: self._show_users(),
            ("POST", "/users"): self._control_users,
            ("GET", "/tags"): lambda request: [{"id": tag.id, "code": tag.code} for tag in self.account.tags],
            ("POST", "/tags"): self._control_tags,
            ("GET", "/quota"): lambda request: self.quotas.document(self.settings.plan),
            ("POST", "/quota"): self._control_quota,
            ("GET", "/webhooks"): lambda request: self.outbox.select(int(request.query.get("since", 0)), request.query.get("event", "")),
            ("GET", "/webhooks/deliveries"): lambda request: self.outbox.deliveries(),
            ("POST", "/settings"): self._control_settings,
        }

    def _brief(self, task: Task) -> dict:
        return {"id": task.short_id, "reference": last_reference(task.text), "visible": task.visible, **self.tasks.document(task)}

    def _user(self, wanted: dict) -> User:
        """Who does it: "by" is a user's native id, by default the owner of the key."""
        user = self.account.find_user(("native", wanted["by"])) if "by" in wanted else self.account.key_owner
        if user is None:
            raise ValueError(f"no user {wanted['by']!r}")
        return user

    @staticmethod
    def _moments(wanted: dict, name: str) -> Iterator[datetime]:
        """The named moment (default now) and those step_seconds (default 0: ties) after one another."""
        moment = fields.moment(wanted[name]) if name in wanted else now()
        step = timedelta(seconds=float(wanted.get("step_seconds", 0)))
        while True:
            yield moment
            moment += step

    def _validated(self, given: dict, creating: bool) -> dict:
        problems = fields.Problems()
        values = self.tasks.validated(given, problems, creating)
        if problems:
            raise ValueError(str(problems.document()))
        return values

    def _control_create(self, request: Request) -> object:
        """{"orders": [{..properties..}], "count": each so many times, "created_at", "step_seconds", "by"}"""
        wanted = request.json()
        moments = self._moments(wanted, "created_at")
        defaults = {"description": "Scheduled by a user", "assignees": [self.account.users[-1].id]}
        created = []
        for given in wanted.get("orders", [{}]):
            values = self._validated({**defaults, **given}, creating=True)
            for _ in range(int(wanted.get("count", 1))):
                created.append(self.tasks.schedule(values, next(moments), self._user(wanted)))
        return [self._brief(task) for task in created]

    def _control_change(self, request: Request) -> object:
        """{"ids": [..] | "count": N, "offset": M, "set": {"state", ..properties..}, "append_description", "updated_at", "step_seconds",
        "by"}"""
        wanted = request.json()
        chosen = choose(wanted, list(self.tasks.all.values()), self.tasks.find)
        moments = self._moments(wanted, "updated_at")
        values = dict(wanted.get("set", {}))
        state = values.pop("state", None)
        values = self._validated(values, creating=False)
        for task in chosen:
            self.tasks.edit(task, values)
            task.description += wanted.get("append_description", "")
            if state is not None:
                self.tasks.move(task, state, self._user(wanted), next(moments))
        return [self._brief(task) for task in chosen]

    def _control_activity(self, request: Request) -> object:
        """{"id", "description", "minutes", "at", "by"}"""
        wanted = request.json()
        task, on = self.tasks.find(wanted["id"]), next(self._moments(wanted, "at"))
        description, minutes = wanted.get("description", "replacement lamps"), int(wanted.get("minutes", 120))
        return self.tasks.add_activity(task, description, minutes, self._user(wanted), on)

    def _control_create_parts(self, request: Request) -> object:
        """{"parts": [{..properties..}], "count": each so many times, then with -1, -2, .. after the externalReference}"""
        wanted = request.json()
        created: list[Part] = []
        for given in wanted.get("parts", [{}]):
            created += self.parts.create(given, int(wanted.get("count", 1)))
        return [self.parts.document(part) for part in created]

    def _control_move_parts(self, request: Request) -> object:
        """{"action", "id": native | "articleCode", "quantity", "task", "by", "at"}; actions: consume, restock, recount (to the quantity),
        out_of_stock (consumes all), under_threshold (consumes down to one below the minimum)"""
        wanted = request.json()
        parts = self.parts.named(("native", wanted["id"]) if "id" in wanted else ("externalReference", wanted["articleCode"]))
        if not parts:
            raise ValueError("no such spare part")
        task = self.tasks.find(wanted["task"]) if "task" in wanted else None
        for part in parts:
            action, difference = self._movement(part, wanted)
            self.parts.move(part, action, difference, self._user(wanted), next(self._moments(wanted, "at")), task)
        return [self.parts.document(part) for part in parts]

    @staticmethod
    def _movement(part: Part, wanted: dict) -> tuple[str, int]:
        action = wanted["action"]
        if action == "out_of_stock":
            return "consume", -part.stock
        if action == "under_threshold":
            return "consume", part.attributes["minimumStock"] - 1 - part.stock
        if action not in ("consume", "restock", "recount"):
            raise ValueError(f"unknown action {action!r}")
        quantity = fields.quantity(wanted["quantity"])
        return action, {"consume": -quantity, "restock": quantity, "recount": quantity - part.stock}[action]

    def _show_equipment(self) -> object:
        return [{"id": row.id, "equipmentId": row.equipment_id, **row.attributes} for row in self.account.equipment.values()]

    def _control_equipment(self, request: Request) -> object:
        """[{"id": native, "itemCode", "name", "costCenter", ..}]: adds equipment."""
        for row in request.json():
            attributes = {name: value for name, value in row.items() if name != "id"}
            self.account.add_equipment(int(row["id"]), {"name": f"Machine Tool #{row['id']}", **attributes})
        return self._show_equipment()

    def _show_users(self) -> object:
        return [{"id": user.id, "email": user.email, **user.named()} for user in self.account.users]

    def _control_users(self, request: Request) -> object:
        """[{"id", "email", "firstName", "lastName"}]: replaces the users."""
        rows = [User(int(row["id"]), str(row["email"]).lower(), row["firstName"], row["lastName"]) for row in request.json()]
        if not rows:
            raise ValueError("a network has at least one user")
        self.account.users = rows
        return self._show_users()

    def _control_tags(self, request: Request) -> object:
        """[{"id", "code"}]: replaces the tags that tasks may have."""
        self.account.tags = [Tag(int(row["id"]), str(row["code"])) for row in request.json()]
        return request.json()

    def _control_quota(self, request: Request) -> object:
        self.quotas.change(request.json())
        return self.quotas.document(self.settings.plan)

    def _control_settings(self, request: Request) -> object:
        """Change command line settings while running, e.g. {"api_key": "new", "webhook_delay": 0.2}."""
        wanted = request.json()
        for name, value in wanted.items():
            if value not in CHOICES.get(name, (value,)):
                raise ValueError(f"{name} is one of {', '.join(map(str, CHOICES[name]))}")
        return change_settings(self.settings, wanted, FIXED_SETTINGS | {"network_path", "equipment"})

    def summary(self) -> dict:
        held = Counter(reference for task in self.tasks.all.values() if (reference := last_reference(task.text)))
        return {
            "orders": len(self.tasks.all),
            "doubled_orders": {name: count for name, count in held.items() if count > 1},
            "parts": len(self.parts.all),
            "doubled_parts": self.parts.doubled(),
            "dropped": len(self.parts.dropped),
            "webhooks": len(self.outbox.sent),
        }

    def reset(self) -> None:
        for part in (self.background, self.account, self.quotas, self.outbox, self.tasks, self.parts):
            part.reset()


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Mobility Work test server")
    add_arguments(parser)
    add = parser.add_argument
    add("--api-key", default="913a8f7cef6ff084f1635511b9c7d07c3bab2816")
    add("--plan", choices=CHOICES["plan"], default="ultimate", help="decides which endpoints, quotas and webhooks there are")
    add("--network-path", default="/network", help=f"where the network's settings are, below {BASE_PATH}")
    add("--equipment", type=int, default=200, help="equipment 1..N exists, as EQ-0001 and so on")
    add("--also-required", nargs="*", default=[], help="properties a task needs besides description and assignees")
    add("--create-status", type=int, choices=CHOICES["create_status"], default=201, help="the answer to a new task")
    add("--search-delay", type=float, default=0, help="seconds until the search shows a new task")
    add("--webhook-delay", type=float, default=0, help="seconds from what happened to its webhook")
    add("--bulk-delay", type=float, default=0, help="seconds until an accepted bulk request is processed")
    add("--webhook-url", help="really send webhooks there")
    add("--api-recount-webhook", action="store_true", help="a stock update through the API is a SparePartWasManuallyRecounted too")
    add("--first-page", type=int, choices=CHOICES["first_page"], default=0)
    add("--default-size", type=int, default=20)
    add("--max-size", type=int, default=100, help="a larger size is clamped without a word")
    add("--link-base", default="https://api.mobility-work.com", help="what the links of the search begin with")
    add("--search-task-id", choices=CHOICES["search_task_id"], default="short", help="taskId in the search: as in webhooks, or a UUID")
    add("--unknown-parameter", choices=CHOICES["unknown_parameter"], default="ignore", help="of the search")
    add("--stock-quota-unit", choices=CHOICES["stock_quota_unit"], default="requests", help="what 1000 a month counts")
    add("--quota-status", type=int, default=403, help="the answer when a monthly quota is used up")
    add("--rate-limit", type=int, default=0, help="requests per window and client, 0 for no limit")
    add("--rate-window", type=float, default=60, help="seconds")
    return parser.parse_args(arguments)


def build(settings: argparse.Namespace) -> Simulator:
    return Simulator(MobilityWork(settings), UnannouncedRateLimit(settings.rate_limit, settings.rate_window), settings.seed)


if __name__ == "__main__":
    parsed = parse_arguments()
    sys.exit(run(build(parsed), parsed))
