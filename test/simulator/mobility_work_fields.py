"""What Mobility Work's document says single values look like on the wire: identifiers, moments, money, tags, custom fields.

A check takes the value from the client and returns the value to store, or raises ValueError with the message for the client. Choices
that the public document (partners API v1) does not settle are marked [I] (inferred).
"""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import Callable

Check = Callable[[object], object]
Identifier = tuple[str, object]  # (type, value)

MAX_ITEMS = 10_000

# Whole seconds and an offset, as in every sample; whether fractions are read is not documented.
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)")


def moment(value: object) -> datetime:
    if not isinstance(value, str) or not _MOMENT.fullmatch(value):
        raise ValueError("This value should be a date-time such as 2022-01-11T09:00:00+00:00")
    try:
        return datetime.fromisoformat(value.replace("Z", "+00:00")).astimezone(timezone.utc)
    except (ValueError, OverflowError):
        raise ValueError("This value is not a date-time that exists") from None


def format_moment(value: datetime | None) -> str | None:
    return value.strftime("%Y-%m-%dT%H:%M:%S+00:00") if value else None


def text(minimum: int = 0) -> Check:
    def check(value: object) -> object:
        if not isinstance(value, str):
            raise ValueError("This value should be a string")
        if len(value) < minimum:
            raise ValueError("This value should not be blank")
        return value

    return check


def boolean(value: object) -> object:
    if not isinstance(value, bool):
        raise ValueError("This value should be a boolean")
    return value


def quantity(value: object) -> object:
    """The document shows whole numbers only."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError("This value should be an integer of 0 or more")
    return value


def gtin(value: object) -> object:
    if not isinstance(value, str) or not re.fullmatch(r"\d{8}|\d{12,14}", value):
        raise ValueError("This value should be a GTIN of 8, 12, 13 or 14 digits")
    return value


def nullable(check: Check) -> Check:
    return lambda value: None if value is None else check(value)


def members(value: object, *names: str) -> dict:
    """An object with exactly these members."""
    if not isinstance(value, dict) or set(value) != set(names):
        raise ValueError(f"This value should be an object of {' and '.join(names)}")
    return value


def money(value: object) -> object:
    given = members(value, "amount", "currency")
    if not isinstance(given["amount"], int) or isinstance(given["amount"], bool):
        raise ValueError("The amount should be an integer in the lowest unit of the currency")
    if not isinstance(given["currency"], str) or not re.fullmatch(r"[A-Z]{3}", given["currency"]):
        raise ValueError("The currency should be a code such as EUR")
    return given


def current_stock(value: object) -> object:
    given = members(value, "location", "quantity")
    text(1)(given["location"])
    quantity(given["quantity"])
    return given


def custom_fields(value: object) -> object:
    """The list replaces the fields there are [I: "replacing information with the provided information"]; [] clears, as documented."""
    if not isinstance(value, list):
        raise ValueError("This value should be an array")
    for element in value:
        given = members(element, "field", "value")
        text(1)(given["field"])
        text()(given["value"])
    return value


def tag_codes(value: object) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(code, str) and code for code in value):
        raise ValueError("This value should be an array of tag codes")
    return value


TagOperation = tuple[str, list[str]]


def plain_tags(value: object) -> list[TagOperation]:
    return [("replace", [] if value is None else tag_codes(value))]


def tags_or_operations(value: object) -> list[TagOperation]:
    if not isinstance(value, list) or not any(isinstance(element, dict) for element in value):
        return plain_tags(value)
    operations = []
    for element in value:
        given = members(element, "operation", "values")
        if given["operation"] not in ("add", "remove", "replace"):
            raise ValueError("The operation should be add, remove or replace")
        operations.append((given["operation"], tag_codes(given["values"])))
    return operations


def apply_tags(present: list[str], operations: list[TagOperation]) -> list[str]:
    for operation, codes in operations:
        if operation == "replace":
            present = codes
        elif operation == "add":
            present = present + codes
        else:
            present = [code for code in present if code not in codes]
    return list(dict.fromkeys(present))


# --- identifiers ------------------------------------------------------------------------------------------------------------------


def _is_native(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _is_email(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[^@\s]+@[^@\s]+", value) is not None


_FORMS: dict[str, Callable[[object], bool]] = {
    "native": _is_native,
    "email": _is_email,
    "code": _is_text,
    "external": _is_text,
    "externalReference": _is_text,
    "itemCode": _is_text,
}


def identifier(*types: str) -> Callable[[object], Identifier]:
    """An identifier of one of the types: {"type", "value"}, or the bare value if the type can be inferred from it."""

    def check(value: object) -> Identifier:
        if not isinstance(value, dict):
            fitting = [name for name in types if _FORMS[name](value)]
            if not fitting:
                raise ValueError("The type of the identifier cannot be inferred")
            return fitting[0], value
        given = members(value, "type", "value")
        if given["type"] not in types:
            raise ValueError(f"The type of the identifier should be {' or '.join(types)}")
        if not _FORMS[given["type"]](given["value"]):
            raise ValueError(f"This value is not an identifier of type {given['type']}")
        return given["type"], given["value"]

    return check


# --- whole documents --------------------------------------------------------------------------------------------------------------


class Problems:
    """What a 400 answer lists: errors of the whole request, and errors by property."""

    def __init__(self) -> None:
        self.global_errors: list[str] = []
        self.property_errors: dict[str, list[str]] = {}

    def __bool__(self) -> bool:
        return bool(self.global_errors or self.property_errors)

    def add(self, name: str, message: object) -> None:
        self.property_errors.setdefault(name, []).append(str(message))

    def document(self) -> dict:
        return {"global_errors": self.global_errors, "property_errors": self.property_errors}


def checked(given: dict, checks: dict[str, Check], required: tuple[str, ...], problems: Problems, prefix: str = "") -> dict:
    """The values to store of one object; `prefix` leads to it in the request."""
    values = {}
    for name, value in given.items():
        check = checks.get(name)
        if check is None:
            problems.global_errors.append(f'Unknown property "{prefix}{name}"')
            continue
        try:
            values[name] = check(value)
        except ValueError as problem:
            problems.add(prefix + name, problem)
    for name in required:
        if name not in given:
            problems.add(prefix + name, "This value is required")
    return values


def checked_items(document: object, checks: dict[str, Check], required: tuple[str, ...], problems: Problems) -> list[dict]:
    """The items of a bulk request; errors are named like [3].name [I]."""
    if not isinstance(document, list) or not document:
        problems.global_errors.append("The request should be an array of at least one item")
        return []
    if len(document) > MAX_ITEMS:
        problems.global_errors.append(f"A maximum of {MAX_ITEMS} items can be processed in a single request")
        return []
    items = []
    for place, given in enumerate(document):
        if isinstance(given, dict):
            items.append(checked(given, checks, required, problems, f"[{place}]."))
        else:
            problems.add(f"[{place}]", "This value should be an object")
    return items
