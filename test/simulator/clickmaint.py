#!/usr/bin/env python3
"""A strict, stateful Click Maint (API v1) test server.

    python3 test/simulator/clickmaint.py --port 0 --port-file /tmp/port

It follows the public API document and refuses what the document does not allow, so that a connector that works here has no
misunderstanding left to bring to the real service. See README.md for the control endpoints.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Callable

import clickmaint_rules as rules
from core.control import FIXED_SETTINGS, change_settings, choose, last_reference, moments
from core.http import DuplicateMember, Request, Response
from core.provider import Provider
from core.ratelimit import RateLimit
from core.server import Simulator, add_arguments, run

BASE_PATH = "/api/v1"
CUSTOMER = {"id": 1, "name": "Simulated Customer"}
# Account-defined rows: the ids are deliberately not 1, 2, 3 in the order of the lifecycle.
STATUSES = {3: "Open", 1: "In Progress", 5: "On Hold", 8: "Completed", 13: "Closed", 21: "Cancelled", 34: "Waiting for Parts"}
DEFAULT_STATUS = 3
USER = {"id": 15, "name": "Api", "surname": "Key"}


def utc_now() -> datetime:
    return datetime.now(timezone.utc)


@dataclass
class WorkOrder:
    id: int
    entity_id: int
    title: str
    created_at: datetime
    updated_at: datetime
    type: str = "reactive"
    description: str | None = None
    priority: str = "none"
    status_id: int = DEFAULT_STATUS
    work_order_request_id: int | None = None
    due_date: datetime | None = None
    completed_at: datetime | None = None
    location_id: int | None = None
    asset_id: int | None = None
    categories_ids: list = field(default_factory=list)
    account_codes_ids: list = field(default_factory=list)
    procedure_template_ids: list = field(default_factory=list)
    technicians_ids: list = field(default_factory=list)
    vendors_ids: list = field(default_factory=list)
    notify_vendors_on_create: str = "no"
    notify_vendors_on_update: str = "no"
    checklist: list = field(default_factory=list)

    @property
    def text(self) -> str:
        """Where a client may have left its own reference."""
        return f"{self.title}\n{self.description or ''}"


class Refusal(Exception):
    """A request that is answered with an error envelope."""

    def __init__(self, status: int, message: str, errors: rules.Errors | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.errors = errors

    def response(self) -> Response:
        document = {"status": "error", "message": str(self)}
        if self.errors:
            document["errors"] = self.errors
        return Response.of_json(self.status, document)


class ClickMaint(Provider):
    def __init__(self, settings: argparse.Namespace) -> None:
        self.settings = settings
        self.entities = {number: {"id": number, "name": f"Entity {number}"} for number in settings.entity}
        self.statuses = dict(STATUSES)
        self.orders: dict[int, WorkOrder] = {}
        self._last_id = 1125  # the document's sample is 1126
        self._orders_path = BASE_PATH + settings.work_order_path
        self._order_path = re.compile(re.escape(self._orders_path) + r"/([^/]+)")

    # --- requests ---------------------------------------------------------------------------------------------------------------

    def handle(self, request: Request) -> Response:
        try:
            self._authenticate(request)
            return self._route(request)
        except Refusal as refusal:
            return refusal.response()

    def refuse_rate(self, headers: list[tuple[str, str]]) -> Response:
        return Refusal(429, "Rate limit exceeded").response()

    def _authenticate(self, request: Request) -> None:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or key != self.settings.api_key:
            raise Refusal(401, "Invalid API key")
        accepted = request.headers.get("accept", "*/*")
        if not any(kind in accepted for kind in ("application/json", "*/*", "application/*")):
            raise Refusal(406, "Only application/json can be returned")

    def _entity(self, request: Request) -> dict:
        given = request.headers.get("x-entity-id")
        if given is None or not re.fullmatch(r"\d+", given):
            raise Refusal(400, "X-Entity-Id header is required and must be an integer")
        if int(given) not in self.entities:
            raise Refusal(403, "Entity is not accessible with this API key")
        return self.entities[int(given)]

    def _route(self, request: Request) -> Response:
        if request.path == f"{BASE_PATH}/entities":
            self._allow(request, "GET")
            return self._list_simple(request, None, list(self.entities.values()))
        entity = self._entity(request)
        for name, code in (("assets", "AST"), ("locations", "LOC")):
            if request.path == f"{BASE_PATH}/{name}":
                self._allow(request, "GET")
                rows = [self._place(code, number) for number in range(1, self.settings.places + 1)]
                return self._list_simple(request, entity, rows)
        if request.path == self._orders_path:
            self._allow(request, "GET", "POST")
            return self._list(request, entity) if request.method == "GET" else self._create(request, entity)
        matched = self._order_path.fullmatch(request.path)
        if not matched:
            raise Refusal(404, "Not found")
        self._allow(request, "GET", "PATCH", "PUT", "DELETE")
        order = self.orders.get(int(matched[1])) if re.fullmatch(r"\d{1,18}", matched[1]) else None
        if order is None or order.entity_id != entity["id"]:
            raise Refusal(404, "Work order not found")
        if request.method == "GET":
            return self._success(200, self._document(order), entity)
        if request.method == "DELETE":
            del self.orders[order.id]
            request.written = {"kind": "delete", "id": order.id, "text": order.text}
            return self._success(200, {"id": order.id}, entity)
        return self._update(request, entity, order)

    @staticmethod
    def _allow(request: Request, *methods: str) -> None:
        if request.method not in methods:
            raise Refusal(405, f"{request.method} is not allowed here")

    def _work_order_body(self, request: Request) -> dict:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise Refusal(415, "Content-Type must be application/json")
        try:
            document = request.json()
        except (DuplicateMember, RecursionError) as problem:
            raise Refusal(400, f"Invalid JSON: {problem}") from None
        except ValueError:
            raise Refusal(400, "Invalid JSON") from None
        if not isinstance(document, dict) or not isinstance(document.get("work_order"), dict) or not document["work_order"]:
            raise Refusal(400, "param is missing or the value is empty: work_order")
        if len(document) > 1:
            unknown = [name for name in document if name != "work_order"]
            raise Refusal(422, "Validation failed", {name: ["is not a property of the request"] for name in unknown})
        return document["work_order"]

    def _validated(self, request: Request, creating: bool) -> dict:
        known_ids = {"status_id": self.statuses.__contains__, "asset_id": self._place_exists, "location_id": self._place_exists}
        values, errors = rules.validate(self._work_order_body(request), creating, known_ids)
        if errors:
            raise Refusal(422, "Validation failed", errors)
        return values

    def _place_exists(self, number: int) -> bool:
        return 1 <= number <= self.settings.places

    def _create(self, request: Request, entity: dict) -> Response:
        order = self._store(entity["id"], self._validated(request, creating=True))
        request.written = {"kind": "create", "id": order.id, "text": order.text}
        return self._success(self.settings.create_status, self._document(order), entity)

    def _store(self, entity_id: int, values: dict) -> WorkOrder:
        now = utc_now()
        self._last_id += 1
        order = WorkOrder(**{"id": self._last_id, "entity_id": entity_id, "created_at": now, "updated_at": now, **values})
        self.orders[order.id] = order
        return order

    def _update(self, request: Request, entity: dict, order: WorkOrder) -> Response:
        for name, value in self._validated(request, creating=False).items():
            setattr(order, name, value)
        order.updated_at = utc_now()  # moves even when nothing changed, as real systems do
        request.written = {"kind": "update", "id": order.id, "text": order.text}
        return self._success(200, self._document(order), entity)

    # --- answers ----------------------------------------------------------------------------------------------------------------

    @staticmethod
    def _meta(entity: dict | None) -> dict:
        return {"entity": entity or {}, "customer": CUSTOMER}

    def _success(self, status: int, data: object, entity: dict | None) -> Response:
        return Response.of_json(status, {"status": "success", "data": data, "meta": self._meta(entity)})

    @staticmethod
    def _place(code: str, number: int | None) -> dict | None:
        if number is None:
            return None
        kind = "asset" if code == "AST" else "location"
        return {"id": number, "name": f"{kind.capitalize()} {number}", f"{kind}_code": f"{code}-{number:03}"}

    def _document(self, order: WorkOrder) -> dict:
        def moment(value: datetime | None) -> str | None:
            return rules.format_timestamp(value, self.settings.fractional_seconds)

        def named(numbers: list) -> list:
            return [{"id": number, "name": f"Name {number}"} for number in numbers]

        return {
            "id": order.id,
            "title": order.title,
            "description": order.description,
            "priority": order.priority,
            "type": order.type,
            "pm_schedule_id": None,
            "procedures": named(order.procedure_template_ids),
            "checklist": order.checklist,
            "status": {"id": order.status_id, "name": self.statuses[order.status_id]},
            "work_order_request": {"id": order.work_order_request_id} if order.work_order_request_id else None,
            "asset": self._place("AST", order.asset_id),
            "downtime_tracking": None,
            "categories": named(order.categories_ids),
            "account_codes": named(order.account_codes_ids),
            "technicians": named(order.technicians_ids),
            "vendors": named(order.vendors_ids),
            "notify_vendors_on_create": order.notify_vendors_on_create,
            "notify_vendors_on_update": order.notify_vendors_on_update,
            "location": self._place("LOC", order.location_id),
            "part_assignments": [],
            "due_date": moment(order.due_date),
            "completed_at": moment(order.completed_at),
            "total_costs": {},
            "active_timer_current_user": None,
            "images": [],
            "documents": [],
            "created_at": moment(order.created_at),
            "updated_at": moment(order.updated_at),
            "created_by": USER,
            "updated_by": USER,
        }

    # --- lists ------------------------------------------------------------------------------------------------------------------

    def _list(self, request: Request, entity: dict) -> Response:
        query = request.query
        tests = []
        for name, value in query.items():
            if name in ("search", "sort", "page", "per_page"):
                continue
            try:
                test = rules.compile_filter(name, value)
            except rules.BadQuery as problem:
                raise Refusal(422, str(problem)) from None
            if test:
                tests.append(test)
            elif self.settings.unknown_filter == "refuse":
                raise Refusal(422, f"unknown parameter {name}")
        search = query.get("search", "").lower()
        found = [
            order
            for order in self.orders.values()
            if order.entity_id == entity["id"] and search in order.text.lower() and all(test(order) for test in tests)
        ]
        sort = query.get("sort", "created_at desc")
        return self._page(request, entity, self._sorted(found, sort), self._document, sort)

    def _sorted(self, orders: list[WorkOrder], sort: str) -> list[WorkOrder]:
        name, _, direction = sort.partition(" ")
        if name not in rules.SORTABLE or direction not in ("", "asc", "desc"):
            if self.settings.unknown_sort == "refuse":
                raise Refusal(422, f"cannot sort by {sort!r}")
            return []  # what some real servers do: 200 and no rows
        # Ties are in descending order of the id, as observed on real systems.
        orders.sort(key=lambda order: order.id, reverse=True)
        present = [order for order in orders if getattr(order, name) is not None]
        absent = [order for order in orders if getattr(order, name) is None]
        present.sort(key=lambda order: getattr(order, name), reverse=direction == "desc")
        return present + absent

    def _list_simple(self, request: Request, entity: dict | None, rows: list[dict]) -> Response:
        return self._page(request, entity, rows, lambda row: row, request.query.get("sort", "name asc"))

    def _page(self, request: Request, entity: dict | None, rows: list, document: Callable, sort: str) -> Response:
        query = request.query
        numbers = []
        for name, default in (("page", "1"), ("per_page", "50")):
            if not re.fullmatch(r"[1-9]\d{0,8}", query.get(name, default)):
                raise Refusal(422, f"{name} must be a positive integer")
            numbers.append(int(query.get(name, default)))
        page, per_page = numbers[0], min(numbers[1], self.settings.max_per_page)  # clamped without a word, as real servers do
        first = (page - 1) * per_page
        name, _, direction = sort.partition(" ")
        pagination = {"page": page, "per_page": per_page, "total_count": len(rows), "total_pages": -(-len(rows) // per_page)}
        meta = {
            **self._meta(entity),
            "pagination": pagination if self.settings.pagination == "full" else {},
            "sort": [{"field": name, "direction": direction or "asc"}],
            "search": query.get("search"),
            "filter": {key[7:-1]: value for key, value in query.items() if key.startswith("filter[")},
        }
        data = [document(row) for row in rows[first : first + per_page]]
        return Response.of_json(200, {"status": "success", "data": data, "meta": meta})

    # --- the provider's own users, played by the tests --------------------------------------------------------------------------

    def control(self) -> dict[tuple[str, str], Callable[[Request], object]]:
        return {
            ("GET", "/orders"): lambda request: [self._brief(order) for order in self.orders.values()],
            ("POST", "/orders/create"): self._control_create,
            ("POST", "/orders/change"): self._control_change,
            ("POST", "/orders/delete"): self._control_delete,
            ("GET", "/statuses"): lambda request: [{"id": number, "name": name} for number, name in self.statuses.items()],
            ("POST", "/statuses"): self._control_statuses,
            ("POST", "/settings"): self._control_settings,
        }

    def _brief(self, order: WorkOrder) -> dict:
        return {**self._document(order), "entity_id": order.entity_id, "reference": last_reference(order.text)}

    def _wanted_values(self, given: dict) -> dict:
        """Validated values; a status may be given by name, which the API itself does not allow."""
        given = dict(given)
        if "status" in given:
            wanted = given.pop("status")
            numbers = [number for number, name in self.statuses.items() if name == wanted]
            if not numbers:
                raise ValueError(f"no status is called {wanted!r}")
            given["status_id"] = numbers[0]
        values, errors = rules.validate({"title": "unused", **given}, True, {"status_id": self.statuses.__contains__})
        if errors:
            raise ValueError(str(errors))
        return {name: values[name] for name in given}

    def _control_create(self, request: Request) -> object:
        """{"orders": [{..properties..}], "count": each so many times, "updated_at", "step_seconds"}"""
        wanted = request.json()
        created = []
        for given in wanted["orders"]:
            for _ in range(int(wanted.get("count", 1))):
                created.append(self._store(next(iter(self.entities)), self._wanted_values(given)))
        self._stamp(created, wanted)
        return [self._brief(order) for order in created]

    def _control_change(self, request: Request) -> object:
        """{"ids": [..] | "count": N, "offset": M, "set": {..}, "append_title": "..", "updated_at": ISO, "step_seconds": S}"""
        wanted = request.json()
        chosen = self._choose(wanted)
        values = self._wanted_values(wanted.get("set", {}))
        for order in chosen:
            for name, value in values.items():
                setattr(order, name, value)
            order.title += wanted.get("append_title", "")
        self._stamp(chosen, wanted)
        return [self._brief(order) for order in chosen]

    def _choose(self, wanted: dict) -> list[WorkOrder]:
        orders = sorted(self.orders.values(), key=lambda order: order.id)
        return choose(wanted, orders, lambda number: self.orders[int(number)])

    @staticmethod
    def _stamp(orders: list[WorkOrder], wanted: dict) -> None:
        for order, moment in zip(orders, moments(wanted, len(orders), rules.parse_timestamp)):
            order.updated_at = moment

    def _control_delete(self, request: Request) -> object:
        chosen = self._choose(request.json())
        for order in chosen:
            del self.orders[order.id]
        return [order.id for order in chosen]

    def _control_statuses(self, request: Request) -> object:
        """[{"id", "name"}]: replaces the account's statuses."""
        replacement = {int(row["id"]): str(row["name"]) for row in request.json()}
        used = {order.status_id for order in self.orders.values()}
        if not replacement or used - set(replacement):
            raise ValueError("a status that an order has cannot be removed")
        self.statuses = replacement
        return replacement

    def _control_settings(self, request: Request) -> object:
        """Change command line settings while running, e.g. {"api_key": "new", "fractional_seconds": true}."""
        return change_settings(self.settings, request.json(), FIXED_SETTINGS | {"work_order_path"})

    def summary(self) -> dict:
        held = Counter(reference for order in self.orders.values() if (reference := last_reference(order.text)))
        return {"orders": len(self.orders), "doubled_orders": {name: count for name, count in held.items() if count > 1}}

    def reset(self) -> None:
        self.orders.clear()


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Click Maint test server")
    add_arguments(parser)
    parser.add_argument("--api-key", default="test-key")
    parser.add_argument("--entity", type=int, nargs="+", default=[12, 13], help="accessible entity ids")
    parser.add_argument("--work-order-path", default="/work_orders", help="below " + BASE_PATH)
    parser.add_argument("--places", type=int, default=200, help="assets and locations 1..N exist")
    parser.add_argument("--create-status", type=int, default=201)
    parser.add_argument("--max-per-page", type=int, default=100)
    parser.add_argument("--pagination", choices=["full", "none"], default="full", help="content of meta.pagination")
    parser.add_argument("--fractional-seconds", action="store_true", help="show microseconds instead of whole seconds")
    parser.add_argument("--unknown-filter", choices=["ignore", "refuse"], default="ignore")
    parser.add_argument("--unknown-sort", choices=["empty", "refuse"], default="empty")
    parser.add_argument("--rate-limit", type=int, default=1000, help="requests per window and client, 0 for no limit")
    parser.add_argument("--rate-window", type=float, default=300, help="seconds")
    return parser.parse_args(arguments)


def build(settings: argparse.Namespace) -> Simulator:
    return Simulator(ClickMaint(settings), RateLimit(settings.rate_limit, settings.rate_window), settings.seed)


if __name__ == "__main__":
    parsed = parse_arguments()
    sys.exit(run(build(parsed), parsed))
