"""What the tests of the SAP PM simulator share: a client with credentials, cookies and a CSRF token."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote, urlencode

from tests.support import SimulatorTest

ORDERS_1 = "/sap/opu/odata/sap/API_MAINTENANCEORDER"
ORDERS_2 = ORDERS_1 + ";v=0002"
NOTIFICATIONS = "/sap/opu/odata/sap/API_MAINTNOTIFICATION"


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


BASIC = {"Authorization": basic("CMMS_TEST", "test-password")}
JSON = {**BASIC, "Accept": "application/json", "Content-Type": "application/json"}
REQUIRED = {"MaintenanceOrderType": "PM01", "MaintenancePlanningPlant": "1010", "MaintenanceOrderDesc": "Freezer 3 leaks"}


class SapTest(SimulatorTest):
    script = "sap_pm.py"

    def setUp(self) -> None:
        super().setUp()
        self.control("POST", "sessions/expire")
        self.session: dict[str, str] = {}

    def raw(self, method: str, path: str, body: bytes | None = None, headers: dict | None = None) -> tuple:
        """(status, bytes, headers)"""
        self.connection.request(method, path, body, JSON if headers is None else headers)
        answer = self.connection.getresponse()
        return answer.status, answer.read(), answer.headers

    def open_session(self, path: str = ORDERS_2, headers: dict | None = None) -> dict[str, str]:
        """The headers that a modifying request needs."""
        status, _, answer = self.raw("GET", path + "/", headers={**(headers or JSON), "x-csrf-token": "fetch"})
        self.assertEqual(status, 200)
        cookies = "; ".join(cookie.split(";")[0] for cookie in answer.get_all("set-cookie"))
        return {"x-csrf-token": answer["x-csrf-token"], "Cookie": cookies}

    def get(self, path: str, **options: object) -> tuple:
        """(status, document, headers); keyword top means $top."""
        query = urlencode({f"${name}": value for name, value in options.items()}, quote_via=quote)
        return self.request("GET", path + (f"?{query}" if query else ""), headers=JSON)

    def rows(self, path: str = ORDERS_2 + "/MaintenanceOrder", **options: object) -> list[dict]:
        status, answer, _ = self.get(path, **options)
        self.assertEqual(status, 200, answer)
        return answer["d"]["results"]

    def write(self, method: str, path: str, document: object = None, **headers: str) -> tuple:
        """(status, document, headers) of a modifying request within the test's session."""
        self.session = self.session or self.open_session()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        body = b"" if document is None else json.dumps(document).encode()
        status, content, answer = self.raw(method, path, body, {**JSON, **self.session, **named})
        return status, json.loads(content) if content else None, answer

    def create(self, **properties: object) -> dict:
        status, answer, _ = self.write("POST", ORDERS_2 + "/MaintenanceOrder", {**REQUIRED, **properties})
        self.assertEqual(status, 201, answer)
        return answer["d"]

    def order(self, number: str, service: str = ORDERS_2) -> dict:
        status, answer, _ = self.get(f"{service}/MaintenanceOrder('{number}')")
        self.assertEqual(status, 200, answer)
        return answer["d"]

    def call(self, function: str, number: str, service: str = ORDERS_2, **parameters: str) -> tuple:
        key = "MaintenanceNotification" if service == NOTIFICATIONS else "MaintenanceOrder"
        query = urlencode({key: f"'{number}'", **parameters}, quote_via=quote)
        return self.write("POST", f"{service}/{function}?{query}")
