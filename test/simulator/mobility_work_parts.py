"""Spare parts and the bulk requests, which are accepted at once (202) and processed in the background."""

from __future__ import annotations

import argparse
import uuid
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Callable

import mobility_work_fields as fields
import mobility_work_webhooks as webhooks
from mobility_work_account import ALL_PLANS, PAID_PLANS, Account, User, change_attributes, now, stable_uuid

_CREATE_CHECKS: dict[str, fields.Check] = {
    "name": fields.text(1),
    "description": fields.text(),
    "externalReference": fields.text(1),
    "unitPrice": fields.money,
    "currentStock": fields.current_stock,
    "minimumStock": fields.nullable(fields.quantity),
    "maximumStock": fields.nullable(fields.quantity),
    "gtin": fields.nullable(fields.gtin),
    "costCenter": fields.nullable(fields.text(1)),
}
_CREATE_REQUIRED = ("name", "description", "externalReference", "unitPrice", "currentStock")  # the sample's "minimum data"

# Only an attribute that a part can be without can be set to null.
_UPDATE_CHECKS: dict[str, fields.Check] = {
    "id": fields.identifier("externalReference"),
    "name": fields.text(1),
    "description": fields.nullable(fields.text()),
    "externalReference": fields.text(1),  # "You can replace it by your own identifier"
    "unitPrice": fields.nullable(fields.money),
    "minimumStock": fields.nullable(fields.quantity),
    "maximumStock": fields.nullable(fields.quantity),
    "replenishmentLot": fields.nullable(fields.quantity),
    "gtin": fields.nullable(fields.gtin),
    "costCenter": fields.nullable(fields.text(1)),
    "customFields": fields.nullable(fields.custom_fields),
    "tags": fields.tags_or_operations,
}

_EQUIPMENT_CHECKS: dict[str, fields.Check] = {
    "id": fields.identifier("native", "externalReference"),
    "name": fields.text(1),
    "description": fields.nullable(fields.text()),
    "gtin": fields.nullable(fields.gtin),
    "costCenter": fields.nullable(fields.text(1)),
    "customFields": fields.nullable(fields.custom_fields),
    "tags": fields.plain_tags,
}

# One document names the article code externalReference and another itemCode; the bare code fits both.
_STOCK_CHECKS: dict[str, fields.Check] = {
    "id": fields.identifier("externalReference", "itemCode", "native"),
    "quantity": fields.quantity,
}


def _place(value: object) -> object:
    return fields.text(1)(fields.members(value, "locationName")["locationName"])


_RELOCATE_CHECKS: dict[str, fields.Check] = {"sparePartId": fields.text(1), "source": _place, "target": _place}


@dataclass(frozen=True)
class Bulk:
    """A request that holds an array of items."""

    resource: str
    kind: str  # create or update
    plans: frozenset[str]
    checks: dict[str, fields.Check]
    required: tuple[str, ...]
    process: Callable[[dict], object]
    quota: str | None = None


@dataclass
class Part:
    """Its attributes have the names of the wire; the externalReference is what webhooks call articleCode."""

    id: int
    spare_part_id: str
    attributes: dict
    location: str
    stock: int


class Parts:
    def __init__(self, settings: argparse.Namespace, account: Account, outbox: webhooks.Outbox, later: webhooks.Later) -> None:
        self._settings = settings
        self._account = account
        self._outbox = outbox
        self._later = later
        self._last_id = 0
        self.all: dict[int, Part] = {}
        self._by_reference: dict[str, list[Part]] = defaultdict(list)
        self._by_uuid: dict[str, Part] = {}
        self.locations: set[str] = set()
        self.dropped: list[dict] = []  # accepted items that came to nothing

    # --- bulk requests: the whole is checked, then every item processed in the background -----------------------------------------

    def bulks(self) -> dict[str, Bulk]:
        """By path."""
        stock = Bulk("stock", "update", PAID_PLANS, _STOCK_CHECKS, ("id", "quantity"), self._replace_stock, quota="stock_updates")
        places = ("sparePartId", "source", "target")
        return {
            "/spare-parts": Bulk("spare-parts", "create", ALL_PLANS, _CREATE_CHECKS, _CREATE_REQUIRED, self.add),
            "/spare-parts/attributes": Bulk("spare-parts", "update", ALL_PLANS, _UPDATE_CHECKS, ("id",), self._update),
            "/spare-parts/physical-recount/bulk": stock,
            "/spare-parts/movements/bulk": stock,
            "/spare-parts/relocate/bulk": Bulk("relocation", "update", PAID_PLANS, _RELOCATE_CHECKS, places, self._relocate),
            "/equipment/attributes": Bulk("equipment", "update", PAID_PLANS, _EQUIPMENT_CHECKS, ("id",), self._update_equipment),
        }

    def process(self, bulk: Bulk, items: list[dict]) -> None:
        def work() -> None:
            for item in items:
                bulk.process(item)

        self._later(self._settings.bulk_delay, work)

    # --- the background -----------------------------------------------------------------------------------------------------------

    def add(self, values: dict) -> Part:
        self._last_id += 1
        stock = values["currentStock"]
        attributes = {name: None for name in _UPDATE_CHECKS if name != "id"} | {"customFields": [], "tags": []}
        attributes |= {name: value for name, value in values.items() if name != "currentStock"}
        part = Part(self._last_id, stable_uuid(f"spare part/{self._last_id}"), attributes, stock["location"], stock["quantity"])
        self.all[part.id] = part
        self._by_reference[attributes["externalReference"]].append(part)
        self._by_uuid[part.spare_part_id] = part
        self.locations.add(part.location)
        return part

    def named(self, wanted: fields.Identifier) -> list[Part]:
        """Every part with that article code, or the one with that native id."""
        kind, value = wanted
        if kind == "native":
            return [self.all[value]] if value in self.all else []
        return list(self._by_reference.get(value, ()))

    def _drop(self, resource: str, wanted: object, reason: str) -> None:
        self.dropped.append({"resource": resource, "id": wanted, "reason": reason})

    def _update(self, item: dict) -> None:
        parts = self.named(item["id"])
        if not parts:
            self._drop("spare-parts", item["id"][1], "unknown")
        changes = {name: value for name, value in item.items() if name != "id"}
        for part in parts:
            self.change(part, changes)

    def change(self, part: Part, changes: dict) -> None:
        before = part.attributes["externalReference"]
        change_attributes(part.attributes, changes)
        after = part.attributes["externalReference"]
        if after != before:
            self._by_reference[before].remove(part)
            self._by_reference[after].append(part)

    def _replace_stock(self, item: dict) -> None:
        parts = self.named(item["id"])
        if not parts:
            self._drop("stock", item["id"][1], "unknown")
        for part in parts:
            # "Manually modified" is said of a user's recount; whether the API's counts is a setting.
            self.move(part, "recount", item["quantity"] - part.stock, silent=not self._settings.api_recount_webhook)

    def _relocate(self, item: dict) -> None:
        part = self._by_uuid.get(item["sparePartId"])
        if part is None or part.location != item["source"]:
            self._drop("relocation", item["sparePartId"], "unknown" if part is None else "not at the source location")
        elif item["target"] not in self.locations:
            self._drop("relocation", item["sparePartId"], "unknown target location")
        else:
            part.location = item["target"]

    def _update_equipment(self, item: dict) -> None:
        equipment = self._account.find_equipment(item["id"])
        if equipment is None:
            self._drop("equipment", item["id"][1], "unknown")
        else:
            change_attributes(equipment.attributes, {name: value for name, value in item.items() if name != "id"})

    # --- stock --------------------------------------------------------------------------------------------------------------------

    def move(
        self,
        part: Part,
        action: str,
        difference: int,
        by: User | None = None,
        on: datetime | None = None,
        task: object = None,
        silent: bool = False,
    ) -> None:
        """Change the stock and announce it, and the limits that were passed on the way down; `silent` leaves out the movement itself."""
        if part.stock + difference < 0:
            raise ValueError(f"spare part {part.id} has only {part.stock} in stock")
        previous, on = part.stock, on or now()
        part.stock += difference
        if not silent:
            moved = abs(difference) if action == "consume" else difference
            by = by or self._account.key_owner
            metadata = self._outbox.next_metadata()
            self._outbox.announce(webhooks.part_was_moved(action, part, moved, previous, by, on, metadata, task))
        minimum = part.attributes["minimumStock"]
        if minimum is not None and part.stock < minimum <= previous:
            self._outbox.announce(webhooks.part_was_under_threshold(part, on, self._outbox.next_metadata()))
        if part.stock == 0 < previous:
            self._outbox.announce(webhooks.part_was_out_of_stock(part, on, self._outbox.next_metadata()))

    # --- what tests see and do ----------------------------------------------------------------------------------------------------

    @staticmethod
    def document(part: Part) -> dict:
        return {"id": part.id, "sparePartId": part.spare_part_id, **part.attributes, "location": part.location, "stock": part.stock}

    def create(self, given: dict, count: int) -> list[Part]:
        """Validated like the API's; of several, each has its number after the reference."""
        defaults = {
            "name": "Spare part",
            "description": "",
            "externalReference": f"MW-{uuid.uuid4()}",
            "unitPrice": {"amount": 42000, "currency": "EUR"},
            "currentStock": {"location": "building #1", "quantity": 100},
        }
        problems = fields.Problems()
        values = fields.checked({**defaults, **given}, _CREATE_CHECKS, _CREATE_REQUIRED, problems)
        if problems:
            raise ValueError(str(problems.document()))
        if count == 1:
            return [self.add(values)]
        return [self.add({**values, "externalReference": f"{values['externalReference']}-{number}"}) for number in range(1, count + 1)]

    def doubled(self) -> dict[str, int]:
        """Article codes that several parts have, which is allowed and rarely meant."""
        return {reference: len(parts) for reference, parts in self._by_reference.items() if len(parts) > 1}

    def reset(self) -> None:
        self.all.clear()
        self._by_reference.clear()
        self._by_uuid.clear()
        self.locations.clear()
        self.dropped.clear()
