"""What one network of Mobility Work has besides tasks and spare parts: users, tags, equipment, subscription plan and quotas."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timezone

from mobility_work_fields import Identifier, apply_tags

PLANS = ("starter", "premium", "ultimate")
ALL_PLANS = frozenset(PLANS)
PAID_PLANS = frozenset({"premium", "ultimate"})
QUOTAS = {
    "tasks": {"starter": 100, "premium": 500, "ultimate": 50_000},
    "stock_updates": {"premium": 1000},  # starter has no access, ultimate no quota
}

NETWORK = {
    "networkId": "4d4b9269-db6b-4b8f-8577-d01ef451d291",
    "legacyNetworkId": 686,
    "name": "Mobility Work",
    "timezone": "Europe/Paris",
    "currency": "EUR",
}

_NAMES = (("Ada", "Key"), ("Monty", "Watsica"), ("John", "Doe"), ("Jane", "Roe"), ("Zoë", "Müller"))
_TAGS = ("$preventive", "$corrective", "regulatory", "toto", "urgent")


def stable_uuid(name: str) -> str:
    """The same UUID for the same thing in every run."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))


def now() -> datetime:
    """Whole seconds, as all its answers show: ties are real."""
    return datetime.now(timezone.utc).replace(microsecond=0)


@dataclass
class User:
    id: int
    email: str
    first_name: str
    last_name: str
    user_id: str = ""

    def __post_init__(self) -> None:
        self.user_id = self.user_id or stable_uuid(f"user/{self.email}")

    def named(self, key: str = "userId") -> dict:
        return {key: self.user_id, "firstName": self.first_name, "lastName": self.last_name}


@dataclass
class Tag:
    id: int
    code: str

    def document(self) -> dict:
        name = self.code.lstrip("$").capitalize()
        return {"code": self.code, "name": name, "groupId": stable_uuid("tag group"), "groupName": "Tags"}


@dataclass
class Equipment:
    """Its attributes have the names of the wire: itemCode, name, description, gtin, costCenter, tags, customFields."""

    id: int
    attributes: dict
    equipment_id: str = ""

    def __post_init__(self) -> None:
        self.equipment_id = self.equipment_id or stable_uuid(f"equipment/{self.id}")
        self.attributes = {"costCenter": None, "tags": [], "customFields": [], **self.attributes}

    def associated(self) -> dict:
        """As webhooks name the equipment of a task."""
        return {
            "_type": "equipment",
            "type": "equipment",
            "id": self.equipment_id,
            "legacyId": self.id,
            "itemCode": self.attributes["itemCode"],
            "name": self.attributes["name"],
        }


def change_attributes(attributes: dict, changes: dict) -> None:
    """Changed values replace, null clears, tags are a list of operations."""
    for name, value in changes.items():
        if name == "tags":
            attributes["tags"] = apply_tags(attributes["tags"], value)
        elif name == "customFields":
            attributes["customFields"] = value or []
        else:
            attributes[name] = value


class Account:
    def __init__(self, equipment_count: int) -> None:
        self._equipment_count = equipment_count
        self.reset()

    def reset(self) -> None:
        self.users = [
            User(number, f"{first}.{last}@example.com".lower(), first, last) for number, (first, last) in enumerate(_NAMES, start=1)
        ]
        self.tags = [Tag(number, code) for number, code in enumerate(_TAGS, start=101)]
        self.equipment: dict[int, Equipment] = {}
        self._by_item_code: dict[str, Equipment] = {}
        for number in range(1, self._equipment_count + 1):
            self.add_equipment(number, {"itemCode": f"EQ-{number:04}", "name": f"Machine Tool #{number}", "costCenter": "Outpost"})

    def add_equipment(self, number: int, attributes: dict) -> Equipment:
        equipment = Equipment(number, attributes)
        self.equipment[number] = equipment
        self._by_item_code[attributes["itemCode"]] = equipment
        return equipment

    @property
    def key_owner(self) -> User:
        """In whose name a task from the API is scheduled [I]."""
        return self.users[0]

    def find_user(self, wanted: Identifier) -> User | None:
        kind, value = wanted
        if kind == "native":
            return next((user for user in self.users if user.id == value), None)
        return next((user for user in self.users if user.email == str(value).lower()), None)

    def find_tag(self, wanted: Identifier) -> Tag | None:
        kind, value = wanted
        return next((tag for tag in self.tags if value == (tag.id if kind == "native" else tag.code)), None)

    def find_equipment(self, wanted: Identifier) -> Equipment | None:
        kind, value = wanted
        return self.equipment.get(value) if kind == "native" else self._by_item_code.get(value)


class QuotaUsedUp(Exception):
    """The month's quota of the plan does not cover the request."""


@dataclass
class Quotas:
    """Uses per calendar month (UTC). Limits given here win over those of the plan."""

    limits: dict[str, int] = field(default_factory=dict)
    used: dict[str, int] = field(default_factory=dict)
    month: str = ""

    def _turn_month(self) -> None:
        month = now().strftime("%Y-%m")
        if month != self.month:
            self.month, self.used = month, dict.fromkeys(QUOTAS, 0)

    def limit(self, name: str, plan: str) -> int | None:
        return self.limits.get(name, QUOTAS[name].get(plan))

    def use(self, name: str, plan: str, amount: int = 1) -> None:
        self._turn_month()
        limit = self.limit(name, plan)
        if limit is not None and self.used[name] + amount > limit:
            raise QuotaUsedUp(name)
        self.used[name] += amount

    def document(self, plan: str) -> dict:
        self._turn_month()
        return {"plan": plan, "month": self.month, **{name: {"used": self.used[name], "limit": self.limit(name, plan)} for name in QUOTAS}}

    def change(self, wanted: dict) -> None:
        """{"tasks": {"used": 99, "limit": 100}}; a limit of null is the plan's again."""
        self._turn_month()
        for name, values in wanted.items():
            if name not in QUOTAS or set(values) - {"used", "limit"}:
                raise ValueError(f"a quota is one of {', '.join(QUOTAS)} and has used and limit")
            if "used" in values:
                self.used[name] = int(values["used"])
            if values.get("limit", 0) is None:
                self.limits.pop(name, None)
            elif "limit" in values:
                self.limits[name] = int(values["limit"])

    def reset(self) -> None:
        self.limits, self.month = {}, ""
