"""The control endpoints of the simulated SAP PM: its own users, played by the tests."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timezone
from typing import Callable

import sap_pm_rules as rules
from core.control import change_settings, choose, last_reference, moments
from core.http import Request
from sap_pm_odata import INITIAL, ODataError, to_json
from sap_pm_session import Sessions
from sap_pm_store import ENTITIES, EXTERNAL_REFERENCE, NOTIFICATION, ORDER, Notification, Order, Record, Store

SAP_USER = "MILLER"
ALWAYS_SHOWN = {"SystemStatusText", "LastChangeDateTime", "ConcatenatedActiveSystStsName"}


def _moment(text: object) -> datetime:
    """ISO 8601 with an offset; SAP keeps whole seconds."""
    moment = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    if moment.tzinfo is None:
        raise ValueError("a moment needs an offset, such as 2026-01-01T00:00:00Z")
    return moment.astimezone(timezone.utc).replace(microsecond=0)


def _document(record: Record) -> dict:
    """What somebody has set, the status line and the change stamp: few enough to look through 10,000 records."""
    return {
        wanted.name: to_json(wanted.edm_type, record.values[wanted.name])
        for wanted in ENTITIES[record.set_name].properties.values()
        if wanted.name in ALWAYS_SHOWN or (wanted.rights != "read" and record.values[wanted.name] != INITIAL[wanted.edm_type])
    }


def _values(given: dict, set_name: str) -> dict:
    """Validated as the API would; raises ValueError."""
    try:
        return rules.validate(given, ENTITIES[set_name], creating=True)
    except ODataError as problem:
        raise ValueError(str(problem)) from None


class Control:
    def __init__(self, store: Store, sessions: Sessions) -> None:
        self._store = store
        self._sessions = sessions

    def endpoints(self) -> dict[tuple[str, str], Callable[[Request], object]]:
        return {
            ("GET", "/orders"): lambda request: [self._brief(order) for order in self._store.orders.values()],
            ("POST", "/orders/create"): self._create,
            ("POST", "/orders/change"): self._change,
            ("POST", "/orders/delete"): self._delete,
            ("GET", "/notifications"): lambda request: [self._brief_notification(row) for row in self._store.notifications.values()],
            ("POST", "/sessions/expire"): lambda request: {"expired": self._sessions.expire_sessions()},
            ("POST", "/expire_sessions"): lambda request: {"expired": self._sessions.expire_sessions()},
            ("POST", "/tokens/expire"): lambda request: {"expired": self._sessions.expire_tokens()},
            ("POST", "/lock"): self._lock,
            ("POST", "/unlock"): self._unlock,
            ("GET", "/events"): self._events,
            ("POST", "/settings"): lambda request: change_settings(self._store.settings, request.json()),
        }

    def summary(self) -> dict:
        store = self._store
        held = Counter(reference for order in store.orders.values() if (reference := self._reference(order)))
        named = Counter(row.values[EXTERNAL_REFERENCE] for row in store.notifications.values() if row.values[EXTERNAL_REFERENCE])
        return {
            "orders": len(store.orders),
            "doubled_orders": {name: count for name, count in held.items() if count > 1},
            "notifications": len(store.notifications),
            "doubled_notifications": {name: count for name, count in named.items() if count > 1},
        }

    # --- views ------------------------------------------------------------------------------------------------------------------

    def _reference(self, order: Order) -> str | None:
        return last_reference(self._store.text(order)) or self._store.external_reference(order)

    def _brief(self, order: Order) -> dict:
        return {
            "id": order.number,
            "reference": self._reference(order),
            "external_reference": self._store.external_reference(order),
            "status": order.status.dominant(),
            "etag": order.etag,
            **_document(order),
            **{set_name: [_document(child) for child in rows] for set_name, rows in order.children.items()},
        }

    def _brief_notification(self, notification: Notification) -> dict:
        values = notification.values
        reference = last_reference(self._store.text(notification)) or values[EXTERNAL_REFERENCE] or None
        return {"id": notification.number, "reference": reference, "status": notification.status, **_document(notification)}

    def _events(self, request: Request) -> object:
        """CloudEvents since a position, and the position to ask from next time."""
        since = int(request.query.get("since", "0"))
        return {"position": len(self._store.events), "events": self._store.events[since:]}

    # --- changes ----------------------------------------------------------------------------------------------------------------

    def _create(self, request: Request) -> object:
        """{"orders": [{..properties.., "status": "REL"}], "count": each so many times, "updated_at", "step_seconds"}"""
        wanted = request.json()
        created = []
        for given in wanted["orders"]:
            plain = {"MaintenanceOrderType": "PM01", "MaintenancePlanningPlant": "1010", **given}
            status = plain.pop("status", None)
            values = _values(plain, ORDER)
            for _ in range(int(wanted.get("count", 1))):
                order = self._store.create_order(values, [], [], SAP_USER)
                if status:
                    order.status.set_to(status)
                created.append(order)
        for order, moment in zip(created, moments(wanted, len(created), _moment)):
            self._store.touch(order, SAP_USER, moment)
        return [self._brief(order) for order in created]

    def _change(self, request: Request) -> object:
        """{"ids": [..] | "count": N, "offset": M, "set": {..}, "status": "CNF", "append_description", "updated_at", "step_seconds"}

        A change of nothing but the status moves LastChangeDateTime as the setting status_stamp says, unless updated_at is given.
        """
        wanted = request.json()
        chosen = self._choose(wanted)
        values = _values(wanted.get("set", {}), ORDER)
        suffix, status = wanted.get("append_description", ""), wanted.get("status")
        is_only_status = status and not values and not suffix and "updated_at" not in wanted
        for order, moment in zip(chosen, moments(wanted, len(chosen), _moment)):
            order.values.update(values)
            order.values["MaintenanceOrderDesc"] = (order.values["MaintenanceOrderDesc"] + suffix)[:40]
            if status:
                order.status.set_to(status)
                self._store.note_status_change(order, rules.EVENT_OF_STATUS.get(status, ""), SAP_USER)
            if not is_only_status:
                self._store.touch(order, SAP_USER, moment)
        return [self._brief(order) for order in chosen]

    def _choose(self, wanted: dict) -> list[Order]:
        orders = self._store.orders
        return choose(wanted, list(orders.values()), lambda number: orders[str(number)])

    def _delete(self, request: Request) -> object:
        """Archived: gone for every reader."""
        chosen = self._choose(request.json())
        for order in chosen:
            del self._store.orders[order.number]
        return [order.number for order in chosen]

    def _lock(self, request: Request) -> object:
        """{"ids": [..], "user": "MILLER", "requests": refuse so many changes, default: until unlocked}"""
        wanted = request.json()
        user, requests = str(wanted.get("user", SAP_USER)), wanted.get("requests")
        for order in self._choose(wanted):
            self._store.locks[order.number] = (user, None if requests is None else int(requests))
        return {number: user for number, (user, _) in self._store.locks.items()}

    def _unlock(self, request: Request) -> object:
        """{"ids": [..]}; all of them by {}"""
        for order in self._choose(request.json()):
            self._store.locks.pop(order.number, None)
        return {number: user for number, (user, _) in self._store.locks.items()}
