"""The ledger: every request the provider saw, how it ended and what was written because of it."""

from __future__ import annotations

import base64
import re
from collections import Counter, defaultdict

from .http import Request

KEPT_BODY = 64 * 1024
MASKED_HEADERS = {"authorization", "api-key", "x-api-key", "cookie"}
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


def body_text(body: bytes) -> str:
    try:
        return body[:KEPT_BODY].decode("utf-8")
    except UnicodeDecodeError:
        return "base64:" + base64.b64encode(body[:KEPT_BODY]).decode()


class Ledger:
    def __init__(self) -> None:
        self.entries: list[dict] = []
        self._in_progress = 0
        self.max_concurrency = 0

    def open(self, request: Request) -> dict:
        """Begin an entry; `close` completes it when the answer has left (or never will)."""
        entry = {
            "seq": len(self.entries) + 1,
            "at": request.received_at,
            "method": request.method,
            "path": request.path,
            "query": request.query_string,
            "headers": {name: "***" if name in MASKED_HEADERS else value for name, value in request.headers.items()},
            "body": body_text(request.body),
            "status": None,
            "fault": None,
            "written": None,
            "outcome": "in progress",
            "finished_at": None,
        }
        self.entries.append(entry)
        self._in_progress += 1
        self.max_concurrency = max(self.max_concurrency, self._in_progress)
        return entry

    def close(self, entry: dict, outcome: str, finished_at: float) -> None:
        entry["outcome"] = outcome
        entry["finished_at"] = finished_at
        self._in_progress -= 1

    def select(self, since: int = 0, method: str = "", path: str = "", written: bool = False, limit: int = 0) -> list[dict]:
        chosen = [
            entry
            for entry in self.entries[since:]
            if (not method or entry["method"] == method)
            and (not path or re.search(path, entry["path"]))
            and (not written or entry["written"])
        ]
        return chosen[:limit] if limit else chosen

    def clear(self) -> None:
        self.entries.clear()
        self.max_concurrency = self._in_progress

    def summary(self, reference_pattern: str = UUID) -> dict:
        """Totals, and the creates per reference: the reference is the last match of the pattern in the created record's text."""
        pattern = re.compile(reference_pattern)
        created: dict[str, list] = defaultdict(list)
        written = Counter()
        without_reference = 0
        for entry in self.entries:
            record = entry["written"]
            if not record:
                continue
            written[record["kind"]] += 1
            if record["kind"] == "create":
                references = pattern.findall(record.get("text", ""))
                if references:
                    created[references[-1]].append(record["id"])
                else:
                    without_reference += 1
        return {
            "requests": len(self.entries),
            "creates": written["create"],
            "updates": written["update"],
            "deletes": written["delete"],
            "references": len(created),
            "without_reference": without_reference,
            "doubled": {reference: ids for reference, ids in created.items() if len(ids) > 1},
            "by_method": dict(Counter(entry["method"] for entry in self.entries)),
            "by_status": dict(Counter(str(entry["status"]) for entry in self.entries)),
            "by_outcome": dict(Counter(entry["outcome"] for entry in self.entries)),
            "in_progress": self._in_progress,
            "max_concurrency": self.max_concurrency,
        }
