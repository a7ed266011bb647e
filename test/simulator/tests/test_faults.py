"""The simulator's core: fault injection, ledger, HTTP details."""

from __future__ import annotations

import http.client
import json
import pathlib
import socket
import subprocess
import sys
import threading
import time
import unittest
import uuid

import sign_webhook
from tests.support import HEADERS, ORDERS, SIMULATOR, SimulatorTest


class Faults(SimulatorTest):
    def fault(self, **rule: object) -> None:
        self.control("POST", "faults", {"match": {"method": "POST"}, **rule})

    def post(self, title: str = "x") -> tuple[int, bytes]:
        """A create on a connection of its own, so that a reset spoils nothing else."""
        connection = self.connect()
        try:
            connection.request("POST", ORDERS, json.dumps({"work_order": {"title": title}}), HEADERS)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def test_reset_before_and_after_the_write(self) -> None:
        for action, written in (("reset_before", 0), ("reset_after", 1)):
            self.control("POST", "reset")
            self.fault(action=action, count=1)
            with self.assertRaises(ConnectionResetError):
                self.post()
            self.assertEqual(self.control("GET", "summary")["creates"], written)
            self.assertEqual(self.post()[0], 201)
            self.assertEqual(self.control("GET", "ledger")[0]["outcome"], "reset")

    def test_status_with_and_without_the_write(self) -> None:
        for write in (False, True):
            self.control("POST", "reset")
            self.fault(action="status", status=503, write=write, headers={"Retry-After": "2"}, count=1)
            self.assertEqual(self.post()[0], 503)
            self.assertEqual(len(self.list()), int(write))

    def test_hang_and_latency(self) -> None:
        self.fault(action="hang", write=True, count=1)
        self.fault(action="latency", latency_ms=150, nth=1)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=0.1)
        connection.request("POST", ORDERS, json.dumps({"work_order": {"title": "x"}}), HEADERS)
        with self.assertRaises(TimeoutError):
            connection.getresponse()
        connection.close()
        self.assertEqual(self.post()[0], 201)
        entries = self.control("GET", "ledger")
        self.assertEqual([entry["outcome"] for entry in entries], ["client closed", "answered"])
        self.assertEqual(entries[0]["written"]["kind"], "create")
        self.assertGreaterEqual(entries[1]["finished_at"] - entries[1]["at"], 0.14)

    def test_others_are_served_while_one_hangs(self) -> None:
        self.fault(action="hang", seconds=0.3)
        slow = threading.Thread(target=self.post)
        slow.start()
        while self.control("GET", "summary")["in_progress"] == 0:
            pass
        self.assertEqual(self.list(), [])
        self.assertEqual(self.control("GET", "summary")["in_progress"], 1)
        slow.join()

    def test_dribble(self) -> None:
        self.fault(action="dribble", bytes_per_second=2000, count=1)
        started = time.monotonic()
        self.assertEqual(self.post()[0], 201)
        self.assertGreater(time.monotonic() - started, 0.2)
        self.assertEqual(self.control("GET", "ledger")[0]["outcome"], "answered")

    def test_a_rule_ends_after_its_time(self) -> None:
        self.fault(action="status", status=503, for_seconds=0.2)
        self.assertEqual(self.post()[0], 503)
        give_up_at = time.monotonic() + 10
        while self.post()[0] == 503 and time.monotonic() < give_up_at:
            time.sleep(0.01)
        self.assertEqual(self.post()[0], 201)

    def test_an_outage_refuses_connections_and_forgets_nothing(self) -> None:
        self.create("kept")
        self.control("POST", "outage", {"seconds": 0.3})
        give_up_at = time.monotonic() + 10
        with self.assertRaises(ConnectionRefusedError):
            while time.monotonic() < give_up_at:
                try:
                    self.post()
                except (ConnectionResetError, http.client.RemoteDisconnected):
                    time.sleep(0.01)
        while True:
            self.connection.close()
            try:
                self.assertEqual([order["title"] for order in self.list(search="kept")], ["kept"])
                return
            except ConnectionRefusedError:
                self.assertLess(time.monotonic(), give_up_at)
                time.sleep(0.01)

    def test_truncate(self) -> None:
        self.fault(action="truncate", bytes=30, count=1)
        with self.assertRaises(http.client.IncompleteRead) as raised:
            self.post()
        self.assertEqual(len(raised.exception.partial), 30)
        self.assertEqual(len(self.list()), 1)

    def test_huge_answer_is_valid_json_of_the_promised_size(self) -> None:
        self.fault(action="huge", bytes=3_000_001, write=False)
        status, body = self.post()
        self.assertEqual((status, len(body)), (200, 3_000_001))
        self.assertEqual(json.loads(body)["status"], "success")

    def test_redirect_drop_fields_and_replace_body(self) -> None:
        self.fault(action="redirect", location="http://elsewhere.invalid/x", count=1)
        self.fault(action="drop_fields", fields=["data.id", "meta"], count=1)
        self.fault(action="replace_body", body="/w==", base64=True, count=1)
        self.assertEqual(self.post(), (302, b""))
        document = json.loads(self.post()[1])
        self.assertNotIn("id", document["data"])
        self.assertNotIn("meta", document)
        self.assertEqual(self.post(), (201, b"\xff"))
        self.assertEqual(len(self.list()), 2)

    def test_matching_and_counting(self) -> None:
        freezers = {"method": "POST", "path": "work_orders$", "body": "Freezer"}
        self.control("POST", "faults", [{"match": freezers, "nth": 2, "action": "status"}])
        self.assertEqual([self.post(title)[0] for title in ("Pump", "Freezer", "Freezer", "Freezer")], [201, 201, 500, 201])
        self.control("DELETE", "faults")
        self.fault(action="status", skip=1, count=2)
        self.assertEqual([self.post()[0] for _ in range(4)], [201, 500, 500, 201])
        self.control("DELETE", "faults")
        self.fault(name="some", action="status", probability=0.5)
        answers = [self.post()[0] for _ in range(60)]
        self.assertTrue(10 < answers.count(500) < 50)
        self.assertEqual(self.control("GET", "summary")["faults"], {"some": answers.count(500)})

    def test_bad_rules_are_refused(self) -> None:
        for rule in ({"action": "explode"}, {"action": "status", "stauts": 500}, {"action": "hang", "match": {"path": "("}}, []):
            status, answer, _ = self.request("POST", "/__control/faults", rule or 5, {})
            self.assertEqual(status, 400, answer)


class LedgerAndControl(SimulatorTest):
    def test_doubles_are_found(self) -> None:
        references = [str(uuid.uuid4()) for _ in range(3)]
        for reference in [*references, references[0]]:
            self.create(description=f"text\n[ref {reference}]")
        self.create("without")
        summary = self.control("GET", "summary")
        self.assertEqual((summary["creates"], summary["references"], summary["without_reference"]), (5, 3, 1))
        self.assertEqual(len(summary["doubled"][references[0]]), 2)
        self.assertEqual(summary["doubled_orders"], {references[0]: 2})

    def test_ledger_shows_bodies_but_no_secret(self) -> None:
        self.create("Tell me")
        entry = self.control("GET", "ledger?written=true")[0]
        self.assertIn("Tell me", entry["body"])
        self.assertEqual((entry["status"], entry["written"]["kind"], entry["headers"]["authorization"]), (201, "create", "***"))

    def test_change_on_the_providers_side(self) -> None:
        numbers = [self.create(f"Order {place}")["id"] for place in range(4)]
        moment = "2030-01-01T00:00:00Z"
        values = {"status": "Completed", "priority": "low"}
        change = {"count": 2, "offset": 1, "set": values, "append_title": " *", "updated_at": moment}
        changed = self.control("POST", "orders/change", change)
        self.assertEqual([order["id"] for order in changed], numbers[1:3])
        seen = {(order["title"][-2:], order["status"]["name"], order["updated_at"]) for order in changed}
        self.assertEqual(seen, {(" *", "Completed", moment)})
        status, answer, _ = self.request("POST", "/__control/orders/change", {"set": {"status": "Nowhere"}}, {})
        self.assertEqual((status, "Nowhere" in answer["error"]), (400, True))
        self.control("POST", "settings", {"api_key": "other"})
        self.assertEqual(self.request("GET", ORDERS)[0], 401)
        self.control("POST", "settings", {"api_key": "test-key"})


class Http(SimulatorTest):
    def raw(self, data: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            received = b""
            while block := connection.recv(65536):
                received += block
        return received

    def test_chunked_request_and_pipelining(self) -> None:
        head = "\r\n".join([f"POST {ORDERS} HTTP/1.1", "Host: x", *(f"{name}: {value}" for name, value in HEADERS.items())])
        body = b'{"work_order":{"title":"in chunks"}}'
        chunks = b"10\r\n" + body[:16] + b"\r\n%x\r\n" % len(body[16:]) + body[16:] + b"\r\n0\r\n\r\n"
        chunked = head.encode() + b"\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks
        answers = self.raw(chunked * 2)
        self.assertEqual(answers.count(b"HTTP/1.1 201 Created"), 2)
        self.assertEqual(len(self.list(search="in chunks")), 2)

    def test_expect_continue(self) -> None:
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(f"POST {ORDERS} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n".encode())
            self.assertTrue(connection.recv(100).startswith(b"HTTP/1.1 100 "))
            connection.sendall(b"{}")
            self.assertTrue(connection.recv(100).startswith(b"HTTP/1.1 401 "))

    def test_malformed_requests(self) -> None:
        heads = (b"nonsense", b"GET / HTTP/1.0\r\nHost: x", b"GET / HTTP/1.1", b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1")
        for data in (head + b"\r\n\r\n" for head in heads):
            self.assertTrue(self.raw(data).startswith(b"HTTP/1.1 400 "), data)

    def test_control_client(self) -> None:
        self.create()
        command = [sys.executable, str(SIMULATOR / "control.py"), f"http://127.0.0.1:{self.port}", "GET"]
        run = lambda *more: subprocess.run([*command, *more], capture_output=True, text=True)  # noqa: E731
        self.assertEqual(run("summary", "--get", "creates").stdout, "1\n")
        self.assertEqual(json.loads(run("orders", "--lines").stdout)["title"], "Freezer 3 leaks")
        self.assertEqual(run("nonsense").returncode, 1)


class Webhook(unittest.TestCase):
    def test_standard_webhooks_vector(self) -> None:
        given = sign_webhook.headers("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"test": 2432232314}', "msg_p5jXN8AQM9LWM0D4loKWxJek", 1700000000)
        self.assertEqual(given["webhook-signature"], "v1,hw6D+jquXiPwVQiZTwb2ek9FSrOofldv7tv4JVMsFUY=")


if __name__ == "__main__":
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
    unittest.main()
