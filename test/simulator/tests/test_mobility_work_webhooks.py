"""The Mobility Work simulator's webhooks: their exact shapes, when they come, and their delivery."""

from __future__ import annotations

import http.server
import json
import threading
import unittest

from tests.mobility_work_support import MobilityWorkTest

ASSOCIATED = "associatedTo{_type type id legacyId itemCode name}"
PART = "sparePart{_type name sparePartId articleCode stock} location{_type locationId name} initiator{_type userId firstName lastName}"
LEVEL_PART = "sparePart{sparePartId name articleCode} movement{on}"
# The members of the document's samples in their order.
SHAPES = {
    "TaskWasScheduled": f"_event taskId scheduled{{by{{userId firstName lastName}} on}} {ASSOCIATED} metadata{{internalIdentifier}}",
    "TaskWasStarted": f"_event taskId started{{by{{userId firstName lastName}} on}} {ASSOCIATED} metadata{{internalIdentifier}}",
    "TaskWasCanceled": f"_event taskId canceled{{by{{userId firstName lastName}} on}} {ASSOCIATED} metadata{{internalIdentifier}}",
    "TaskWasCompleted": f"_event legacyId id doneAt initiator{{id firstName lastName}} {ASSOCIATED} metadata{{internalIdentifier}}",
    "ActivityWasAddedOnTask": (
        "_event _type _sentAt _metadata emittedAt task{_type taskId description metadata{internalIdentifier}} "
        "equipment{_type type equipmentId itemCode name} activity{_type activityId description timeSpentInMinutes completedAt "
        "reporter{_type userId firstName lastName}}"
    ),
    "SparePartWasOutOfStock": f"_event _date _metadata stock{{location{{locationId name}}}} {LEVEL_PART}",
    "SparePartStockWasUnderMinThreshold": f"_event _date _metadata stock{{location{{locationId name}} threshold value}} {LEVEL_PART}",
    "SparePartWasManuallyRecounted": f"_type _event _sentAt emittedAt _metadata {PART} recounted{{_type quantity previousStock}}",
    "SparePartWasRestocked": f"_type _event _sentAt emittedAt _metadata task {PART} restocked{{_type quantity previousStock}}",
    "SparePartWasConsumed": (
        f"_type _event _sentAt emittedAt _metadata task{{_type taskId equipment{{itemCode costCenter}}}} {PART} "
        "consumed{_type quantity previousStock}"
    ),
}


def shape(document: dict) -> str:
    return " ".join(f"{name}{{{shape(value)}}}" if isinstance(value, dict) else name for name, value in document.items())


class WebhooksTest(MobilityWorkTest):
    def move(self, action: str, **wanted: object) -> dict:
        return self.control("POST", "parts/move", {"articleCode": "SP", "action": action, **wanted})[0]

    def part(self, quantity: int = 116, minimum: int | None = 100) -> None:
        stock = {"location": "Allée 2 - Rang 3", "quantity": quantity}
        self.control("POST", "parts/create", {"parts": [{"externalReference": "SP", "minimumStock": minimum, "currentStock": stock}]})

    def task(self) -> str:
        self.schedule(equipment=9, metadata={"internalIdentifier": 1234})
        return self.control("GET", "orders")[-1]["id"]

    def change(self, identifier: str, state: str, **wanted: object) -> None:
        self.control("POST", "orders/change", {"ids": [identifier], "set": {"state": state}, **wanted})


class Shapes(WebhooksTest):
    def test_every_event_as_in_the_document(self) -> None:
        completed, canceled = self.task(), self.task()
        self.change(completed, "started")
        self.change(completed, "completed")
        self.change(canceled, "canceled")
        self.control("POST", "orders/activity", {"id": completed})
        self.part()
        self.move("restock", quantity=3)
        self.move("consume", quantity=3, task=completed)
        self.move("recount", quantity=119)
        self.move("under_threshold")
        self.move("out_of_stock")
        # The last two moves are consumptions of no task; the document's sample has one.
        sample = [document for document in self.webhooks() if "consumed" not in document or document["task"]]
        documents = {document["_event"]: document for document in sample}
        self.assertEqual({event: shape(document) for event, document in documents.items()}, SHAPES)

    def test_texts_are_minified_and_in_order(self) -> None:
        self.part()
        self.move("out_of_stock")
        entries = self.control("GET", "webhooks")
        self.assertEqual([set(entry) for entry in entries], [{"sequence", "event", "body"}] * 3)
        self.assertEqual([entry["sequence"] for entry in entries], [1, 2, 3])
        for entry in entries:
            self.assertEqual(entry["body"], json.dumps(json.loads(entry["body"]), ensure_ascii=False, separators=(",", ":")))
        self.assertEqual(self.control("GET", "webhooks?since=2"), entries[2:])
        self.assertEqual(self.control("GET", "webhooks?event=SparePartWasOutOfStock"), entries[2:])

    def test_the_empty_metadata_takes_turns(self) -> None:
        self.part(minimum=None)
        for _ in range(4):
            self.move("restock", quantity=1)
        self.assertEqual([document["_metadata"] for document in self.webhooks()], [None, "", [], None])

    def test_a_task_without_equipment_or_metadata(self) -> None:
        self.schedule()
        self.assertEqual([self.webhooks()[0][name] for name in ("associatedTo", "metadata")], [None, []])


class Tasks(WebhooksTest):
    def test_the_life_of_a_task(self) -> None:
        identifier, moment = self.task(), "2030-01-01T12:00:00+00:00"
        self.change(identifier, "started", by=3, updated_at="2030-01-01T11:00:00Z")
        self.change(identifier, "completed", by=4, updated_at="2030-01-01T13:00:00+01:00")
        scheduled, started, completed = self.webhooks()
        self.assertEqual((scheduled["taskId"], scheduled["metadata"]), (identifier, {"internalIdentifier": 1234}))
        self.assertEqual((started["started"]["by"]["lastName"], started["started"]["on"]), ("Doe", "2030-01-01T11:00:00+00:00"))
        self.assertEqual((completed["id"], completed["legacyId"], completed["doneAt"]), (identifier, identifier, moment))
        self.assertEqual(completed["initiator"]["lastName"], "Roe")
        item = self.search()["_items"][0]
        self.assertEqual((item["taskState"], item["completedAt"]), ("completed", moment))
        again = {"ids": [identifier], "set": {"state": "started"}}
        self.assertEqual(self.request("POST", "/__control/orders/change", again, {})[0], 400)

    def test_activity(self) -> None:
        wanted = {"id": self.task(), "description": "new lamp", "minutes": 45, "at": "2030-01-01T12:00:00Z", "by": 3}
        self.control("POST", "orders/activity", wanted)
        document = self.webhooks()[-1]
        self.assertEqual(document["task"]["taskId"], wanted["id"])
        activity = document["activity"]
        self.assertEqual((activity["description"], activity["timeSpentInMinutes"]), ("new lamp", 45))
        self.assertEqual(activity["reporter"]["lastName"], "Doe")
        self.assertEqual((activity["completedAt"], document["emittedAt"]), ("2030-01-01T12:00:00+00:00",) * 2)

    def test_webhook_comes_later_than_the_answer(self) -> None:
        self.settings(webhook_delay=0.15)
        self.schedule()
        self.assertEqual((self.events(), len(self.found())), ([], 1))
        self.assertEqual(self.wait_for(self.events), ["TaskWasScheduled"])
        self.schedule()
        self.control("POST", "reset")
        self.settings(webhook_delay=0)
        self.schedule()
        self.assertEqual(len(self.events()), 1, "a reset forgets what was still to come")


class Stock(WebhooksTest):
    def test_quantities(self) -> None:
        self.part(minimum=None)
        for action, quantity, expected in (("restock", 3, (3, 116, 119)), ("consume", 4, (4, 119, 115)), ("recount", 118, (3, 115, 118))):
            self.move(action, quantity=quantity)
            document = self.webhooks()[-1]
            moved = next(document[name] for name in ("restocked", "consumed", "recounted") if name in document)
            self.assertEqual((moved["quantity"], moved["previousStock"], document["sparePart"]["stock"]), expected)
        too_many = {"articleCode": "SP", "action": "consume", "quantity": 119}
        self.assertEqual(self.request("POST", "/__control/parts/move", too_many, {})[0], 400)

    def test_limits_are_told_once_on_the_way_down(self) -> None:
        self.part()
        under, out = "SparePartStockWasUnderMinThreshold", "SparePartWasOutOfStock"
        expected = {100: [], 98: [under], 97: [], 0: [out], 150: [], 1: [under]}
        for quantity, events in expected.items():
            before = len(self.webhooks())
            self.move("recount", quantity=quantity)
            self.assertEqual([document["_event"] for document in self.webhooks(before)], ["SparePartWasManuallyRecounted", *events])
        level = next(document for document in self.webhooks() if document["_event"] == under)
        self.assertEqual((level["stock"]["threshold"], level["stock"]["value"]), (100, 98))
        self.assertEqual(level["stock"]["location"]["name"], "Allée 2 - Rang 3")

    def test_stock_update_through_the_api(self) -> None:
        self.part()
        self.post("/spare-parts/physical-recount/bulk", [{"id": "SP", "quantity": 0}])
        self.assertEqual(self.events(), ["SparePartStockWasUnderMinThreshold", "SparePartWasOutOfStock"])
        self.settings(api_recount_webhook=True)
        self.post("/spare-parts/physical-recount/bulk", [{"id": "SP", "quantity": 5}])
        self.assertEqual(self.events()[2:], ["SparePartWasManuallyRecounted"])


class Delivery(WebhooksTest):
    def receiver(self, *statuses: int) -> list[dict]:
        """Starts a server that answers with these statuses, then with 200; what it receives is added to the list."""
        received: list[dict] = []
        remaining = list(statuses)

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                received.append({"path": self.path, "body": body, "type": self.headers["Content-Type"]})
                self.send_response(remaining.pop(0) if remaining else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments: object) -> None:
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.settings(webhook_url=f"http://127.0.0.1:{server.server_port}/hook/secret?a=b")
        return received

    def delivered(self, count: int) -> list[dict]:
        def finished() -> list[dict]:
            entries = self.control("GET", "webhooks/deliveries")
            done = [entry for entry in entries if entry["mailed"] or (entry["answers"] and (entry["answers"][-1] or 999) <= 399)]
            return entries if len(done) == count else []

        return self.wait_for(finished)

    def test_body_is_sent_as_it_is_shown(self) -> None:
        received = self.receiver()
        self.schedule("größer", metadata={"größer": 1})
        self.assertEqual(self.delivered(1)[0]["answers"], [200])
        body = self.control("GET", "webhooks")[0]["body"]
        self.assertEqual(received, [{"path": "/hook/secret?a=b", "body": body, "type": "application/json"}])

    def test_two_retries_then_a_mail(self) -> None:
        received = self.receiver(500, 400, 399, 503, 503, 503)
        self.schedule()
        self.schedule()
        self.schedule()
        entries = self.delivered(3)
        self.assertEqual([entry["answers"] for entry in entries], [[500, 400, 399], [503, 503, 503], [200]])
        self.assertEqual([entry["mailed"] for entry in entries], [False, True, False])
        self.assertEqual(len(received), 7)

    def test_nobody_listens(self) -> None:
        self.settings(webhook_url="http://127.0.0.1:1/")
        self.schedule()
        self.assertEqual(self.delivered(1)[0]["answers"], [None, None, None])


if __name__ == "__main__":
    unittest.main()
