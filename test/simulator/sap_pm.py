#!/usr/bin/env python3
"""A strict, stateful SAP PM test server: API_MAINTENANCEORDER (versions 1 and 2) and API_MAINTNOTIFICATION, OData V2.

    python3 test/simulator/sap_pm.py --port 0 --port-file /tmp/port

It refuses what the services' metadata and SAP Gateway refuse, so that a connector that works here has no misunderstanding left to bring
to a real system. See README.md for the control endpoints and for what is inferred.
"""

from __future__ import annotations

import argparse
import re
import sys
from typing import Callable
from urllib.parse import quote

import sap_pm_rules as rules
from core.http import Request, Response
from core.provider import Provider
from core.ratelimit import RateLimit
from core.server import Simulator, add_arguments, run
from sap_pm_answers import Writer, error_response
from sap_pm_batch import serve_batch
from sap_pm_control import Control
from sap_pm_odata import (
    LIST_OPTIONS,
    READ_OPTIONS,
    ODataError,
    Shape,
    check_options,
    literal_for,
    parse_count,
    parse_filter,
    parse_key,
    parse_order,
    parse_query,
    parse_shape,
)
from sap_pm_schema import EntityType, Function, Service, notification_service, order_service
from sap_pm_session import TOKEN_PATH, NotLoggedOn, Sessions
from sap_pm_store import LONG_TEXT, NOTIFICATION, OPERATION, ORDER, Notification, Order, Record, Store

BASE_PATH = "/sap/opu/odata/sap"
SERVICES = {1: order_service(1), 2: order_service(2)}
NOTIFICATIONS = notification_service()
_SERVICE_PATH = re.compile(re.escape(BASE_PATH) + r"/(?P<name>\w+)(?:;v=(?P<version>\d{1,4}))?(?P<rest>/.*)?")
_RESOURCE = re.compile(r"/(?P<first>\w+)(?:\((?P<key>(?:[^'()]|'(?:[^']|'')*')*)\))?(?:/(?P<below>\w+))?(?P<count>/\$count)?")
UPDATE_METHODS = ("PATCH", "MERGE", "PUT")


class CsrfRefusal(Exception):
    """403 with x-csrf-token: Required; nothing was done."""


class Call:
    """One authenticated request to a service."""

    def __init__(self, request: Request, options: dict[str, str], user: str, service: Service, root: str, is_json: bool) -> None:
        self.request = request
        self.options = options
        self.user = user
        self.service = service
        self.writer = Writer(service, root, is_json)
        tunnelled = request.headers.get("x-http-method", "").upper() if request.method == "POST" else ""
        self.method = tunnelled or ("GET" if request.method == "HEAD" else request.method)

    def allow(self, *methods: str) -> None:
        if self.method not in methods:
            raise ODataError(405, f"Method {self.method} is not allowed for this resource", "/IWFND/CM_MGW_RT/405")

    def shape(self, entity: EntityType) -> Shape:
        return parse_shape(self.options, entity, self.service.sets)

    def body(self) -> dict:
        check_options(self.options, {"$format"})
        if not self.request.headers.get("content-type", "").startswith("application/json"):
            raise ODataError(415, "The content type must be application/json")
        try:
            document = self.request.json()
        except ValueError:
            raise ODataError(400, "Error while parsing a JSON stream", "CX_SXML_PARSE_ERROR/001") from None
        if not isinstance(document, dict):
            raise ODataError(400, "Error while parsing a JSON stream: an object is expected", "CX_SXML_PARSE_ERROR/001")
        return document

    def check_match(self, record: Record) -> None:
        if not self.service.has_etags:
            return
        wanted = self.request.headers.get("if-match")
        if wanted is None:
            raise ODataError(428, "Precondition required: the header If-Match is missing", "/IWBEP/CM_MGW_RT/428")
        if wanted not in ("*", record.etag):
            raise ODataError(412, "Precondition failed: the resource was changed meanwhile", "/IWBEP/CM_MGW_RT/412")


class SapPm(Provider):
    def __init__(self, settings: argparse.Namespace) -> None:
        self.settings = settings
        self.store = Store(settings)
        self.sessions = Sessions(settings)
        self._control = Control(self.store, self.sessions)

    # --- requests ---------------------------------------------------------------------------------------------------------------

    def handle(self, request: Request) -> Response:
        service, is_json = None, "application/json" in request.headers.get("accept", "")
        try:
            if request.path == TOKEN_PATH:
                return self.sessions.grant(request)
            options = parse_query(request.query_string)
            is_json = self._wants_json(request, options)
            user = self.sessions.authenticate(request, options)
            service, rest = self._service(request)
            call = Call(request, options, user, service, self._root(request), is_json)
            response = self._serve(call, rest)
        except NotLoggedOn as refusal:
            return refusal.response()
        except CsrfRefusal:
            return Response(403, b"CSRF token validation failed", [("content-type", "text/plain"), ("x-csrf-token", "Required")])
        except ODataError as problem:
            return error_response(problem, service, is_json)
        if request.method == "HEAD":
            response.body = b""
        return response

    def refuse_rate(self, headers: list[tuple[str, str]]) -> Response:
        return error_response(ODataError(429, "Too many requests"), None, True)

    @staticmethod
    def _wants_json(request: Request, options: dict[str, str]) -> bool:
        """Gateway answers in Atom unless JSON is asked for."""
        if "$format" in options:
            if options["$format"] not in ("json", "atom", "xml"):
                raise ODataError(400, f"Format {options['$format']} is not supported")
            return options["$format"] == "json"
        accepted = request.headers.get("accept", "*/*")
        if "application/json" in accepted:
            return True
        if not any(kind in accepted for kind in ("*/*", "application/*", "application/atom+xml", "application/xml", "text/plain")):
            raise ODataError(406, "The requested media type is not supported", "/IWFND/CM_MGW/406")
        return False

    def _service(self, request: Request) -> tuple[Service, str]:
        parsed = _SERVICE_PATH.fullmatch(request.path)
        if not parsed:
            raise ODataError(404, "Not found", "ICF/404")
        version = int(parsed["version"] or 0)
        if parsed["name"] == NOTIFICATIONS.name and version <= 1:
            return NOTIFICATIONS, parsed["rest"] or "/"
        if parsed["name"] == SERVICES[1].name and version <= 2:
            return SERVICES[version or self.settings.unversioned], parsed["rest"] or "/"
        text = f"No service found for namespace '', name '{parsed['name']}', version '{version or 1:04}'"
        raise ODataError(403, text, "/IWFND/MED/170")

    def _root(self, request: Request) -> str:
        """Absolute addresses in answers name the host that the system believes to be, not the one that was called."""
        _, colon, port = request.headers["host"].rpartition(":")
        service = _SERVICE_PATH.fullmatch(request.path)
        version = f";v={service['version']}" if service["version"] else ""
        scheme = "https" if self.settings.tls_cert else "http"
        return f"{scheme}://localhost{colon + port if colon else ''}{BASE_PATH}/{service['name']}{version}"

    def _serve(self, call: Call, rest: str) -> Response:
        request = call.request
        if self.settings.csrf == "off":
            return self._route(call, rest)
        if request.method not in ("GET", "HEAD"):
            if not self.sessions.is_token_valid(request, call.user):
                raise CsrfRefusal
            return self._route(call, rest)
        response = self._route(call, rest)
        if request.headers.get("x-csrf-token", "").lower() == "fetch":
            response.headers += self.sessions.fetch(request, call.user)
        return response

    def _route(self, call: Call, rest: str) -> Response:
        if rest == "/":
            call.allow("GET")
            return call.writer.service_document()
        if rest == "/$metadata":
            call.allow("GET")
            return call.writer.metadata()
        if rest == "/$batch":
            call.allow("POST")
            return serve_batch(call.request, call.request.path.removesuffix(rest), self.handle)
        path = _RESOURCE.fullmatch(rest)
        if not path:
            raise ODataError(404, f"Resource not found for the segment '{rest.strip('/')}'")
        if path["first"] in call.service.functions and path["key"] is None and not path["below"]:
            return self._call_function(call, call.service.functions[path["first"]])
        entity = call.service.sets.get(path["first"])
        if entity is None:
            raise ODataError(404, f"Resource not found for the segment '{path['first']}'")
        if path["key"] is None and not path["below"]:
            return self._serve_set(call, entity, self.store.rows(entity.set_name), path["count"])
        record = self.store.find(entity.set_name, parse_key(path["key"] or "", entity))
        if record is None:
            raise ODataError(404, f"Resource not found for the segment '{path['first']}'", "/IWBEP/CM_MGW_RT/020")
        if path["below"]:
            return self._serve_navigation(call, entity, record, path["below"], path["count"])
        call.allow("GET", *UPDATE_METHODS)
        if call.method == "GET":
            check_options(call.options, READ_OPTIONS)
            return call.writer.entity(200, record, call.shape(entity))
        return self._update(call, entity, record)

    def _serve_set(self, call: Call, entity: EntityType, rows: list[Record], count: str | None) -> Response:
        creatable = entity.set_name in (ORDER, NOTIFICATION) and not count
        call.allow("GET", *(["POST"] if creatable else []))
        if call.method == "POST":
            return self._create(call, entity)
        return self._list(call, entity, rows, bool(count))

    def _serve_navigation(self, call: Call, entity: EntityType, record: Record, name: str, count: str | None) -> Response:
        if name not in entity.navigation:
            raise ODataError(404, f"Resource not found for the segment '{name}'")
        set_name = entity.navigation[name]
        if set_name is None:
            raise ODataError(501, f"{name} is not simulated", target=name)
        target = call.service.sets[set_name]
        call.allow("GET", *([] if count else ["POST"]))
        if call.method == "GET":
            return self._list(call, target, record.children[set_name], bool(count))
        values = rules.validate(call.body(), target, creating=True)
        self._check_changeable(record)
        child = self.store.add_child(record, set_name, values, call.user)
        call.request.written = {"kind": "update", "id": record.number, "text": self.store.text(record)}
        return call.writer.entity(201, child, call.shape(target), [("location", call.writer.uri(child))])

    # --- lists ------------------------------------------------------------------------------------------------------------------

    def _list(self, call: Call, entity: EntityType, rows: list[Record], only_count: bool) -> Response:
        options = call.options
        check_options(options, LIST_OPTIONS)
        shape = call.shape(entity)
        if options.get("$filter"):
            test = parse_filter(options["$filter"], entity)
            rows = [row for row in rows if test(row.values)]
        total = len(rows)
        rows = self._sorted(rows, parse_order(options["$orderby"], entity) if "$orderby" in options else [])
        skip, top = parse_count(options, "$skip") or 0, parse_count(options, "$top")
        window = rows[skip : None if top is None else skip + top]
        if only_count:
            return Response(200, str(len(window)).encode(), [("content-type", "text/plain;charset=utf-8")])
        if options.get("$inlinecount", "none") not in ("allpages", "none"):
            raise ODataError(400, "Invalid value for $inlinecount")
        first = parse_count(options, "$skiptoken") or 0
        last = first + self.settings.page_size
        next_uri = self._next_uri(call, last) if last < len(window) else None
        count = total if options.get("$inlinecount") == "allpages" else None
        return call.writer.collection(window[first:last], shape, count, next_uri)

    def _sorted(self, rows: list[Record], order: list[tuple[str, bool]]) -> list[Record]:
        """In the wanted order; without one and among equals by key, in the direction that the settings say."""
        rows = sorted(rows, key=lambda row: row.key, reverse=self.settings.ties == "desc")
        for name, is_descending in reversed(order):
            # Initial dates come first.
            rows.sort(key=lambda row: (row.values[name] is not None, row.values[name]), reverse=is_descending)
        return rows

    @staticmethod
    def _next_uri(call: Call, offset: int) -> str:
        options = {**call.options, "$skiptoken": str(offset)}
        query = "&".join(f"{quote(name, safe='$')}={quote(value, safe='')}" for name, value in options.items())
        path = _SERVICE_PATH.fullmatch(call.request.path)["rest"]
        return f"{call.writer.root}{quote(path)}?{query}"

    # --- changes ----------------------------------------------------------------------------------------------------------------

    def _create(self, call: Call, entity: EntityType) -> Response:
        plain, nested = rules.split_body(call.body(), entity, creating=True)
        values = rules.validate(plain, entity, creating=True)
        shape = Shape(list(entity.properties.values()), entity.navigation)
        if entity.set_name == NOTIFICATION:
            rules.require(values, ["NotificationText", *self.settings.required_notification])
            record: Record = self.store.create_notification(values, call.user)
            kind = "create notification"  # an order is created from it later: the same reference again is no double
        else:
            rules.require(values, self.settings.required)
            inner = {name: call.service.sets[entity.navigation[name]] for name, rows in nested.items() if rows}
            rows = {
                inner[name].set_name: [rules.validate(row, inner[name], creating=True) for row in nested[name]] for name in inner
            }
            record = self.store.create_order(values, rows.get(OPERATION, []), rows.get(LONG_TEXT, []), call.user)
            kind = "create"
            expanded = {name: parse_shape({}, target, call.service.sets) for name, target in inner.items()}
            shape.expanded = {name: None for name in nested} | expanded
        call.request.written = {"kind": kind, "id": record.number, "text": self.store.text(record)}
        return call.writer.entity(201, record, shape, [("location", call.writer.uri(record))])

    def _check_changeable(self, record: Record) -> None:
        if isinstance(record, Notification):
            return
        order = self.store.orders[record.number]
        self.store.check_lock(order.number)
        rules.refuse_change(order.status, order.number)

    def _update(self, call: Call, entity: EntityType, record: Record) -> Response:
        call.check_match(record)
        plain, _ = rules.split_body(call.body(), entity, creating=False)
        values = rules.validate(plain, entity, creating=False, current=record.values)
        if call.method == "PUT":
            initial = rules.initial_values(entity)
            values = {name: initial[name] for name, wanted in entity.properties.items() if wanted.rights == "write"} | values
        self._check_changeable(record)
        self.store.update(record, values, call.user)
        call.request.written = {"kind": "update", "id": record.number, "text": self.store.text(record)}
        return Response(204, b"", [("dataserviceversion", "2.0"), *([("etag", record.etag)] if call.service.has_etags else [])])

    def _call_function(self, call: Call, function: Function) -> Response:
        call.allow("POST")
        parameters = self._parameters(call, function)
        key = (str(parameters[function.entity_set]),)
        record = self.store.find(function.entity_set, key)
        if record is None:
            raise ODataError(404, f"{function.entity_set} {key[0]} does not exist", "IWO_BAPI2/115", function.entity_set)
        if isinstance(record, Notification):
            record.status = rules.change_notification(function.name, record.status, record.number)
            if function.name == "CompleteMaintNotification":
                record.values["NotificationCompletionDate"] = parameters.get("NotificationReferenceDate")
            self.store.touch(record, call.user, keep_stamp=self.settings.status_stamp == "keep")
        elif isinstance(record, Order):
            self.store.check_lock(record.number)
            if function.name == "AssignMaintNotificationToOrder":
                self.store.assign(record, str(parameters.get(NOTIFICATION, "")), call.user)
            else:
                self.store.change_status(record, function.name, parameters, call.user)
        call.request.written = {"kind": "action", "id": record.number, "action": function.name, "text": self.store.text(record)}
        if function.returns_entity:
            return call.writer.entity(200, record, parse_shape({}, call.service.sets[function.entity_set], call.service.sets))
        return call.writer.function_result(function.name)

    @staticmethod
    def _parameters(call: Call, function: Function) -> dict[str, object]:
        check_options(call.options, {"$format"})
        # As observed, the parameters of a POST without a content type get lost.
        has_type = "content-type" in call.request.headers
        given = {name: text for name, text in call.options.items() if name[0] != "$" and not name.startswith("sap-")} if has_type else {}
        unknown = [name for name in given if name not in function.parameters]
        if unknown:
            raise ODataError(400, f"Function {function.name} has no parameter {unknown[0]}", target=unknown[0])
        if function.entity_set not in given:
            raise ODataError(400, f"Mandatory parameter {function.entity_set} is missing", target=function.entity_set)
        return {name: literal_for(function.parameters[name], text, name) for name, text in given.items()}

    # --- the tests --------------------------------------------------------------------------------------------------------------

    def control(self) -> dict[tuple[str, str], Callable[[Request], object]]:
        return self._control.endpoints()

    def summary(self) -> dict:
        return self._control.summary()

    def reset(self) -> None:
        self.store.reset()


class QuietRateLimit(RateLimit):
    """SAP announces no limit; only a refusal says when to come back."""

    def take(self, client: str) -> tuple[bool, list[tuple[str, str]]]:
        allowed, headers = super().take(client)
        return allowed, [header for header in headers if header[0] == "retry-after"]


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="SAP PM test server")
    add_arguments(parser)
    parser.add_argument("--user", default="CMMS_TEST")
    parser.add_argument("--password", default="test-password")
    parser.add_argument("--client-id", default="cmms-client", help="OAuth2 client credentials")
    parser.add_argument("--client-secret", default="test-secret")
    parser.add_argument("--token-seconds", type=float, default=3600, help="life of an access token")
    parser.add_argument("--sap-client", default="", help="the SAP client that requests must name; empty: not checked")
    parser.add_argument("--csrf", choices=["on", "off"], default="on")
    parser.add_argument("--session-seconds", type=float, default=1800, help="life of a CSRF token with its cookies")
    parser.add_argument("--session-uses", type=int, default=0, help="modifying requests that a CSRF token is good for, 0 for no limit")
    parser.add_argument("--unversioned", type=int, choices=[1, 2], default=1, help="version of API_MAINTENANCEORDER without ;v=")
    parser.add_argument("--page-size", type=int, default=1000, help="the server's own")
    parser.add_argument("--ties", choices=["asc", "desc"], default="asc", help="order by number among equal records")
    parser.add_argument("--status-stamp", choices=["keep", "move"], default="keep", help="LastChangeDateTime when only the status changes")
    parser.add_argument("--no-op-stamp", choices=["keep", "move"], default="move", help="and when an update changes nothing")
    parser.add_argument("--priorities", nargs="+", default=["1", "2", "3", "4"], help="values of MaintPriority")
    required = ["MaintenanceOrderType", "MaintenancePlanningPlant", "MaintenanceOrderDesc"]
    parser.add_argument("--required", nargs="*", default=required, help="what an order needs on create")
    parser.add_argument("--required-notification", nargs="*", default=["NotificationType"], help="and a notification, besides its text")
    parser.add_argument("--rate-limit", type=int, default=0, help="requests per window and client, 0 for no limit")
    parser.add_argument("--rate-window", type=float, default=60, help="seconds")
    return parser.parse_args(arguments)


def build(settings: argparse.Namespace) -> Simulator:
    return Simulator(SapPm(settings), QuietRateLimit(settings.rate_limit, settings.rate_window), settings.seed)


if __name__ == "__main__":
    parsed = parse_arguments()
    sys.exit(run(build(parsed), parsed))
