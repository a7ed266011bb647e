"""The Click Maint simulator against the public document: strictness, envelopes, lists."""

from __future__ import annotations

import unittest

from tests.support import HEADERS, ORDERS, SimulatorTest


class Authentication(SimulatorTest):
    def test_key_is_checked(self) -> None:
        for given in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "test-key"}):
            headers = {name: value for name, value in HEADERS.items() if name != "Authorization"} | given
            status, answer, _ = self.request("GET", ORDERS, headers=headers)
            self.assertEqual((status, answer), (401, {"status": "error", "message": "Invalid API key"}))

    def test_entity_is_required_except_for_entities(self) -> None:
        without = {name: value for name, value in HEADERS.items() if name != "X-Entity-Id"}
        self.assertEqual(self.request("GET", "/api/v1/entities", headers=without)[0], 200)
        self.assertEqual(self.request("GET", ORDERS, headers=without)[0], 400)
        self.assertEqual(self.request("GET", ORDERS, headers=HEADERS | {"X-Entity-Id": "twelve"})[0], 400)
        self.assertEqual(self.request("GET", ORDERS, headers=HEADERS | {"X-Entity-Id": "99"})[0], 403)

    def test_an_order_belongs_to_its_entity(self) -> None:
        order = self.create()
        other = HEADERS | {"X-Entity-Id": "13"}
        self.assertEqual(self.request("GET", f"{ORDERS}/{order['id']}", headers=other)[0], 404)
        self.assertEqual(self.request("GET", ORDERS, headers=other)[1]["data"], [])


class Records(SimulatorTest):
    def test_create_read_update_delete(self) -> None:
        order = self.create(description="drain", priority="high", status_id=1, asset_id=45, due_date="2025-07-17T12:00:00Z")
        self.assertEqual(order["status"], {"id": 1, "name": "In Progress"})
        self.assertEqual(order["asset"]["asset_code"], "AST-045")
        self.assertEqual(order["due_date"], "2025-07-17T12:00:00Z")
        self.assertRegex(order["updated_at"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        path = f"{ORDERS}/{order['id']}"
        for method in ("PATCH", "PUT"):
            status, answer, _ = self.request(method, path, {"work_order": {"priority": "none"}})
            self.assertEqual((status, answer["data"]["priority"], answer["data"]["title"]), (200, "none", "Freezer 3 leaks"))
        self.assertEqual(set(self.request("GET", path)[1]), {"status", "data", "meta"})
        self.assertEqual(self.request("DELETE", path)[0], 200)
        self.assertEqual(self.request("GET", path)[0], 404)

    def test_text_survives_byte_for_byte(self) -> None:
        text = 'Replace \\O"ring — "größer" \U0001f6a7\n\t end'
        self.assertEqual(self.create(text, description=text)["description"], text)
        self.assertEqual(self.list(search="größer")[0]["title"], text)

    def test_envelope_is_required(self) -> None:
        for document in ({"title": "x"}, {"work_order": {}}, {"work_order": []}, [], "text"):
            self.assertEqual(self.request("POST", ORDERS, document)[0], 400, document)
        self.assertEqual(self.request("POST", ORDERS, {"work_order": {"title": "x"}, "extra": 1})[0], 422)

    def test_body_must_be_strict_json(self) -> None:
        for raw in (b"{", b'{"work_order":{"title":"a","title":"b"}}', b'{"work_order":{"title":"\xff"}}', b'{"work_order":{"title":NaN}}'):
            self.assertEqual(self.request("POST", ORDERS, raw=raw)[0], 400, raw)
        headers = HEADERS | {"Content-Type": "text/plain"}
        self.assertEqual(self.request("POST", ORDERS, {"work_order": {"title": "x"}}, headers)[0], 415)

    def test_properties_are_checked(self) -> None:
        wrong = {
            "title": " ",
            "colour": "red",
            "priority": "urgent",
            "type": "PM01",
            "asset_id": "45",
            "location_id": 100000,
            "status_id": 2,
            "due_date": "2025-07-17",
            "completed_at": "2025-02-30T00:00:00Z",
            "technicians_ids": ["a"],
            "notify_vendors_on_update": True,
        }
        status, answer, _ = self.request("POST", ORDERS, {"work_order": wrong})
        self.assertEqual(status, 422)
        self.assertEqual(set(answer["errors"]), set(wrong))
        self.assertEqual(self.list(), [])
        self.assertIn("title", self.request("POST", ORDERS, {"work_order": {"priority": "high"}})[1]["errors"])
        self.assertEqual(self.request("POST", ORDERS, {"work_order": {"title": "x", "status_id": True}})[0], 422)

    def test_update_refuses_what_only_create_takes(self) -> None:
        path = f"{ORDERS}/{self.create()['id']}"
        for name, value in {"type": "reactive", "work_order_request_id": 864, "notify_vendors_on_create": "yes"}.items():
            status, answer, _ = self.request("PATCH", path, {"work_order": {name: value}})
            self.assertEqual((status, list(answer["errors"])), (422, [name]))

    def test_unknown_paths_and_methods(self) -> None:
        self.assertEqual(self.request("GET", "/api/v1/workorders")[0], 404)
        self.assertEqual(self.request("GET", f"{ORDERS}/abc")[0], 404)
        self.assertEqual(self.request("POST", f"{ORDERS}/1126", {"work_order": {}})[0], 405)


class Lists(SimulatorTest):
    def fill(self, count: int) -> list[int]:
        return [order["id"] for order in self.control("POST", "orders/create", {"orders": [{"title": "Order"}], "count": count})]

    def test_paging_is_complete_and_clamped(self) -> None:
        numbers = self.fill(120)
        seen = [order["id"] for page in (1, 2, 3) for order in self.list(page=page)]
        self.assertEqual(sorted(seen), numbers)
        self.assertEqual(len(self.list(per_page=1000)), 100)
        self.assertEqual(self.list(page=9), [])
        self.assertEqual(self.request("GET", f"{ORDERS}?page=0")[0], 422)

    def test_changed_since_includes_the_boundary_and_ties_come_in_descending_id(self) -> None:
        numbers = self.fill(6)
        self.control("POST", "orders/change", {"ids": numbers[:3], "updated_at": "2030-01-01T00:00:00Z"})
        self.control("POST", "orders/change", {"ids": numbers[3:], "updated_at": "2031-01-01T00:00:00Z", "step_seconds": 1})
        since = {"sort": "updated_at asc", "filter[updated_at_gteq]": "2030-01-01T00:00:00Z"}
        self.assertEqual([order["id"] for order in self.list(**since)], numbers[2::-1] + numbers[3:])
        later = {"filter[updated_at_gt]": "2030-01-01T01:00:00+01:00", "sort": "updated_at desc"}
        self.assertEqual([order["id"] for order in self.list(**later)], numbers[:2:-1])

    def test_filters(self) -> None:
        order = self.create("Needle", description="ref 0f0f", priority="low", asset_id=7)
        self.fill(3)
        filters = {"description_cont": "0F0F", "title_eq": "Needle", "priority_eq": "low", "asset_id_eq": 7, "id_lteq": order["id"]}
        for name, value in filters.items():
            self.assertEqual([found["id"] for found in self.list(**{f"filter[{name}]": value})], [order["id"]], name)
        self.assertEqual(len(self.list(**{"filter[reference_eq]": "x"})), 4, "an unknown filter is ignored")
        self.assertEqual(self.request("GET", f"{ORDERS}?filter%5Bupdated_at_gteq%5D=yesterday")[0], 422)

    def test_unknown_sort_gives_no_rows(self) -> None:
        self.fill(2)
        self.assertEqual(self.list(sort="colour asc"), [])

    def test_statuses_follow_the_account(self) -> None:
        self.control("POST", "orders/create", {"orders": [{"title": "a", "status": "Waiting for Parts"}]})
        self.assertEqual(self.list()[0]["status"], {"id": 34, "name": "Waiting for Parts"})


class RefusingServer(SimulatorTest):
    options = ["--unknown-filter", "refuse", "--unknown-sort", "refuse", "--fractional-seconds", "--pagination", "none"]
    options += ["--work-order-path", "/orders"]

    def test_stricter_settings(self) -> None:
        path = "/api/v1/orders"
        self.assertEqual(self.request("GET", f"{path}?filter%5Bcolour_eq%5D=red")[0], 422)
        self.assertEqual(self.request("GET", f"{path}?sort=colour")[0], 422)
        self.assertEqual(self.request("GET", path)[1]["meta"]["pagination"], {})
        order = self.request("POST", path, {"work_order": {"title": "x"}})[1]["data"]
        self.assertRegex(order["updated_at"], r"\.\d{6}Z$")
        self.assertEqual(self.request("GET", ORDERS)[0], 404)


class RateLimit(SimulatorTest):
    options = ["--rate-limit", "5", "--rate-window", "60"]

    def test_headers_and_refusal(self) -> None:
        remaining = [int(self.request("GET", ORDERS)[2]["X-RateLimit-Remaining"]) for _ in range(5)]
        self.assertEqual(remaining, [4, 3, 2, 1, 0])
        status, answer, headers = self.request("POST", ORDERS, {"work_order": {"title": "x"}})
        self.assertEqual((status, answer["status"], headers["X-RateLimit-Limit"]), (429, "error", "5"))
        self.assertTrue(1 <= int(headers["retry-after"]) <= 60)
        self.control("POST", "rate_limit", {"limit": 0})
        self.assertEqual(self.list(), [], "the refused create was not done")
        summary = self.control("GET", "summary")
        self.assertEqual(summary["creates"], 0)


if __name__ == "__main__":
    unittest.main()
