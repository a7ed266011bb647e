"""Collects what the database and a provider say after the storm."""

from __future__ import annotations

from collections import defaultdict

from judge import Evidence, Row
from postgres import Patient, quoted
from providers import Provider

# What waits for a person, and what has still not left.
WAITING = """
    SELECT w.common_work_order_id AS "order", w.source_work_order_id AS record, w.title, w.common_status AS status, w.priority,
           coalesce((SELECT string_agg(concat_ws(': ', a.reason, a.detail), '; ') FROM cmms.needs_attention a
                     WHERE a.common_work_order_id = w.common_work_order_id),
                    (SELECT format('%%s %%s, attempt %%s at %%s: %%s', q.state, q.operation, q.attempts, q.next_attempt_at, q.last_error)
                     FROM cmms.outbox q WHERE q.record_id = w.common_work_order_id),
                    CASE WHEN w.sync_state NOT IN ('synchronized', 'imported') THEN w.sync_state || ': ' || coalesce(w.last_error, '') END,
                    '') AS waiting
    FROM cmms.work_order w WHERE w.provider_id = %s"""


def collect(provider: Provider, database: Patient) -> Evidence:
    committed: dict[str, dict[str, list[str]]] = defaultdict(dict)
    journal = f"SELECT order_id, field, value FROM app.journal WHERE provider_id = {quoted(provider.name)} ORDER BY entry"
    for entry in database.documents(journal):
        committed[entry["order_id"]].setdefault(entry["field"], []).append(entry["value"])

    rows, imported = {}, {}
    for found in database.documents(WAITING % quoted(provider.name)):
        values = {name: found[name] for name in ("title", "status", "priority")}
        row = Row(found["order"], found["record"], values, found["waiting"])
        if row.order in committed:
            rows[row.order] = row
        if row.record is not None:
            imported[row.record] = row

    ledger = provider.simulator.control("GET", "ledger?written=true")
    writes = [write for write in map(provider.write, ledger) if write is not None]
    records = [provider.record(document) for document in provider.simulator.control("GET", "orders")]
    return Evidence(dict(committed), rows, imported, writes, records, provider.references, provider.way, provider.theirs)


def history(provider: Provider, database: Patient, order: str | None, record: str | None) -> list[str]:
    """Everything that is known about one order, for whoever must find out what went wrong."""
    lines = []
    if order:
        for title, query in (
            ("journal", f"SELECT entry, marker, field, value FROM app.journal WHERE order_id = {quoted(order)} ORDER BY entry"),
            (
                "sync_log",
                "SELECT logged_at, direction, operation, attempt, outcome, http_status, error, request, response FROM cmms.sync_log"
                f" WHERE record_id = {quoted(order)} ORDER BY sync_log_id",
            ),
            (
                "status",
                "SELECT entered_at, from_status, to_status, cause FROM cmms.status_history"
                f" WHERE common_work_order_id = {quoted(order)} ORDER BY status_history_id",
            ),
            ("event", f"SELECT occurred_at, event_type, detail FROM cmms.event WHERE record_id = {quoted(order)} ORDER BY event_id"),
            ("outbox", f"SELECT * FROM cmms.outbox WHERE record_id = {quoted(order)}"),
            ("order", f"SELECT * FROM cmms.work_order WHERE common_work_order_id = {quoted(order)}"),
        ):
            lines += [f"{title}: {row}"[:1000] for row in database.run(f"SELECT to_json(q) FROM ({query}) q")]
    names = [name for name in (*(provider.references(order) if order and len(order) == 36 else []), record) if name]
    for entry in provider.simulator.control("GET", "ledger"):
        if any(name in f"{entry['path']}?{entry['query']} {entry['body']}" for name in names) or (
            record and entry["written"] and str(entry["written"]["id"]) == record
        ):
            kept = ("seq", "at", "method", "path", "query", "body", "status", "fault", "outcome", "written")
            lines.append("ledger: " + str({name: entry[name] for name in kept})[:1000])
    return lines
