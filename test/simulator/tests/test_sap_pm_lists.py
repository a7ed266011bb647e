"""The SAP PM simulator's lists: $filter with strict literals, $orderby, paging by the server, $select, $expand, values in JSON."""

from __future__ import annotations

import re
import time
import unittest

from tests.sap_pm_support import JSON, NOTIFICATIONS, ORDERS_1, ORDERS_2, SapTest

SET = ORDERS_2 + "/MaintenanceOrder"


class Filters(SapTest):
    def setUp(self) -> None:
        super().setUp()
        common = {"MaintOrdBasicStartDateTime": "/Date(1764576000000+0000)/", "LatestAcceptableCompletionDate": "/Date(1764547200000)/"}
        rows = [
            {"MaintenanceOrderDesc": "Pump O'Brien", "MaintPriority": "1", "Equipment": "10000045"},
            {"MaintenanceOrderDesc": "Freezer", "MaintPriority": "2", **common},
            {"MaintenanceOrderDesc": "Freezer (door)", "MaintPriority": "2"},
        ]
        self.control("POST", "orders/create", {"orders": rows, "updated_at": "2026-01-01T00:00:00Z", "step_seconds": 60})

    def numbers(self, text: str, path: str = SET) -> list[int]:
        return [int(row["MaintenanceOrder"]) - 4000000 for row in self.rows(path, filter=text)]

    def test_what_is_understood(self) -> None:
        cases = {
            "MaintenanceOrderDesc eq 'Pump O''Brien'": [1],
            "MaintPriority eq '2'": [2, 3],
            "MaintPriority ne '2'": [1],
            "not (MaintPriority eq '2')": [1],
            "MaintPriority eq '1' or MaintPriority eq '2' and Equipment eq '10000045'": [1],
            "(MaintPriority eq '1' or MaintPriority eq '2') and Equipment eq ''": [2, 3],
            "substringof('(door)',MaintenanceOrderDesc)": [3],
            "substringof('(door)',MaintenanceOrderDesc) eq false": [1, 2],
            "startswith(MaintenanceOrderDesc,'Free') and endswith(MaintenanceOrderDesc,'er')": [2],
            "LastChangeDateTime ge datetimeoffset'2026-01-01T00:01:00Z'": [2, 3],
            "LastChangeDateTime gt datetimeoffset'2026-01-01T01:01:00+01:00'": [3],
            "LastChangeDateTime lt datetimeoffset'2026-01-01T00:01:00Z'": [1],
            "LastChangeDateTime le datetimeoffset'2026-01-01T00:01:00Z' and MaintenanceOrder gt '4000001'": [2],
            "LatestAcceptableCompletionDate eq datetime'2025-12-01T00:00:00'": [2],
            "LatestAcceptableCompletionDate eq null": [1, 3],
            "MaintOrdBasicStartTime eq time'PT08H00M00S'": [2],
            "MaintenanceObjectList eq 0L and MaintenanceCall eq 0": [1, 2, 3],
            "OrderHasLongText eq false": [1, 2, 3],
        }
        for text, expected in cases.items():
            self.assertEqual(self.numbers(text), expected, text)

    def test_what_is_refused(self) -> None:
        cases = [
            "LastChangeDateTime ge datetime'2026-01-01T00:00:00'",
            "LastChangeDateTime ge '2026-01-01T00:00:00Z'",
            "LastChangeDateTime ge 2026-01-01T00:00:00Z",
            "LastChangeDateTime ge datetimeoffset'2026-01-01T00:00:00'",
            "LastChangeDateTime ge datetimeoffset'2026-13-01T00:00:00Z'",
            "LatestAcceptableCompletionDate eq datetimeoffset'2025-12-01T00:00:00Z'",
            "MaintOrdBasicStartTime eq '08:00:00'",
            "MaintPriority eq 1",
            "MaintPriority eq guid'00000000-0000-0000-0000-000000000000'",
            "OrderHasLongText eq 'false'",
            "MaintPriority like '1'",
            "MaintPriority",
            "MaintPriority eq '1' and",
            "(MaintPriority eq '1'",
            "MaintPriority eq '1')",
            "MaintPriority eq 'it's'",
            "'1' eq MaintPriority",
            "CreationDate ge datetimeoffset'2026-01-01T00:00:00Z'",
            "MaintenanceOrderSystemStatus eq 'REL'",
            "to_MaintenanceOrderOperation/WorkCenter eq 'MECH'",
            "contains(MaintenanceOrderDesc,'x')",
            "LastChangeDateTime gt null",
            "not " * 3000 + "MaintPriority eq '1'",
        ]
        for text in cases:
            status, answer, _ = self.get(SET, filter=text)
            self.assertEqual((status, "error" in answer), (400, True), text)
        for name in ("SystemStatusText", "UserStatusText"):
            self.assertEqual(self.get(SET, filter=f"MaintPriority eq '1' or {name} eq 'REL'")[0], 501)
            self.assertEqual(self.get(SET, orderby=name)[0], 400)

    def test_version_1_lacks_what_came_later(self) -> None:
        self.assertEqual(self.get(ORDERS_1 + "/MaintenanceOrder", filter="LastChangeByUser eq 'X'")[0], 400)
        self.assertEqual(self.get(ORDERS_1 + "/MaintenanceOrder", select="MaintOrderCreationDateTime")[0], 400)
        self.assertEqual(self.numbers("MaintPriority eq '1'", ORDERS_1 + ";v=0001/MaintenanceOrder"), [1])
        row = self.rows(ORDERS_1 + "/MaintenanceOrder")[0]
        self.assertEqual((set(row["__metadata"]), "Currency" in row), ({"id", "uri", "type"}, False))
        self.control("POST", "settings", {"unversioned": 2})
        self.assertIn("etag", self.rows(ORDERS_1 + "/MaintenanceOrder")[0]["__metadata"])
        self.control("POST", "settings", {"unversioned": 1})

    def test_options_that_are_refused(self) -> None:
        for options in (
            {"orderby": "Priority"},
            {"orderby": "MaintPriority up"},
            {"top": "-1"},
            {"skip": "x"},
            {"select": "Priority"},
            {"expand": "to_Operations"},
            {"inlinecount": "all"},
            {"search": "pump"},
            {"skiptoken": "abc"},
        ):
            self.assertEqual(self.get(SET, **options)[0], 400, options)
        self.assertEqual(self.get(SET + "?$top=1&$top=2")[0], 400)
        self.assertEqual(self.get(SET + "('4000001')", filter="MaintPriority eq '1'")[0], 400)
        for key in ("4000001", "MaintenanceOrder=4000001", "Order='4000001'", ""):
            self.assertEqual(self.get(f"{SET}({key})")[0], 400, key)
        self.assertEqual(self.get(f"{SET}(MaintenanceOrder='4000001')")[0], 200)

    def test_count(self) -> None:
        status, body, headers = self.raw("GET", SET + "/$count?$filter=MaintPriority%20eq%20'2'", headers=JSON)
        self.assertEqual((status, body, headers["content-type"].split(";")[0]), (200, b"2", "text/plain"))

    def test_values_in_json(self) -> None:
        row = self.rows(filter="MaintenanceOrder eq '4000002'")[0]
        expected = {
            "MaintOrdBasicStartDateTime": "/Date(1764576000000+0000)/",
            "MaintOrdBasicStartDate": "/Date(1764547200000)/",
            "MaintOrdBasicStartTime": "PT08H00M00S",
            "LatestAcceptableCompletionDate": "/Date(1764547200000)/",
            "MaintenanceObjectList": "0",
            "MaintenanceCall": 0,
            "OrderHasLongText": False,
            "Equipment": "",
            "MaintOrderReferenceDate": None,
            "SystemStatusText": "CRTD MANC NMAT",
        }
        self.assertEqual({name: row[name] for name in expected}, expected)
        self.assertEqual(row["__metadata"]["uri"], f"http://localhost:{self.port}{SET}('4000002')")
        self.assertEqual(row["__metadata"]["type"], "cds_api_maintenanceorder_2.MaintenanceOrderType")
        deferred = {"__deferred": {"uri": row["__metadata"]["uri"] + "/to_MaintenanceOrderOperation"}}
        self.assertEqual(row["to_MaintenanceOrderOperation"], deferred)

    def test_select_and_expand(self) -> None:
        row = self.rows(select="MaintenanceOrder,MaintPriority", top=1)[0]
        self.assertEqual(set(row), {"__metadata", "MaintenanceOrder", "MaintPriority"})
        row = self.rows(expand="to_MaintenanceOrderOperation,to_MaintenanceOrderPartner", top=1)[0]
        self.assertEqual(row["to_MaintenanceOrderOperation"]["results"][0]["MaintenanceOrderOperation"], "0010")
        self.assertEqual(row["to_MaintenanceOrderPartner"], {"results": []})
        self.assertIn("__deferred", row["to_MaintenanceOrderLongText"])
        select = "MaintPriority,to_MaintenanceOrderOperation/WorkCenter"
        row = self.rows(expand="to_MaintenanceOrderOperation", select=select, top=1)[0]
        self.assertEqual(set(row), {"__metadata", "MaintPriority", "to_MaintenanceOrderOperation"})
        self.assertEqual(set(row["to_MaintenanceOrderOperation"]["results"][0]), {"__metadata", "WorkCenter"})
        operations = self.rows(SET + "('4000001')/to_MaintenanceOrderOperation")
        self.assertEqual([row["OperationDescription"] for row in operations], ["Pump O'Brien"])
        self.assertEqual(self.rows(ORDERS_2 + "/MaintenanceOrderOperation", filter="MaintenanceOrder eq '4000001'"), operations)


class Paging(SapTest):
    options = ["--page-size", "2", "--ties", "desc"]

    def pages(self, **options: object) -> list[list[int]]:
        """Follow __next to the end."""
        status, answer, _ = self.get(SET, **options)
        pages = []
        while True:
            self.assertEqual(status, 200, answer)
            pages.append([int(row["MaintenanceOrder"]) - 4000000 for row in answer["d"]["results"]])
            if "__next" not in answer["d"]:
                return pages
            status, answer, _ = self.request("GET", re.sub(r"^http://localhost:\d+", "", answer["d"]["__next"]), headers=JSON)

    def fill(self, count: int) -> None:
        given = {"orders": [{"MaintenanceOrderDesc": "Is it 50% + tax?", "MaintPriority": "1"}], "count": count}
        self.control("POST", "orders/create", {**given, "updated_at": "2026-01-01T00:00:00Z"})

    def test_next_keeps_the_other_options(self) -> None:
        self.fill(5)
        text = "MaintenanceOrderDesc eq 'Is it 50% + tax?' and LastChangeDateTime ge datetimeoffset'2026-01-01T01:00:00+01:00'"
        self.assertEqual(self.pages(filter=text, orderby="MaintenanceOrder asc"), [[1, 2], [3, 4], [5]])
        self.assertEqual(self.pages(orderby="MaintenanceOrder", top=3), [[1, 2], [3]])
        self.assertEqual(self.pages(orderby="MaintenanceOrder", top=3, skip=1), [[2, 3], [4]])
        self.assertEqual(self.pages(orderby="MaintenanceOrder", top=2), [[1, 2]])

    def test_ties_are_in_the_direction_that_the_settings_say(self) -> None:
        self.fill(3)
        self.assertEqual(self.pages(orderby="LastChangeDateTime asc"), [[3, 2], [1]])
        self.assertEqual(self.pages(orderby="LastChangeDateTime asc,MaintenanceOrder asc"), [[1, 2], [3]])
        self.control("POST", "settings", {"ties": "asc"})
        self.assertEqual(self.pages(orderby="LastChangeDateTime desc"), [[1, 2], [3]])
        self.control("POST", "settings", {"ties": "desc"})

    def test_a_row_that_changes_between_pages_is_missed_by_offset(self) -> None:
        self.fill(3)
        options = {"orderby": "LastChangeDateTime asc,MaintenanceOrder asc"}
        answer = self.get(SET, **options)[1]["d"]
        self.control("POST", "orders/change", {"ids": ["4000001"]})
        _, last, _ = self.request("GET", re.sub(r"^http://localhost:\d+", "", answer["__next"]), headers=JSON)
        self.assertEqual([row["MaintenanceOrder"] for row in last["d"]["results"]], ["4000001"], "4000003 has moved to the first page")

    def test_custom_options_survive(self) -> None:
        self.fill(3)
        _, answer, _ = self.request("GET", SET + "?sap-client=100", headers=JSON)
        self.assertIn("sap-client=100", answer["d"]["__next"])


class Large(SapTest):
    def test_10_000_orders_are_listed_in_seconds(self) -> None:
        self.control("POST", "orders/create", {"orders": [{"MaintenanceOrderDesc": "x"}], "count": 10000})
        started, found = time.monotonic(), 0
        options = {"filter": "LastChangeDateTime ge datetimeoffset'2020-01-01T00:00:00Z'", "orderby": "LastChangeDateTime,MaintenanceOrder"}
        for skip in range(0, 10000, 1000):
            found += len(self.rows(top=1000, skip=skip, **options))
        self.assertEqual(found, 10000)
        self.assertLess(time.monotonic() - started, 20)


class Notifications(SapTest):
    def test_filter_by_external_reference(self) -> None:
        path = NOTIFICATIONS + "/MaintenanceNotification"
        for reference in ("ref-1", "ref-2"):
            document = {"NotificationText": "Leak", "NotificationType": "M1", "MaintNotifExtReferenceNumber": reference}
            self.assertEqual(self.write("POST", path, document)[0], 201)
        rows = self.rows(path, filter="MaintNotifExtReferenceNumber eq 'ref-2'", select="MaintenanceNotification")
        self.assertEqual([row["MaintenanceNotification"] for row in rows], ["10000002"])
        self.assertEqual(self.get(path, filter="ConcatenatedActiveSystStsName eq 'OSNO'")[0], 501)


if __name__ == "__main__":
    unittest.main()
