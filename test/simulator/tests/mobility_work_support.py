"""Talks to the Mobility Work simulator, for its own tests."""

from __future__ import annotations

import json
import time
from typing import Callable
from urllib.parse import urlencode

from tests.support import SimulatorTest

API_KEY = "913a8f7cef6ff084f1635511b9c7d07c3bab2816"
HEADERS = {"Api-Key": API_KEY, "Content-Type": "application/json", "User-Agent": "unittest Factory Inc."}
BASE = "/partners/v1"


class MobilityWorkTest(SimulatorTest):
    script = "mobility_work.py"

    def call(self, method: str, path: str, document: object = None, headers: dict | None = None, raw: bytes | None = None) -> tuple:
        return self.request(method, BASE + path, document, HEADERS if headers is None else headers, raw)

    def post(self, path: str, document: object, status: int = 202) -> object:
        given, answer, _ = self.call("POST", path, document)
        self.assertEqual(given, status, answer)
        return answer

    def problems(self, path: str, document: object) -> dict:
        """The extended message of a 400 answer."""
        answer = self.post(path, document, 400)
        self.assertEqual((answer["code"], answer["message"]), (4000001, "Invalid input"))
        self.assertEqual(set(answer["extended_message"]), {"global_errors", "property_errors"})
        return answer["extended_message"]

    def schedule(self, description: str = "API Task creation", **properties: object) -> None:
        self.assertIsNone(self.post("/tasks", {"description": description, "assignees": [3], **properties}, 201))

    def search(self, **query: object) -> dict:
        status, answer, _ = self.call("GET", f"/tasks/search?{urlencode(query)}")
        self.assertEqual(status, 200, answer)
        return answer

    def found(self, **query: object) -> list[str]:
        return [item["description"] for item in self.search(**query)["_items"]]

    def settings(self, **wanted: object) -> None:
        """Changed for this test only."""
        before = {name: self.default_settings[name] for name in wanted}
        self.addCleanup(self.control, "POST", "settings", before)
        self.control("POST", "settings", wanted)

    default_settings = {
        "plan": "ultimate",
        "create_status": 201,
        "first_page": 0,
        "search_delay": 0,
        "webhook_delay": 0,
        "bulk_delay": 0,
        "unknown_parameter": "ignore",
        "search_task_id": "short",
        "stock_quota_unit": "requests",
        "quota_status": 403,
        "api_recount_webhook": False,
        "also_required": [],
        "webhook_url": None,
        "api_key": API_KEY,
    }

    def webhooks(self, since: int = 0) -> list[dict]:
        """The documents, in their order."""
        return [json.loads(entry["body"]) for entry in self.control("GET", f"webhooks?since={since}")]

    def events(self) -> list[str]:
        return [document["_event"] for document in self.webhooks()]

    def wait_for(self, condition: Callable[[], object]) -> object:
        give_up_at = time.monotonic() + 10
        while not (result := condition()):
            self.assertLess(time.monotonic(), give_up_at, "the condition did not become true")
            time.sleep(0.005)
        return result
