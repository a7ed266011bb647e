"""What the control endpoints of every provider share: which records, at which moments, under whose reference, with which settings."""

from __future__ import annotations

import argparse
import re
from datetime import datetime, timedelta, timezone
from typing import Callable, Sequence, TypeVar

from .ledger import UUID

Record = TypeVar("Record")
FIXED_SETTINGS = frozenset({"host", "port", "port_file", "tls_cert", "tls_key", "seed"})


def choose(wanted: dict, records: Sequence[Record], by_id: Callable[[object], Record]) -> list[Record]:
    """The records meant by {"ids": [..]} or by {"count": N, "offset": M} in the order given; all of them by neither."""
    if "ids" in wanted:
        return [by_id(number) for number in wanted["ids"]]
    offset = int(wanted.get("offset", 0))
    return list(records[offset : offset + int(wanted.get("count", len(records)))])


def moments(wanted: dict, count: int, parse: Callable[[object], datetime]) -> list[datetime]:
    """When each of `count` records changed: "updated_at" (default now), "step_seconds" (default 0: a tie) from one to the next."""
    first = parse(wanted["updated_at"]) if "updated_at" in wanted else datetime.now(timezone.utc)
    step = timedelta(seconds=float(wanted.get("step_seconds", 0)))
    return [first + place * step for place in range(count)]


def last_reference(text: str) -> str | None:
    """A client's own reference in a record's text."""
    references = re.findall(UUID, text)
    return references[-1] if references else None


def change_settings(settings: argparse.Namespace, wanted: dict, fixed: frozenset[str] = FIXED_SETTINGS) -> dict:
    """Change command line settings while running, e.g. {"api_key": "new"}."""
    unknown = [name for name in wanted if not hasattr(settings, name) or name in fixed]
    if unknown:
        raise ValueError(f"unknown setting: {', '.join(unknown)}")
    for name, value in wanted.items():
        setattr(settings, name, value)
    return wanted
