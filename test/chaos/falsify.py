"""Spoils the evidence of a provider in every way that the judge must notice: whoever trusts its verdict wants to see that."""

from __future__ import annotations

from dataclasses import replace
from typing import Callable

from judge import Evidence, Write, count, judge


def drop_order(evidence: Evidence) -> Evidence:
    """The provider never got an order."""
    victim = first_create(evidence).record
    writes = [write for write in evidence.writes if write.record != victim]
    return replace(evidence, writes=writes, records=[record for record in evidence.records if record.id != victim])


def double_order(evidence: Evidence) -> Evidence:
    create = first_create(evidence)
    again = replace(create, place=evidence.writes[-1].place + 1, record="another")
    return replace(evidence, writes=[*evidence.writes, again])


def invent_order(evidence: Evidence) -> Evidence:
    """The provider got what was rolled back."""
    invented = Write(evidence.writes[-1].place + 1, "create", "invented", "00000000-0000-4000-8000-000000000000", {"title": "rolled back"})
    return replace(evidence, writes=[*evidence.writes, invented])


def swap_updates(evidence: Evidence) -> Evidence | None:
    """Two titles of one record arrived in the wrong order; the last one is left alone, so that the record ends right."""
    titles: dict[str, list[int]] = {}
    for place, write in enumerate(evidence.writes):
        places = titles.setdefault(write.record, [])
        if "title" in write.values and (not places or evidence.writes[places[-1]].values["title"] != write.values["title"]):
            places.append(place)
        if len(places) == 3:
            writes = list(evidence.writes)
            for one, other in ((places[0], places[1]), (places[1], places[0])):
                writes[one] = replace(evidence.writes[one], values={**evidence.writes[one].values, "title": evidence.writes[other].values["title"]})
            return replace(evidence, writes=writes)
    return None


def overwrite_here(evidence: Evidence) -> Evidence:
    """Older news overwrote a title in the database."""
    order, row = next(iter(evidence.rows.items()))
    return replace(evidence, rows={**evidence.rows, order: replace(row, values={**row.values, "title": "older news"})})


def first_create(evidence: Evidence) -> Write:
    order_of = evidence.order_of()
    return next(write for write in evidence.writes if write.kind == "create" and write.reference in order_of)


FALSIFICATIONS: dict[str, tuple[str, Callable[[Evidence], Evidence | None]]] = {
    "an order that is missing at the provider": ("lost", drop_order),
    "an order that was created twice": ("doubled", double_order),
    "an order that nobody committed": ("phantom", invent_order),
    "two updates in the wrong order": ("out of order", swap_updates),
    "a committed value that was overwritten here": ("lost", overwrite_here),
}


def undetected(evidence: Evidence) -> dict[str, bool | None]:
    """For each falsification: whether the judge missed it; None where the evidence offers nothing to be falsified in that way."""
    before = count(judge(evidence))
    outcome: dict[str, bool | None] = {}
    for what, (kind, falsify) in FALSIFICATIONS.items():
        spoilt = falsify(evidence)
        outcome[what] = None if spoilt is None else count(judge(spoilt))[kind] <= before[kind]
    return outcome
