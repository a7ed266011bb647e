"""The records of the simulated SAP PM: orders with their operations and long texts, notifications, locks, and what happened."""

from __future__ import annotations

import argparse
import itertools
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

import sap_pm_rules as rules
from sap_pm_odata import ODataError
from sap_pm_schema import notification_service, order_service

ORDER, OPERATION, LONG_TEXT, NOTIFICATION = (
    "MaintenanceOrder",
    "MaintenanceOrderOperation",
    "MaintenanceOrderLongText",
    "MaintenanceNotification",
)
# What is stored has the properties of the newest version; an older one shows fewer.
ENTITIES = {**order_service(2).sets, **notification_service().sets}
EXTERNAL_REFERENCE = "MaintNotifExtReferenceNumber"
USER_LENGTH = 12


def now() -> datetime:
    """SAP keeps whole seconds."""
    return datetime.now(timezone.utc).replace(microsecond=0)


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)


def _time_of_day(moment: datetime) -> timedelta:
    return timedelta(hours=moment.hour, minutes=moment.minute, seconds=moment.second)


@dataclass
class Record:
    set_name: str
    values: dict
    revision: int = 1

    @property
    def key(self) -> tuple[str, ...]:
        return tuple(self.values[name] for name in ENTITIES[self.set_name].keys)

    @property
    def number(self) -> str:
        return self.key[0]

    @property
    def etag(self) -> str:
        """Opaque, and with the characters that a careless client trips over."""
        return f"""W/"'SADL-{"~".join(self.key)}-{self.revision:08X}'\""""


@dataclass
class Order(Record):
    status: rules.OrderStatus = field(default_factory=rules.OrderStatus)
    children: dict[str, list[Record]] = field(default_factory=lambda: {OPERATION: [], LONG_TEXT: []})


@dataclass
class Notification(Record):
    status: str = "OSNO"


class Store:
    def __init__(self, settings: argparse.Namespace) -> None:
        self.settings = settings
        self.reset()

    def reset(self) -> None:
        self.orders: dict[str, Order] = {}
        self.notifications: dict[str, Notification] = {}
        self.events: list[dict] = []
        self.locks: dict[str, tuple[str, int | None]] = {}  # order -> user, requests left
        self._order_numbers = itertools.count(4000001)
        self._notification_numbers = itertools.count(10000001)

    # --- look-up ----------------------------------------------------------------------------------------------------------------

    def rows(self, set_name: str) -> list[Record]:
        if set_name == ORDER:
            return list(self.orders.values())
        if set_name == NOTIFICATION:
            return list(self.notifications.values())
        return [child for order in self.orders.values() for child in order.children[set_name]]

    def find(self, set_name: str, key: tuple[str, ...]) -> Record | None:
        if set_name == NOTIFICATION:
            return self.notifications.get(key[0])
        order = self.orders.get(key[0])
        if set_name == ORDER or order is None:
            return order
        return next((child for child in order.children[set_name] if child.key == key), None)

    def text(self, record: Record) -> str:
        """Where a client may have left its own reference; an order's notification counts as its own."""
        values = record.values
        if isinstance(record, Notification):
            return "\n".join((values["NotificationText"], values["MaintNotifLongTextForEdit"], values[EXTERNAL_REFERENCE]))
        order = self.orders[record.number]
        texts = [order.values["MaintenanceOrderDesc"]]
        texts += [text.values["MaintenanceOrderLongText"] for text in order.children[LONG_TEXT]]
        texts += [operation.values["OperationDescription"] for operation in order.children[OPERATION]]
        notification = self.notifications.get(order.values[NOTIFICATION])
        return "\n".join([*texts, *([self.text(notification)] if notification else [])])

    def external_reference(self, order: Order) -> str | None:
        notification = self.notifications.get(order.values[NOTIFICATION])
        return (notification.values[EXTERNAL_REFERENCE] or None) if notification else None

    # --- changes ----------------------------------------------------------------------------------------------------------------

    def create_order(self, values: dict, operations: list[dict], long_texts: list[dict], user: str) -> Order:
        number = values.get(ORDER) or str(next(self._order_numbers))
        if not number.isdigit() or number in self.orders:
            raise ODataError(400, f"Order {number} already exists or is not a number", "IWO_BAPI2/110", ORDER)
        self._check_references(ORDER, values)
        created_at = now()
        order = Order(ORDER, {**rules.initial_values(ENTITIES[ORDER]), **values, ORDER: number})
        start = order.values["MaintOrdBasicStartDateTime"] or created_at.replace(hour=0, minute=0, second=0)
        order.values.update(
            MaintOrdBasicStartDateTime=start,
            MaintOrdBasicEndDateTime=order.values["MaintOrdBasicEndDateTime"] or start,
            CreatedByUser=user[:USER_LENGTH].upper(),
            MaintOrderCreationDateTime=created_at,
            MaintenanceOrderInternalID=f"OR{number:0>12}",
            Currency="EUR",
            CompanyCode="1010",
        )
        for set_name, rows in ((OPERATION, operations), (LONG_TEXT, long_texts)):
            for row in rows or ([{"OperationDescription": order.values["MaintenanceOrderDesc"]}] if set_name == OPERATION else []):
                self._add_child(order, set_name, row)
        self.orders[number] = order
        self.touch(order, user, created_at)
        self._link(order.values[NOTIFICATION], number)
        return order

    def add_child(self, order: Order, set_name: str, values: dict, user: str) -> Record:
        child = self._add_child(order, set_name, values)
        self.touch(order, user)
        return child

    def _add_child(self, order: Order, set_name: str, values: dict) -> Record:
        siblings = order.children[set_name]
        if set_name == OPERATION:
            next_number = 10 + max((int(child.values[OPERATION]) // 10 * 10 for child in siblings), default=0)
            defaults = {OPERATION: f"{next_number:04}"}
            given = values.get(OPERATION, "0010")
            if not given.isdigit() or len(given) != 4:
                raise ODataError(400, f"Operation {given} must be a number of four digits", "CO/105", OPERATION)
        else:
            defaults = {"TextObjectType": "AUFK", "Language": "EN"}  # [I]
        entity = ENTITIES[set_name]
        child = Record(set_name, {**rules.initial_values(entity), **defaults, **values, ORDER: order.number})
        if any(sibling.key == child.key for sibling in siblings):
            raise ODataError(400, f"{set_name} {'/'.join(child.key)} already exists", "CO/106", set_name)
        siblings.append(child)
        return child

    def create_notification(self, values: dict, user: str) -> Notification:
        self._check_references(NOTIFICATION, values)
        number = str(next(self._notification_numbers))
        notification = Notification(NOTIFICATION, {**rules.initial_values(ENTITIES[NOTIFICATION]), **values, NOTIFICATION: number})
        created_at = now()
        notification.values.update(
            CreationDate=_midnight(created_at),
            CreationTime=_time_of_day(created_at),
            ReportedByUser=notification.values["ReportedByUser"] or user[:USER_LENGTH].upper(),
        )
        self.notifications[number] = notification
        self.touch(notification, user, created_at)
        self._link(number, values.get(ORDER, ""))
        return notification

    def update(self, record: Record, values: dict, user: str) -> None:
        """A change of values; one that changes nothing moves the stamp all the same, unless the settings say otherwise."""
        self._check_references(record.set_name, values)
        is_change = any(record.values[name] != value for name, value in values.items())
        record.values.update(values)
        if is_change or self.settings.no_op_stamp == "move":
            self.touch(record, user)
            if isinstance(record, Order):
                self._link(values.get(NOTIFICATION, ""), record.number)
            elif isinstance(record, Notification):
                self._link(record.number, values.get(ORDER, ""))
            else:
                self.touch(self.orders[record.number], user)

    def touch(self, record: Record, user: str, moment: datetime | None = None, keep_stamp: bool = False) -> None:
        """Note a change: a new ETag, the computed properties, and the change stamp unless it is to be kept."""
        record.revision += 1
        if not keep_stamp and "LastChangeDateTime" in record.values:
            changed_at = (moment or now()).replace(microsecond=0)
            record.values["LastChangeDateTime"] = changed_at
            if isinstance(record, Order):
                record.values["LastChangeByUser"] = user[:USER_LENGTH].upper()
            else:
                record.values.update(LastChangeDate=_midnight(changed_at), LastChangeTime=_time_of_day(changed_at))
        if isinstance(record, Order):
            self._compute_order(record)
        elif isinstance(record, Notification):
            self._compute_notification(record)

    def change_status(self, order: Order, function: str, parameters: dict, user: str) -> None:
        event = rules.change_status(function, order.status, order.number)
        reference = parameters.get("MaintOrderReferenceDateTime")
        if reference:
            order.values.update(
                MaintOrderReferenceDateTime=reference,
                MaintOrderReferenceDate=_midnight(reference),
                MaintOrderReferenceTime=_time_of_day(reference),
            )
        notification = self.notifications.get(order.values[NOTIFICATION])
        for parameter, notification_status in rules.NOTIFICATION_TOO.items():
            if notification and parameters.get(parameter):
                notification.status = notification_status
                self.touch(notification, user)
        self.note_status_change(order, event, user)

    def note_status_change(self, order: Order, event: str, user: str) -> None:
        self.touch(order, user, keep_stamp=self.settings.status_stamp == "keep")
        if event:
            self.events.append(
                {
                    "specversion": "1.0",
                    "type": f"{rules.EVENT_PREFIX}{event}.v1",
                    "source": "/default/sap.s4.beh/SIM",
                    "id": str(uuid.uuid4()),
                    "time": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
                    "datacontenttype": "application/json",
                    "data": {ORDER: order.number, "MaintenanceOrderType": order.values["MaintenanceOrderType"]},
                }
            )

    def assign(self, order: Order, notification_number: str, user: str) -> None:
        self._check_references(ORDER, {NOTIFICATION: notification_number})
        order.values[NOTIFICATION] = notification_number
        self._link(notification_number, order.number)
        self.touch(order, user)

    def check_lock(self, number: str) -> None:
        """Refuse while another user has the order open for editing."""
        if number not in self.locks:
            return
        user, left = self.locks[number]
        if left is not None:
            self.locks[number] = (user, left - 1)
            if left <= 1:
                del self.locks[number]
        raise ODataError(400, f"Order {number} is blocked by user {user}", "IWO_BAPI2/130")

    # --- consistency ------------------------------------------------------------------------------------------------------------

    def _check_references(self, set_name: str, values: dict) -> None:
        priority = values.get("MaintPriority")
        if priority and priority not in self.settings.priorities:
            raise ODataError(400, f"Priority {priority} is not defined", "IWO_BAPI2/121", "MaintPriority")
        referred = {ORDER: (NOTIFICATION, self.notifications), NOTIFICATION: (ORDER, self.orders)}.get(set_name)
        if referred:
            name, rows = referred
            if values.get(name) and values[name] not in rows:
                raise ODataError(400, f"{name} {values[name]} does not exist", "IWO_BAPI2/115", name)

    def _link(self, notification_number: str, order_number: str) -> None:
        """Both sides of the relation between an order and its notification."""
        notification, order = self.notifications.get(notification_number), self.orders.get(order_number)
        if notification is None or order is None:
            return
        notification.values[ORDER] = order_number
        notification.values["MaintenanceOrderType"] = order.values["MaintenanceOrderType"]
        order.values[NOTIFICATION] = order.values[NOTIFICATION] or notification_number
        self._compute_notification(notification)

    def _compute_order(self, order: Order) -> None:
        values, status = order.values, order.status
        for edge in ("Start", "End"):
            moment = values[f"MaintOrdBasic{edge}DateTime"]
            date, time_of_day = (_midnight(moment), _time_of_day(moment)) if moment else (None, timedelta(0))
            values.update({f"MaintOrdBasic{edge}Date": date, f"MaintOrdBasic{edge}Time": time_of_day})
            values.update({f"ScheduledBasic{edge}Date": date, f"ScheduledBasic{edge}Time": time_of_day})
        equipment, location = values["Equipment"], values["FunctionalLocation"]
        technical_object, kind = (equipment, "EAMS_EQUI") if equipment else (location, "EAMS_FL" if location else "")
        values.update(
            SystemStatusText=status.line(),
            MaintOrdProcessPhaseCode=rules.PHASES[status.base],
            EquipmentName=f"Equipment {equipment}" if equipment else "",
            TechnicalObject=technical_object,
            TechnicalObjectLabel=technical_object,
            TechObjIsEquipOrFuncnlLoc=kind,
            MaintPriorityType="PM" if values["MaintPriority"] else "",
            OrderHasLongText=bool(order.children[LONG_TEXT]),
        )

    @staticmethod
    def _compute_notification(notification: Notification) -> None:
        values = notification.values
        phase, description = rules.NOTIFICATION_PHASES[notification.status]
        values.update(
            NotifProcessingPhase=phase,
            NotifProcessingPhaseDesc=description,
            ConcatenatedActiveSystStsName=notification.status + (" ORAS" if values[ORDER] else ""),
            MaintNotificationLongText=values["MaintNotifLongTextForEdit"],
        )
