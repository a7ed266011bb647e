"""What Click Maint's document says about a work order on the wire: which properties exist and what they may hold.

Facts are from the public API document (v1). Where it is silent the choice is marked [I] (inferred); nothing else is assumed.
"""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import Callable

PRIORITIES = ("none", "low", "medium", "high")  # none and high are in the document, the rest [I]
TYPES = ("reactive", "planned")  # reactive is in the document, planned [I]
CREATE_ONLY = frozenset({"type", "work_order_request_id", "notify_vendors_on_create"})

_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)")


def parse_timestamp(text: object) -> datetime:
    """An ISO 8601 date-time with an offset, as the document shows them. Raises ValueError."""
    if not isinstance(text, str) or not _TIMESTAMP.fullmatch(text):
        raise ValueError("must be an ISO 8601 date-time such as 2025-07-17T12:00:00Z")
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise ValueError("is not a date-time that exists") from None
    return moment.astimezone(timezone.utc)


def format_timestamp(moment: datetime | None, fractional: bool = False) -> str | None:
    if moment is None:
        return None
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ" if fractional else "%Y-%m-%dT%H:%M:%SZ")


Check = Callable[[object], object]  # returns the value to store or raises ValueError with the message for the client


def _integer(value: object) -> object:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError("must be an integer")
    return value


def _integers(value: object) -> object:
    if not isinstance(value, list):
        raise ValueError("must be an array of integers")
    return [_integer(element) for element in value]


def _text(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("must be a string")
    if "\x00" in value:
        raise ValueError("must not contain a null byte")
    return value


def _title(value: object) -> object:
    if not str(_text(value)).strip():
        raise ValueError("can't be blank")
    return value


def _one_of(*allowed: str) -> Check:
    def check(value: object) -> object:
        if not isinstance(value, str) or value not in allowed:
            raise ValueError(f"is not included in the list: {', '.join(allowed)}")
        return value

    return check


def _array(value: object) -> object:
    if not isinstance(value, list):
        raise ValueError("must be an array")
    return value


def _nullable(check: Check) -> Check:
    return lambda value: None if value is None else check(value)


PROPERTIES: dict[str, Check] = {
    "title": _title,
    "type": _one_of(*TYPES),
    "description": _nullable(_text),
    "priority": _one_of(*PRIORITIES),
    "work_order_request_id": _nullable(_integer),
    "due_date": _nullable(parse_timestamp),
    "completed_at": _nullable(parse_timestamp),
    "location_id": _nullable(_integer),
    "asset_id": _nullable(_integer),
    "status_id": _integer,
    "categories_ids": _integers,
    "account_codes_ids": _integers,
    "procedure_template_ids": _integers,
    "technicians_ids": _integers,
    "vendors_ids": _integers,
    "notify_vendors_on_create": _one_of("yes", "no"),
    "notify_vendors_on_update": _one_of("yes", "no"),
    "checklist": _array,
}

# Field errors by property, in the shape a Rails application gives them [I].
Errors = dict[str, list[str]]


def validate(body: dict, creating: bool, known_ids: dict[str, Callable[[int], bool]]) -> tuple[dict, Errors]:
    """The values to store and the field errors; `known_ids` tells for some properties whether the id exists in the account."""
    values: dict = {}
    errors: Errors = {}
    for name, value in body.items():
        if name not in PROPERTIES:
            errors[name] = ["is not a property of a work order"]
        elif not creating and name in CREATE_ONLY:
            errors[name] = ["can only be given when a work order is created"]
        else:
            try:
                values[name] = PROPERTIES[name](value)
            except ValueError as problem:
                errors[name] = [str(problem)]
    for name, exists in known_ids.items():
        if values.get(name) is not None and not exists(values[name]):
            errors[name] = ["must exist"]
    if creating and "title" not in body:
        errors["title"] = ["can't be blank"]
    return values, errors


SORTABLE = ("id", "title", "priority", "due_date", "completed_at", "created_at", "updated_at")
FILTERABLE = {
    **{name: "text" for name in ("title", "description", "priority", "type")},
    **{name: "number" for name in ("id", "status_id", "asset_id", "location_id")},
    **{name: "time" for name in ("due_date", "completed_at", "created_at", "updated_at")},
}
_PREDICATES: dict[str, Callable] = {
    "eq": lambda actual, wanted: actual == wanted,
    "cont": lambda actual, wanted: str(wanted).lower() in str(actual).lower(),
    "gteq": lambda actual, wanted: actual >= wanted,
    "lteq": lambda actual, wanted: actual <= wanted,
    "gt": lambda actual, wanted: actual > wanted,
    "lt": lambda actual, wanted: actual < wanted,
}
_FILTER = re.compile(r"filter\[([a-z_]+)_(eq|cont|gteq|lteq|gt|lt)\]")


class BadQuery(ValueError):
    """A list query that the strict server refuses."""


def compile_filter(parameter: str, value: str) -> Callable[[object], bool] | None:
    """The test for `filter[field_matcher]=value` on a record, or None when field or matcher is unknown. Raises BadQuery."""
    parsed = _FILTER.fullmatch(parameter)
    if not parsed or parsed[1] not in FILTERABLE:
        return None
    name, predicate = parsed[1], _PREDICATES[parsed[2]]
    kind = FILTERABLE[name]
    try:
        if kind == "number":
            wanted: object = int(value)
        elif kind == "time":
            wanted = parse_timestamp(value)
        else:
            wanted = value
    except ValueError as problem:
        raise BadQuery(f"{parameter} {problem}") from None

    def test(record: object) -> bool:
        actual = getattr(record, name)
        return actual is not None and predicate(actual, wanted)

    return test
