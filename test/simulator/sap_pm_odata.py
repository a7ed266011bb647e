"""OData V2 as SAP Gateway speaks it: errors, JSON values, literals in URLs, and the query options of a list."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from typing import Callable
from urllib.parse import parse_qsl

from sap_pm_schema import EntityType, Property

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
MILLISECOND = timedelta(milliseconds=1)


class ODataError(Exception):
    """A request that is answered with an error document; `details` are (code, message, property)."""

    def __init__(
        self, status: int, message: str, code: str = "", target: str = "", details: list[tuple[str, str, str]] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code or {400: "005056A509B11EE1B9A8FEC11C21578E"}.get(status, f"SY/{status}")
        self.details = details or [(self.code, message, target)]


# --- values -------------------------------------------------------------------------------------------------------------------------
# Stored as: String str, DateTimeOffset aware datetime, DateTime naive datetime, Time timedelta, Decimal Decimal, others as Python has them.

# What an initial field reads as: ABAP knows no null but in dates.
INITIAL: dict[str, object] = {
    "Edm.String": "",
    "Edm.DateTimeOffset": None,
    "Edm.DateTime": None,
    "Edm.Time": timedelta(0),
    "Edm.Boolean": False,
    "Edm.Decimal": Decimal(0),
    "Edm.Int64": 0,
    "Edm.Int32": 0,
    "Edm.Byte": 0,
    "Edm.Double": 0.0,
}

_JSON_OFFSET_DATE = re.compile(r"/Date\((-?\d{1,14})(?:[+-]\d{4})?\)/")
_JSON_DATE = re.compile(r"/Date\((-?\d{1,14})\)/")
_DURATION = re.compile(r"PT(?=\d)(?:(\d{1,2})H)?(?:(\d{1,2})M)?(?:(\d{1,2})S)?")


def _milliseconds(moment: datetime) -> int:
    return (moment.replace(tzinfo=timezone.utc) - EPOCH) // MILLISECOND


def parse_duration(text: str) -> timedelta:
    parsed = _DURATION.fullmatch(text)
    parts = [int(part or 0) for part in parsed.groups()] if parsed else [24, 0, 0]
    if parts[0] > 23 or parts[1] > 59 or parts[2] > 59:
        raise ValueError("must be a time such as PT08H30M00S")
    return timedelta(hours=parts[0], minutes=parts[1], seconds=parts[2])


def format_duration(value: timedelta) -> str:
    minutes, seconds = divmod(value.seconds, 60)
    return f"PT{minutes // 60:02}H{minutes % 60:02}M{seconds:02}S"


WRITERS: dict[str, Callable[[object], object]] = {
    "Edm.DateTimeOffset": lambda value: None if value is None else f"/Date({_milliseconds(value)}+0000)/",
    "Edm.DateTime": lambda value: None if value is None else f"/Date({_milliseconds(value)})/",
    "Edm.Time": format_duration,
    "Edm.Decimal": lambda value: format(value, "f"),
    "Edm.Int64": str,
}


def to_json(edm_type: str, value: object) -> object:
    write = WRITERS.get(edm_type)
    return write(value) if write else value


def from_json(wanted: Property, value: object) -> object:
    """The value to store for a member of a request's body. Raises ValueError."""
    edm_type = wanted.edm_type
    if value is None:
        return INITIAL[edm_type]
    if edm_type == "Edm.Boolean":
        if not isinstance(value, bool):
            raise ValueError("must be true or false")
        return value
    if edm_type in ("Edm.Int32", "Edm.Byte", "Edm.Double"):
        numbers = (int, float) if edm_type == "Edm.Double" else (int,)
        if not isinstance(value, numbers) or isinstance(value, bool):
            raise ValueError("must be a number")
        if edm_type == "Edm.Byte" and not 0 <= value <= 255:
            raise ValueError("must be between 0 and 255")
        return value
    if not isinstance(value, str):
        raise ValueError("must be a string")
    if edm_type == "Edm.String":
        if "\x00" in value:
            raise ValueError("contains a character that is not allowed")
        if wanted.max_length and len(value) > wanted.max_length:
            raise ValueError(f"is longer than {wanted.max_length} characters")
        return value
    if edm_type == "Edm.Time":
        return parse_duration(value)
    if edm_type == "Edm.DateTimeOffset":
        # The number is UTC already; an offset only tells where it was written. Precision 0: milliseconds are dropped.
        return _moment(_JSON_OFFSET_DATE.fullmatch(value), "/Date(1764547200000+0000)/").replace(microsecond=0)
    if edm_type == "Edm.DateTime":
        moment = _moment(_JSON_DATE.fullmatch(value), "/Date(1764547200000)/")
        return moment.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    return _number(edm_type, value)


def _moment(parsed: re.Match | None, sample: str) -> datetime:
    if not parsed:
        raise ValueError(f"must be a date such as {sample}")
    try:
        return EPOCH + int(parsed[1]) * MILLISECOND
    except OverflowError:
        raise ValueError("is not a date that exists") from None


def _number(edm_type: str, text: str) -> object:
    try:
        if not re.fullmatch(r"-?\d+(\.\d+)?" if edm_type == "Edm.Decimal" else r"-?\d{1,18}", text):
            raise InvalidOperation
        return Decimal(text) if edm_type == "Edm.Decimal" else int(text)
    except InvalidOperation:
        raise ValueError("must be a number in quotes") from None


# --- literals in URLs ---------------------------------------------------------------------------------------------------------------

_ISO = r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,7})?)?"
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
# literal type -> property types it may be compared with besides its own
_ALSO = {
    "Edm.Int32": ("Edm.Int64", "Edm.Byte", "Edm.Decimal", "Edm.Double"),
    "Edm.Int64": ("Edm.Decimal",),
    "Edm.Decimal": ("Edm.Double",),
    "Edm.Double": (),
}


def parse_literal(text: str) -> tuple[str, object]:
    """(type, value) of a literal as the OData V2 URI conventions write it. Raises ODataError 400."""
    prefix, quote, rest = text.partition("'")
    if quote and rest.endswith("'"):
        value = rest[:-1].replace("''", "'")
        if prefix == "":
            return "Edm.String", value
        try:
            if prefix == "datetimeoffset" and re.fullmatch(_ISO + r"(?:Z|[+-]\d\d:\d\d)", value):
                return "Edm.DateTimeOffset", datetime.fromisoformat(value.replace("Z", "+00:00")).astimezone(timezone.utc)
            if prefix == "datetime" and re.fullmatch(_ISO, value):
                return "Edm.DateTime", datetime.fromisoformat(value)
            if prefix == "time":
                return "Edm.Time", parse_duration(value)
            if prefix == "guid" and _GUID.fullmatch(value):
                return "Edm.Guid", value.lower()
        except ValueError:
            pass
    elif text in ("true", "false"):
        return "Edm.Boolean", text == "true"
    elif text == "null":
        return "null", None
    elif re.fullmatch(r"-?\d{1,18}", text):
        return "Edm.Int32", int(text)
    elif re.fullmatch(r"-?\d{1,18}[lL]", text):
        return "Edm.Int64", int(text[:-1])
    elif re.fullmatch(r"-?\d+(\.\d+)?[mM]", text):
        return "Edm.Decimal", Decimal(text[:-1])
    elif re.fullmatch(r"-?\d+(\.\d+)?[dD]?", text):
        return "Edm.Double", float(text.rstrip("dD"))
    raise ODataError(400, f"Invalid literal {text}")


def literal_for(edm_type: str, text: str, name: str) -> object:
    literal_type, value = parse_literal(text)
    if literal_type not in (edm_type, "null") and edm_type not in _ALSO.get(literal_type, ()):
        raise ODataError(400, f"Invalid parametertype used at function parameter or property {name}", target=name)
    return value


def parse_key(text: str, entity: EntityType) -> tuple[str, ...]:
    """The key values of `'4000001'` or `MaintenanceOrder='4000001',..`; all keys here are strings."""
    given: dict[str, str] = {}
    rest = text
    while rest:
        parsed = re.match(r"(?:(\w+)=)?('(?:[^']|'')*')(?:,(?=.)|$)", rest)
        if not parsed:
            raise ODataError(400, "Invalid key predicate")
        given[parsed[1] or ""] = str(parse_literal(parsed[2])[1])
        rest = rest[parsed.end() :]
    if len(entity.keys) == 1 and set(given) == {""}:
        return (given[""],)
    if set(given) != set(entity.keys):
        raise ODataError(400, f"Invalid key predicate for {entity.set_name}: {', '.join(entity.keys)} are the keys")
    return tuple(given[name] for name in entity.keys)


# --- $filter ------------------------------------------------------------------------------------------------------------------------

Values = dict[str, object]
Test = Callable[[Values], bool]

_TOKEN = re.compile(r"\s*(?:((?:[a-z]+)?'(?:[^']|'')*')|(-?\d[\w.]*)|([A-Za-z_$][\w/]*)|([(),]))")
_COMPARISONS: dict[str, Callable[[object, object], bool]] = {
    "eq": lambda actual, wanted: actual == wanted,
    "ne": lambda actual, wanted: actual != wanted,
    "gt": lambda actual, wanted: actual is not None and actual > wanted,
    "ge": lambda actual, wanted: actual is not None and actual >= wanted,
    "lt": lambda actual, wanted: actual is not None and actual < wanted,
    "le": lambda actual, wanted: actual is not None and actual <= wanted,
}
_TEXT_FUNCTIONS: dict[str, Callable[[str, str], bool]] = {
    "substringof": lambda text, part: part in text,
    "startswith": lambda text, part: text.startswith(part),
    "endswith": lambda text, part: text.endswith(part),
}


def filterable(name: str, entity: EntityType) -> Property:
    if name not in entity.properties:
        raise ODataError(400, f"Property {name} not found in type {entity.name}", target=name)
    if not entity.properties[name].filterable:
        raise ODataError(501, f"Query operation on property {name} not implemented", "/IWBEP/CM_MGW_RT/021", name)
    return entity.properties[name]


class _FilterParser:
    """Recursive descent: or, and, not, parentheses, comparison or text function."""

    def __init__(self, text: str, entity: EntityType) -> None:
        self._entity = entity
        self._tokens = []
        position = 0
        text = text.rstrip()
        while position < len(text):
            token = _TOKEN.match(text, position)
            if not token:
                raise ODataError(400, f"Invalid token detected at position {position + 1} of $filter")
            self._tokens.append(token[0].strip())
            position = token.end()
        self._next = 0

    def parse(self) -> Test:
        test = self._any()
        if self._next < len(self._tokens):
            raise self._unexpected()
        return test

    def _peek(self) -> str:
        return self._tokens[self._next] if self._next < len(self._tokens) else ""

    def _take(self, wanted: str = "") -> str:
        token = self._peek()
        if not token or (wanted and token != wanted):
            raise self._unexpected()
        self._next += 1
        return token

    def _unexpected(self) -> ODataError:
        return ODataError(400, f"Syntax error in $filter at '{self._peek()}'")

    def _any(self) -> Test:
        tests = [self._all()]
        while self._peek() == "or":
            self._take()
            tests.append(self._all())
        return tests[0] if len(tests) == 1 else lambda values: any(test(values) for test in tests)

    def _all(self) -> Test:
        tests = [self._one()]
        while self._peek() == "and":
            self._take()
            tests.append(self._one())
        return tests[0] if len(tests) == 1 else lambda values: all(test(values) for test in tests)

    def _one(self) -> Test:
        if self._peek() == "not":
            self._take()
            test = self._one()
            return lambda values: not test(values)
        if self._peek() == "(":
            self._take()
            test = self._any()
            self._take(")")
            return test
        if self._peek() in _TEXT_FUNCTIONS:
            return self._text_function()
        return self._comparison()

    def _comparison(self) -> Test:
        name = self._take()
        wanted = filterable(name, self._entity)
        operator = self._take()
        if operator not in _COMPARISONS:
            raise ODataError(400, f"Unknown operator {operator} in $filter")
        value = literal_for(wanted.edm_type, self._take(), name)
        if value is None and operator not in ("eq", "ne"):
            raise ODataError(400, f"null cannot be compared with {operator}", target=name)
        compare = _COMPARISONS[operator]
        return lambda values: compare(values[name], value)

    def _text_function(self) -> Test:
        function = self._take()
        self._take("(")
        arguments = [self._take()]
        self._take(",")
        arguments.append(self._take())
        self._take(")")
        name, part = reversed(arguments) if function == "substringof" else arguments
        wanted = filterable(name, self._entity)
        text = literal_for("Edm.String", part, name)
        if wanted.edm_type != "Edm.String" or text is None:
            raise ODataError(400, f"{function} needs a property and a literal of type Edm.String", target=name)
        expected = True
        if self._peek() in ("eq", "ne"):
            expected = (self._take() == "eq") == literal_for("Edm.Boolean", self._take(), function)
        contains = _TEXT_FUNCTIONS[function]
        return lambda values: contains(values[name], text) == expected


def parse_filter(text: str, entity: EntityType) -> Test:
    try:
        return _FilterParser(text, entity).parse()
    except RecursionError:
        raise ODataError(400, "$filter is nested too deeply") from None


# --- query options ------------------------------------------------------------------------------------------------------------------

LIST_OPTIONS = {"$filter", "$orderby", "$top", "$skip", "$skiptoken", "$select", "$expand", "$inlinecount", "$format"}
READ_OPTIONS = {"$select", "$expand", "$format"}


def parse_query(query_string: str) -> dict[str, str]:
    pairs = parse_qsl(query_string, keep_blank_values=True)
    options = dict(pairs)
    if len(options) != len(pairs):
        raise ODataError(400, "A query option is given twice")
    return options


def check_options(options: dict[str, str], allowed: set[str]) -> None:
    unknown = [name for name in options if name.startswith("$") and name not in allowed]
    if unknown:
        raise ODataError(400, f"System query option {unknown[0]} is not allowed here")


@dataclass
class Shape:
    """Which properties and navigation properties an answer shows."""

    properties: list[Property]
    navigation: dict[str, str | None]
    expanded: dict[str, "Shape | None"] = field(default_factory=dict)


def parse_shape(options: dict[str, str], entity: EntityType, sets: dict[str, EntityType]) -> Shape:
    expand = [name.strip() for name in options["$expand"].split(",")] if "$expand" in options else []
    for name in expand:
        if name not in entity.navigation:
            raise ODataError(400, f"Navigation property {name} not found in type {entity.name}", target=name)
    selected = [path.strip() for path in options["$select"].split(",")] if "$select" in options else ["*", *expand]
    properties: list[Property] = []
    inner: dict[str, list[str]] = {}
    for path in selected:
        name, _, below = path.partition("/")
        if name == "*":
            properties = list(entity.properties.values())
        elif name in entity.navigation and not (below and name not in expand):
            inner.setdefault(name, []).append(below or "*")
        elif name in entity.properties and not below:
            properties += [entity.properties[name]] if entity.properties[name] not in properties else []
        else:
            raise ODataError(400, f"Property {path} not found in type {entity.name}", target=path)
    expanded: dict[str, Shape | None] = {}
    for name in expand:
        target = sets.get(entity.navigation[name] or "")
        if name in inner:
            expanded[name] = parse_shape({"$select": ",".join(inner[name])}, target, sets) if target else None
    shown = entity.navigation if "*" in selected else {name: entity.navigation[name] for name in inner}
    return Shape(properties, shown, expanded)


def parse_order(text: str, entity: EntityType) -> list[tuple[str, bool]]:
    """(property, descending) of each part of $orderby."""
    order = []
    for part in text.split(","):
        name, *direction = part.split()[:3] or [""]
        if name not in entity.properties:
            raise ODataError(400, f"Property {name} not found in type {entity.name}", target=name)
        if not entity.properties[name].sortable:
            raise ODataError(400, f"Property {name} cannot be used for sorting", target=name)
        if direction not in ([], ["asc"], ["desc"]):
            raise ODataError(400, f"Syntax error in $orderby at '{part}'")
        order.append((name, direction == ["desc"]))
    return order


def parse_count(options: dict[str, str], name: str) -> int | None:
    if name not in options:
        return None
    if not re.fullmatch(r"\d{1,9}", options[name]):
        raise ODataError(400, f"Invalid value for {name}: {options[name]}")
    return int(options[name])
