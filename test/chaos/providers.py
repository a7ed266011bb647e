"""The providers of the suite: how each is connected, and what its ledger and records say in the hub's words."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, field
from uuid import UUID

from judge import Record, Write
from postgres import quoted
from simulator import Simulator

SETTINGS = {"max_concurrency": "8", "lookup_grace": "1"}


def no_way(before: str, after: str) -> list[str]:
    """A status that is written at once passes no other."""
    return [after]


@dataclass
class Provider:
    """What differs from one provider to another; `name` is the foreign server's."""

    name: str
    type: str
    path: str = ""
    simulator_options: list[str] = field(default_factory=list)
    options: dict[str, str] = field(default_factory=dict)
    credentials: dict[str, str] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)  # of a new order, as SQL expressions
    status_from: dict[str, list[str]] = field(default_factory=dict)  # status -> those that an application may come from
    title_condition: str = "true"  # which orders may get another title
    close_condition: str = "true"  # and which may be closed
    can_update: bool = True
    faults: dict[str, dict] = field(default_factory=dict)  # matches for faults that only some requests can have
    sessions: list[str] = field(default_factory=list)  # control endpoints that expire tokens and sessions

    def start(self) -> None:
        self.simulator = Simulator(self.type, self.simulator_options)

    def statements(self) -> list[str]:
        options = {"type": self.type, "base_url": f"http://127.0.0.1:{self.simulator.port}{self.path}", **SETTINGS, **self.options}
        return [
            f"CREATE SERVER {self.name} FOREIGN DATA WRAPPER cmms OPTIONS ({as_options(options)})",
            f"CREATE USER MAPPING FOR PUBLIC SERVER {self.name} OPTIONS ({as_options(self.credentials)})",
            *self.value_maps(),
            f"SELECT cmms.activate('{self.name}', mode => 'write_back', poll_interval => '3 s', import_since => '2020-01-01')",
        ]

    def value_maps(self) -> list[str]:
        return []

    def references(self, order: str) -> list[str]:
        """What a record may carry as our reference to an order."""
        return [order]

    def way(self, before: str, after: str) -> list[str]:
        """The statuses that a record passes from one to the other, the last included."""
        return no_way(before, after)

    def write(self, entry: dict) -> Write | None:
        """An entry of the ledger that wrote something."""
        raise NotImplementedError

    def record(self, document: dict) -> Record:
        raise NotImplementedError

    def new_record(self, title: str) -> dict:
        raise NotImplementedError

    def change(self, priority: str) -> dict | None:
        """What a user of the provider changes, as its control endpoint takes it."""
        raise NotImplementedError

    def noticed(self, documents: list[dict]) -> None:
        """What its users have changed, as the API shows it."""

    def webhooks(self, position: int) -> tuple[int, list[str]]:
        """The bodies that it sent since a position, and the position to ask from next time."""
        return position, []

    webhook_headers = "{}"
    theirs = {"priority"}  # what only their users change


def as_options(options: dict[str, str]) -> str:
    return ", ".join(f"{name} {quoted(value)}" for name, value in options.items())


class ClickMaint(Provider):
    STATUSES = {"requested": (3, "Open"), "in_progress": (1, "In Progress"), "on_hold": (5, "On Hold")}
    STATUSES |= {"completed": (8, "Completed"), "closed": (13, "Closed")}

    def __init__(self, name: str) -> None:
        super().__init__(
            name,
            "clickmaint",
            path="/api/v1",
            options={"entity_id": "12", "page_size": "100"},
            credentials={"api_key": "test-key"},
            columns={"asset_ref": "'45'"},
            status_from={
                "in_progress": ["requested", "on_hold", "completed", "closed"],
                "on_hold": ["in_progress"],
                "completed": ["requested", "in_progress", "on_hold"],
                "closed": ["completed"],
            },
            faults={"no_id": {"match": {"method": "POST", "path": "work_orders$"}, "fields": ["data.id"]}},
        )
        self._seen: list[str] = []

    def value_maps(self) -> list[str]:
        return [
            f"SELECT cmms.map_value('{self.name}', 'status', '{ours}', '{number}', direction => 'outbound')"
            for ours, (number, _) in self.STATUSES.items()
        ]

    def write(self, entry: dict) -> Write | None:
        written, sent = entry["written"], json.loads(entry["body"] or "{}").get("work_order", {})
        ours = {number: status for status, (number, _) in self.STATUSES.items()}
        values = {"title": sent.get("title"), "status": ours.get(sent.get("status_id"))}
        return Write(entry["seq"], written["kind"], str(written["id"]), last_uuid(written["text"]), present(values))

    def record(self, document: dict) -> Record:
        ours = {name: status for status, (_, name) in self.STATUSES.items()}
        values = {"title": document["title"], "status": ours[document["status"]["name"]], "priority": document["priority"]}
        return Record(str(document["id"]), document["reference"], values)

    def new_record(self, title: str) -> dict:
        return {"title": title}

    def change(self, priority: str) -> dict | None:
        return {"set": {"priority": priority}}

    # It sends no webhooks; here a gateway hands in what it has seen, a moment later.
    def noticed(self, documents: list[dict]) -> None:
        self._seen += [json.dumps({"data": document}) for document in documents]

    def webhooks(self, position: int) -> tuple[int, list[str]]:
        bodies = self._seen[position:]
        return position + len(bodies), bodies


class SapPm(Provider):
    STATES = ["CRTD", "REL", "TECO", "CLSD"]
    STATUSES = {"requested": "CRTD", "in_progress": "REL", "completed": "TECO", "closed": "CLSD"}
    ACTIONS = {
        "ReleaseMaintenanceOrder": "REL",
        "SetMaintOrdToTechCompleted": "TECO",
        "ResetMaintOrdStsTechCompleted": "REL",
        "SetMaintOrderStatusToClosed": "CLSD",
        "ResetMaintOrderStatusClosed": "TECO",
    }
    PRIORITIES = {"1": "emergency", "2": "high", "3": "medium", "4": "low"}

    def __init__(self, name: str) -> None:
        super().__init__(
            name,
            "sap_pm",
            simulator_options=["--sap-client", "100"],
            options={
                "sap_client": "100",
                "order_type": "PM01",
                "planning_plant": "1010",
                "notification_type": "M1",
                "token_url": "/sap/bc/sec/oauth2/token",
            },
            credentials={"client_id": "cmms-client", "client_secret": "test-secret"},
            columns={"asset_ref": "'10000045'"},
            status_from={
                "in_progress": ["requested", "completed", "closed"],
                "completed": ["requested", "in_progress"],
                "closed": ["completed"],
            },
            # A closed order cannot be changed in SAP. One that is closed, reopened and closed again may have been closed all the time as SAP
            # sees it, so that what was changed in between cannot be written.
            title_condition="common_status <> 'closed'",
            close_condition="NOT EXISTS (SELECT FROM app.journal j WHERE j.order_id = common_work_order_id AND j.value = 'closed')",
            faults={"no_id": {"match": {"method": "POST", "path": "/MaintenanceOrder$"}, "fields": ["d.MaintenanceOrder"]}},
            sessions=["sessions/expire", "tokens/expire"],
        )

    def references(self, order: str) -> list[str]:
        """The notification's external reference has room for 20 characters: the first 100 bits in base 32."""
        return [order, base64.b32encode(UUID(order).bytes)[:20].decode()]

    def way(self, before: str, after: str) -> list[str]:
        here, there = (self.STATES.index(self.STATUSES[status]) for status in (before, after))
        step = 1 if there > here else -1
        ours = list(self.STATUSES)
        return [ours[place] for place in range(here + step, there + step, step)]

    def write(self, entry: dict) -> Write | None:
        written = entry["written"]
        ours = {state: status for status, state in self.STATUSES.items()}
        if written["kind"] == "action":
            return Write(entry["seq"], "update", written["id"], None, {"status": ours[self.ACTIONS[written["action"]]]})
        sent = json.loads(entry["body"] or "{}")
        if written["kind"] == "create notification":
            return Write(entry["seq"], "create notification", written["id"], sent.get("MaintNotifExtReferenceNumber"), {})
        values = {"title": sent.get("MaintenanceOrderDesc"), "status": "requested" if written["kind"] == "create" else None}
        return Write(entry["seq"], written["kind"], written["id"], written["text"].split("\n")[-1], present(values))

    def record(self, document: dict) -> Record:
        ours = {state: status for status, state in self.STATUSES.items()}
        priority = self.PRIORITIES.get(document.get("MaintPriority", ""), "none")
        values = {"title": document["MaintenanceOrderDesc"], "status": ours[document["status"]], "priority": priority}
        return Record(document["id"], document["reference"], values)

    def new_record(self, title: str) -> dict:
        return {"MaintenanceOrderDesc": title}

    def change(self, priority: str) -> dict | None:
        number = {name: number for number, name in self.PRIORITIES.items()}[priority]
        return {"set": {"MaintPriority": number}}

    def webhooks(self, position: int) -> tuple[int, list[str]]:
        answer = self.simulator.control("GET", f"events?since={position}")
        return answer["position"], [json.dumps(event) for event in answer["events"]]


class MobilityWork(Provider):
    """Created and never updated by the API; what its users do there comes by webhook."""

    SECRET = "3fKq9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    theirs = {"priority", "status"}
    webhook_headers = f'{{"x-webhook-path": "/hooks/shop/{SECRET}"}}'

    def __init__(self, name: str) -> None:
        super().__init__(
            name,
            "mobility_work",
            credentials={"api_key": "913a8f7cef6ff084f1635511b9c7d07c3bab2816", "webhook_secret": self.SECRET},
            columns={"asset_ref": "'EQ-0009'", "assignees": "ARRAY['john.doe@example.com']"},
            can_update=False,
        )

    def write(self, entry: dict) -> Write | None:
        written, sent = entry["written"], json.loads(entry["body"])
        return Write(entry["seq"], written["kind"], written["id"], last_uuid(entry["body"]), {"title": sent["description"].split("\n")[0]})

    def record(self, document: dict) -> Record:
        return Record(document["id"], document["reference"], {"title": document["description"].split("\n")[0]})

    def new_record(self, title: str) -> dict:
        return {"description": title, "equipment": {"type": "external", "value": "EQ-0009"}}

    def change(self, priority: str) -> dict | None:
        return {"set": {"state": "started"}}

    def webhooks(self, position: int) -> tuple[int, list[str]]:
        sent = self.simulator.control("GET", f"webhooks?since={position}")
        return position + len(sent), [webhook["body"] for webhook in sent]


def last_uuid(text: str) -> str | None:
    found = re.findall(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", text)
    return found[-1] if found else None


def present(values: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in values.items() if value is not None}
