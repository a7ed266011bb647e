"""Starts a simulator as a process and talks to it, for the simulator's own tests."""

from __future__ import annotations

import http.client
import json
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest
from urllib.parse import urlencode

SIMULATOR = pathlib.Path(__file__).resolve().parent.parent
HEADERS = {"Authorization": "Bearer test-key", "X-Entity-Id": "12", "Accept": "application/json", "Content-Type": "application/json"}
ORDERS = "/api/v1/work_orders"


class SimulatorTest(unittest.TestCase):
    """One simulator process per test class, reset before each test."""

    script = "clickmaint.py"
    options: list[str] = []

    @classmethod
    def setUpClass(cls) -> None:
        cls.directory = tempfile.TemporaryDirectory()
        port_file = pathlib.Path(cls.directory.name, "port")
        command = [sys.executable, str(SIMULATOR / cls.script), "--port-file", str(port_file), *cls.options]
        cls.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        give_up_at = time.monotonic() + 20
        while not port_file.exists():
            if cls.process.poll() is not None or time.monotonic() > give_up_at:
                raise RuntimeError("the simulator did not start")
            time.sleep(0.01)
        cls.port = int(port_file.read_text())

    @classmethod
    def tearDownClass(cls) -> None:
        cls.process.terminate()
        cls.process.wait(10)
        cls.directory.cleanup()

    def setUp(self) -> None:
        self.connection = self.connect()
        self.addCleanup(self.connection.close)
        self.control("POST", "reset")

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)

    def request(self, method: str, path: str, document: object = None, headers: dict | None = None, raw: bytes | None = None) -> tuple:
        """(status, parsed body, headers) of one request on the kept-alive connection."""
        body = raw if raw is not None else (json.dumps(document).encode() if document is not None else None)
        self.connection.request(method, path, body, HEADERS if headers is None else headers)
        answer = self.connection.getresponse()
        content = answer.read()
        return answer.status, json.loads(content) if content else None, answer.headers

    def control(self, method: str, path: str, document: object = None) -> object:
        status, answer, _ = self.request(method, f"/__control/{path}", document, {})
        self.assertEqual(status, 200, answer)
        return answer

    def create(self, title: str = "Freezer 3 leaks", **properties: object) -> dict:
        status, answer, _ = self.request("POST", ORDERS, {"work_order": {"title": title, **properties}})
        self.assertEqual(status, 201, answer)
        return answer["data"]

    def list(self, **query: object) -> list[dict]:
        status, answer, _ = self.request("GET", f"{ORDERS}?{urlencode(query)}")
        self.assertEqual(status, 200, answer)
        return answer["data"]
