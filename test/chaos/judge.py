"""What was committed against what the provider was sent and what it has: lost, doubled, out of order, unknown, made up."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Callable, Iterator

KINDS = ("lost", "doubled", "out of order", "unknown", "phantom")


@dataclass(frozen=True)
class Write:
    """One thing that the provider stored on request."""

    place: int  # in the ledger
    kind: str  # create, update, or what else the provider calls it
    record: str
    reference: str | None  # of a create: what it carried as our reference
    values: dict[str, str]


@dataclass(frozen=True)
class Record:
    """What the provider has in the end."""

    id: str
    reference: str | None
    values: dict[str, str]


@dataclass(frozen=True)
class Row:
    """What the database has in the end."""

    order: str
    record: str | None
    values: dict[str, str]
    waiting: str = ""  # for what; empty where all is said and done


@dataclass
class Evidence:
    """Everything that is known of one provider."""

    committed: dict[str, dict[str, list[str]]]  # order -> field -> values in the order of their commits
    rows: dict[str, Row]
    imported: dict[str, Row]  # by the record's id
    writes: list[Write]
    records: list[Record]
    references: Callable[[str], list[str]]  # of an order
    way: Callable[[str, str], list[str]]  # from one status to another, the last included
    theirs: set[str] = field(default_factory=set)  # fields that only the provider's users change

    def order_of(self) -> dict[str, str]:
        """By every reference that a record may carry."""
        return {reference: order for order in self.committed for reference in self.references(order)}


@dataclass(frozen=True)
class Finding:
    kind: str
    text: str
    order: str | None = None
    record: str | None = None


def judge(evidence: Evidence) -> list[Finding]:
    order_of = evidence.order_of()
    record_of: dict[str, str] = {}
    for write in evidence.writes:
        if write.kind == "create" and write.reference in order_of:
            record_of.setdefault(order_of[write.reference], write.record)
    return [
        *doubled(evidence, order_of),
        *phantoms(evidence, order_of),
        *lost(evidence, record_of),
        *lost_news(evidence, set(record_of.values())),
        *out_of_order(evidence, record_of),
        *unknown(evidence),
    ]


def count(findings: list[Finding]) -> Counter:
    return Counter(finding.kind for finding in findings)


def doubled(evidence: Evidence, order_of: dict[str, str]) -> Iterator[Finding]:
    created: dict[tuple[str, str], list[str]] = defaultdict(list)
    for write in evidence.writes:
        if write.kind.startswith("create") and write.reference is not None:
            created[write.kind, order_of.get(write.reference, write.reference)].append(write.record)
    for (kind, order), records in created.items():
        if len(records) > 1:
            yield Finding("doubled", f"{kind} of order {order} as {', '.join(records)}", order, records[0])
    owners: dict[str, list[str]] = defaultdict(list)
    for row in [*evidence.rows.values(), *evidence.imported.values()]:
        if row.record is not None and row.order not in owners[row.record]:
            owners[row.record].append(row.order)
    for record, orders in owners.items():
        if len(orders) > 1:
            yield Finding("doubled", f"record {record} belongs to orders {', '.join(orders)}", orders[0], record)


def phantoms(evidence: Evidence, order_of: dict[str, str]) -> Iterator[Finding]:
    """What the provider was sent that nobody has committed."""
    order_of_record = {}
    for write in evidence.writes:
        if write.kind.startswith("create"):
            order = order_of.get(write.reference or "")
            if order is None:
                text = f"{write.kind} of record {write.record} with reference {write.reference} and values {write.values}"
                yield Finding("phantom", text, write.reference, write.record)
                continue
            if write.kind == "create":
                order_of_record[write.record] = order
        order = order_of_record.get(write.record)
        if order is None:
            continue
        for name, value in write.values.items():
            history = evidence.committed[order].get(name, [])
            if value not in with_way(evidence, name, history):
                yield Finding("phantom", f'{name} of order {order} was written as "{value}", which was never committed', order, write.record)


def lost(evidence: Evidence, record_of: dict[str, str]) -> Iterator[Finding]:
    """What was committed and is not there, at the provider or here."""
    records = {record.id: record for record in evidence.records}
    for order, history in evidence.committed.items():
        row, record = evidence.rows.get(order), records.get(record_of.get(order, ""))
        if row is None:
            yield Finding("lost", f"order {order} is not in the database", order)
        if record is None:
            yield Finding("lost", f"order {order} is not at the provider", order)
        if row is None or record is None:
            continue
        if row.record != record.id:
            yield Finding("lost", f"order {order} has id {row.record} here and is {record.id} at the provider", order, record.id)
        for name, values in history.items():
            there, here = record.values.get(name), row.values.get(name)
            if there is not None and there != values[-1]:
                yield Finding("lost", f'{name} of order {order} is "{there}" at the provider; last committed: "{values[-1]}"', order, record.id)
            if here != values[-1] and name not in evidence.theirs:
                yield Finding("lost", f'{name} of order {order} is "{here}" here; last committed: "{values[-1]}"', order, record.id)


def lost_news(evidence: Evidence, ours: set[str]) -> Iterator[Finding]:
    """What the provider's own users did and the database does not show."""
    for record in evidence.records:
        row = evidence.imported.get(record.id)
        if row is None:
            if record.id not in ours:
                yield Finding("lost", f"record {record.id}, made at the provider, is not in the database", None, record.id)
            continue
        names = evidence.theirs if record.id in ours else record.values
        for name in names:
            if name in record.values and row.values.get(name) != record.values[name]:
                text = f'{name} of record {record.id} is "{row.values.get(name)}" here and "{record.values[name]}" at the provider'
                yield Finding("lost", text, row.order, record.id)


def out_of_order(evidence: Evidence, record_of: dict[str, str]) -> Iterator[Finding]:
    """The values of a field, as they were written, are those that were committed with some left out."""
    written: dict[tuple[str, str], list[str]] = defaultdict(list)
    for write in evidence.writes:
        for name, value in write.values.items():
            values = written[write.record, name]
            if not values or values[-1] != value:
                values.append(value)
    for order, record in record_of.items():
        for name, history in evidence.committed[order].items():
            values, committed = written[record, name], with_way(evidence, name, history)
            if set(values) <= set(committed) and not is_subsequence(values, committed):
                text = f"{name} of order {order} was written as {values}; committed: {history}"
                yield Finding("out of order", text, order, record)


def with_way(evidence: Evidence, name: str, history: list[str]) -> list[str]:
    """With the statuses that are passed on the way from one to the next."""
    if name != "status":
        return history
    passed = history[:1]
    for value in history[1:]:
        if value != passed[-1]:
            passed += evidence.way(passed[-1], value)
    return passed


def is_subsequence(values: list[str], whole: list[str]) -> bool:
    rest = iter(whole)
    return all(value in rest for value in values)


def unknown(evidence: Evidence) -> Iterator[Finding]:
    for row in evidence.rows.values():
        if row.waiting:
            yield Finding("unknown", f"order {row.order}: {row.waiting}", row.order, row.record)
