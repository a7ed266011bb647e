"""The webhooks of Mobility Work: ten named events in three generations of shapes, and their delivery.

Every function below returns one document with the members, and their order, of the public document. `_metadata` is null, "" or [] there,
so it takes turns here. There is no event id and no signature.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import queue
import ssl
import threading
from datetime import datetime
from typing import TYPE_CHECKING, Callable
from urllib.parse import urlsplit

from mobility_work_account import PAID_PLANS, User, now, stable_uuid
from mobility_work_fields import format_moment

if TYPE_CHECKING:
    from mobility_work_parts import Part
    from mobility_work_tasks import Task

RETRIES = 2
EMPTY_METADATA = (None, "", [])

# --- tasks ------------------------------------------------------------------------------------------------------------------------


def _task_moved(event: str, verb: str) -> Callable[["Task", User, datetime], dict]:
    def build(task: "Task", by: User, on: datetime) -> dict:
        return {
            "_event": event,
            "taskId": task.short_id,
            verb: {"by": by.named(), "on": format_moment(on)},
            "associatedTo": task.equipment.associated() if task.equipment else None,
            "metadata": task.metadata,
        }

    return build


task_was_scheduled = _task_moved("TaskWasScheduled", "scheduled")
task_was_started = _task_moved("TaskWasStarted", "started")
task_was_canceled = _task_moved("TaskWasCanceled", "canceled")


def task_was_completed(task: "Task", by: User, on: datetime) -> dict:
    """The oldest shape: neither taskId nor by/on."""
    return {
        "_event": "TaskWasCompleted",
        "legacyId": task.short_id,
        "id": task.short_id,
        "doneAt": format_moment(on),
        "initiator": by.named("id"),
        "associatedTo": task.equipment.associated() if task.equipment else None,
        "metadata": task.metadata,
    }


def activity_was_added(task: "Task", activity: dict, by: User, on: datetime, metadata: object) -> dict:
    equipment = task.equipment
    return {
        "_event": "ActivityWasAddedOnTask",
        "_type": "ActivityWasAddedOnTaskWebhook",
        "_sentAt": format_moment(now()),
        "_metadata": metadata,
        "emittedAt": format_moment(on),
        "task": {"_type": "Task", "taskId": task.short_id, "description": task.description, "metadata": task.metadata},
        "equipment": equipment
        and {
            "_type": "equipment",
            "type": "equipment",
            "equipmentId": equipment.equipment_id,
            "itemCode": equipment.attributes["itemCode"],
            "name": equipment.attributes["name"],
        },
        "activity": {
            "_type": "Activity",
            "activityId": activity["activityId"],
            "description": activity["description"],
            "timeSpentInMinutes": activity["timeSpentInMinutes"],
            "completedAt": format_moment(on),
            "reporter": {"_type": "User", **by.named()},
        },
    }


# --- spare parts ------------------------------------------------------------------------------------------------------------------


def _location(part: "Part") -> dict:
    return {"locationId": stable_uuid(f"location/{part.location}"), "name": part.location}


def _stock_level(event: str, part: "Part", level: dict, on: datetime, metadata: object) -> dict:
    attributes = part.attributes
    return {
        "_event": event,
        "_date": format_moment(on),
        "_metadata": metadata,
        "stock": {"location": _location(part), **level},
        "sparePart": {"sparePartId": part.spare_part_id, "name": attributes["name"], "articleCode": attributes["externalReference"]},
        "movement": {"on": format_moment(on)},
    }


def part_was_out_of_stock(part: "Part", on: datetime, metadata: object) -> dict:
    return _stock_level("SparePartWasOutOfStock", part, {}, on, metadata)


def part_was_under_threshold(part: "Part", on: datetime, metadata: object) -> dict:
    level = {"threshold": part.attributes["minimumStock"], "value": part.stock}
    return _stock_level("SparePartStockWasUnderMinThreshold", part, level, on, metadata)


# action -> (event, member, its _type, does the document have a task?)
STOCK_MOVEMENTS = {
    "recount": ("SparePartWasManuallyRecounted", "recounted", "StockRecount", False),
    "restock": ("SparePartWasRestocked", "restocked", "SparePartRestock", True),
    "consume": ("SparePartWasConsumed", "consumed", "SparePartConsumption", True),
}


def part_was_moved(
    action: str, part: "Part", moved: int, previous: int, by: User, on: datetime, metadata: object, task: "Task | None"
) -> dict:
    """`moved` is the difference, also of a recount: the document's sample has 3 from 116 to 119."""
    event, member, kind, has_task = STOCK_MOVEMENTS[action]
    attributes = part.attributes
    document = {
        "_type": f"{event}Webhook",
        "_event": event,
        "_sentAt": format_moment(now()),
        "emittedAt": format_moment(on),
        "_metadata": metadata,
    }
    if has_task:
        document["task"] = task and {"_type": "Task", "taskId": task.short_id, "equipment": _billed(task)}
    return {
        **document,
        "sparePart": {
            "_type": "sparePart",
            "name": attributes["name"],
            "sparePartId": part.spare_part_id,
            "articleCode": attributes["externalReference"],
            "stock": part.stock,
        },
        "location": {"_type": "Location", **_location(part)},
        "initiator": {"_type": "User", **by.named()},
        member: {"_type": kind, "quantity": moved, "previousStock": previous},
    }


def _billed(task: "Task") -> dict | None:
    attributes = task.equipment.attributes if task.equipment else None
    return attributes and {"itemCode": attributes["itemCode"], "costCenter": attributes["costCenter"]}


# --- delivery ---------------------------------------------------------------------------------------------------------------------


Later = Callable[[float, Callable[[], object]], None]  # runs the function after so many seconds


class Outbox:
    """Every webhook in its order; with a URL each is also sent, retried twice when the answer is above 399."""

    def __init__(self, settings: argparse.Namespace, later: Later) -> None:
        self._settings = settings
        self._later = later
        self._to_send: queue.SimpleQueue = queue.SimpleQueue()
        self._sender: threading.Thread | None = None
        self._metadata = itertools.cycle(EMPTY_METADATA)
        self.sent: list[dict] = []

    def next_metadata(self) -> object:
        return next(self._metadata)

    def announce(self, document: dict) -> None:
        if self._settings.plan in PAID_PLANS:
            self._later(self._settings.webhook_delay, lambda: self._put(document))

    def _put(self, document: dict) -> None:
        body = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
        entry = {"sequence": len(self.sent) + 1, "event": document["_event"], "body": body, "answers": [], "mailed": False}
        self.sent.append(entry)
        url = self._settings.webhook_url
        if url:
            if self._sender is None:
                self._sender = threading.Thread(target=self._send_all, daemon=True)
                self._sender.start()
            self._to_send.put((url, entry))

    def select(self, since: int = 0, event: str = "") -> list[dict]:
        return [
            {name: entry[name] for name in ("sequence", "event", "body")}
            for entry in self.sent[max(since, 0) :]
            if not event or entry["event"] == event
        ]

    def deliveries(self) -> list[dict]:
        return [{name: entry[name] for name in ("sequence", "event", "answers", "mailed")} for entry in list(self.sent)]

    def reset(self) -> None:
        self.sent = []
        self._metadata = itertools.cycle(EMPTY_METADATA)

    def _send_all(self) -> None:
        while True:
            url, entry = self._to_send.get()
            for _ in range(1 + RETRIES):
                status = _post(url, entry["body"].encode())
                entry["answers"].append(status)
                if status is not None and status <= 399:
                    break
            else:
                entry["mailed"] = True  # "If the call is still in error, a email is sent."


def _post(url: str, body: bytes) -> int | None:
    """The status of the answer, None without one. Redirects are not followed [I]."""
    parts = urlsplit(url)
    if parts.scheme == "https":
        # A test's receiver has a certificate that proves nothing.
        context = ssl._create_unverified_context()
        connection = http.client.HTTPSConnection(parts.netloc, timeout=10, context=context)
    else:
        connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", target, body, {"Content-Type": "application/json"})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
