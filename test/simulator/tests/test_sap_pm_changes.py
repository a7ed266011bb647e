"""The SAP PM simulator's writes: bodies, ETags, status by function imports, notifications, locks, events, and the control endpoints."""

from __future__ import annotations

import unittest
import uuid

from tests.sap_pm_support import JSON, NOTIFICATIONS, ORDERS_1, ORDERS_2, REQUIRED, SapTest

SET = ORDERS_2 + "/MaintenanceOrder"
NOTIFICATION_SET = NOTIFICATIONS + "/MaintenanceNotification"


class Bodies(SapTest):
    def refusal(self, document: object, **headers: str) -> tuple[int, str]:
        """(status, target) of a create that is refused."""
        status, answer, _ = self.write("POST", SET, document, **headers)
        return status, answer["error"]["innererror"]["errordetails"][0]["target"]

    def test_what_a_create_needs(self) -> None:
        for name in REQUIRED:
            document = {given: value for given, value in REQUIRED.items() if given != name}
            self.assertEqual(self.refusal(document), (400, name))
        self.control("POST", "settings", {"required": [*REQUIRED, "MainWorkCenter"]})
        self.assertEqual(self.refusal(REQUIRED), (400, "MainWorkCenter"))
        self.control("POST", "settings", {"required": list(REQUIRED)})
        self.assertEqual(self.control("GET", "summary")["creates"], 0)

    def test_json_forms_of_every_type(self) -> None:
        for name, wrong in {
            "MaintOrdBasicStartDateTime": ["2025-12-01T00:00:00Z", 1764547200000, "/Date(x)/", "/Date(999999999999999)/"],
            "LatestAcceptableCompletionDate": ["2025-12-01", "/Date(1764547200000+0000)/"],
            "MaintPriority": [1, True, "12", "7"],
            "MaintOrdBasicStartTime": ["08:30:00"],
            "SystemStatusText": [1],
            "OrderHasLongText": ["true"],
        }.items():
            for value in wrong:
                self.assertEqual(self.refusal({**REQUIRED, name: value}), (400, name), value)
        for name, value in {"MaintOrdOperationWorkDuration": 1.5, "NumberOfCapacities": "1", "OperationWorkPercent": 256}.items():
            self.assertEqual(self.refusal({**REQUIRED, "to_MaintenanceOrderOperation": [{name: value}]}), (400, name))
        order = self.create(MaintOrdBasicStartDateTime="/Date(1764547200999-0060)/", LatestAcceptableCompletionDate="/Date(1764583200000)/")
        self.assertEqual(order["MaintOrdBasicStartDateTime"], "/Date(1764547200000+0000)/", "whole seconds")
        self.assertEqual(order["LatestAcceptableCompletionDate"], "/Date(1764547200000)/", "the time of day is dropped")

    def test_body_must_be_json(self) -> None:
        self.session = self.open_session()
        for body, headers, expected in (
            (b"{", {}, 400),
            (b"[]", {}, 400),
            (b'{"MaintPriority":"1","MaintPriority":"2"}', {}, 400),
            (b"{}", {"Content-Type": "application/atom+xml"}, 415),
        ):
            self.assertEqual(self.raw("POST", SET, body, {**JSON, **self.session, **headers})[0], expected, body)

    def test_unknown_names_of_public_code(self) -> None:
        for name in ("MaintenanceOrderSystemStatus", "Priority", "OrderDescription", "CreationDate", "d", "to_Nothing"):
            self.assertEqual(self.refusal({**REQUIRED, name: "1"}), (400, name))

    def test_deep_insert(self) -> None:
        operations = {"results": [{"OperationDescription": "one"}, {"MaintenanceOrderOperation": "0050"}, {"OperationControlKey": "PM01"}]}
        text = [{"TextObjectType": "AUFK", "Language": "EN", "MaintenanceOrderLongText": "first line\nsecond"}]
        order = self.create(to_MaintenanceOrderOperation=operations, to_MaintenanceOrderLongText=text)
        rows = order["to_MaintenanceOrderOperation"]["results"]
        self.assertEqual([row["MaintenanceOrderOperation"] for row in rows], ["0010", "0050", "0060"])
        self.assertEqual(order["to_MaintenanceOrderLongText"]["results"][0]["MaintenanceOrderLongText"], "first line\nsecond")
        self.assertTrue(self.order(order["MaintenanceOrder"])["OrderHasLongText"])
        key = f"MaintenanceOrder='{order['MaintenanceOrder']}',MaintenanceOrderOperation='0050',MaintenanceOrderSubOperation=''"
        path = f"{ORDERS_2}/MaintenanceOrderOperation({key})"
        self.assertEqual(self.write("PATCH", path, {"OperationDescription": "changed"}, If_Match="*")[0], 204)
        self.assertEqual(self.get(path)[1]["d"]["OperationDescription"], "changed")
        twice = [{"MaintenanceOrderOperation": "0010"}, {"MaintenanceOrderOperation": "0010"}]
        self.assertEqual(self.refusal({**REQUIRED, "to_MaintenanceOrderOperation": twice})[0], 400)
        self.assertEqual(self.refusal({**REQUIRED, "to_MaintenanceOrderOperation": "0010"})[0], 400)
        self.assertEqual(self.control("GET", "summary")["orders"], 1, "a refused create leaves nothing")

    def test_children_are_added_through_their_order_only(self) -> None:
        number = self.create()["MaintenanceOrder"]
        self.assertEqual(self.write("POST", ORDERS_2 + "/MaintenanceOrderOperation", {"OperationDescription": "x"})[0], 405)
        path = f"{SET}('{number}')/to_MaintenanceOrderOperation"
        status, answer, headers = self.write("POST", path, {"OperationDescription": "x"})
        self.assertEqual((status, answer["d"]["MaintenanceOrderOperation"]), (201, "0020"))
        self.assertIn("MaintenanceOrderOperation='0020'", headers["location"])
        self.assertEqual(self.write("PATCH", f"{SET}('{number}')", {"to_MaintenanceOrderOperation": [{}]}, If_Match="*")[0], 400)

    def test_numbers(self) -> None:
        self.assertEqual([self.create()["MaintenanceOrder"] for _ in range(2)], ["4000001", "4000002"])
        self.assertEqual(self.create(MaintenanceOrder="830001")["MaintenanceOrder"], "830001")
        self.assertEqual(self.refusal({**REQUIRED, "MaintenanceOrder": "830001"})[0], 400)


class Updates(SapTest):
    def setUp(self) -> None:
        super().setUp()
        order = self.create()
        self.number, self.path = order["MaintenanceOrder"], f"{SET}('{order['MaintenanceOrder']}')"

    def patch(self, document: dict, method: str = "PATCH", if_match: str = "*") -> int:
        return self.write(method, self.path, document, If_Match=if_match)[0]

    def test_read_only_is_ignored_and_create_only_refused(self) -> None:
        document = {"MaintOrdBasicStartDate": "/Date(0)/", "SystemStatusText": "REL", "MaintPriority": "3"}
        self.assertEqual(self.patch(document), 204)
        order = self.order(self.number)
        self.assertEqual((order["MaintPriority"], order["SystemStatusText"]), ("3", "CRTD MANC NMAT"))
        self.assertNotEqual(order["MaintOrdBasicStartDate"], "/Date(0)/")
        self.assertEqual(self.patch({"MaintenanceOrderType": "PM02"}), 400)
        self.assertEqual(self.patch({"MaintenanceOrderType": "PM01", "MaintenanceOrder": self.number}), 204, "unchanged is no change")
        self.assertEqual(self.patch({"MaintOrdBasicStartDateTime": "/Date(0)/"}), 204)
        self.assertEqual(self.order(self.number)["MaintOrdBasicStartDate"], "/Date(0)/")

    def test_a_document_that_was_read_can_be_sent_back(self) -> None:
        self.assertEqual(self.patch(self.order(self.number)), 204)

    def test_put_resets_what_is_not_given(self) -> None:
        self.assertEqual(self.patch({"MaintPriority": "1", "Equipment": "10000045"}), 204)
        self.assertEqual(self.patch({"Equipment": "10000045"}, "PUT"), 204)
        order = self.order(self.number)
        seen = (order["MaintPriority"], order["TechnicalObject"], order["TechObjIsEquipOrFuncnlLoc"])
        self.assertEqual(seen, ("", "10000045", "EAMS_EQUI"))

    def test_etag_moves_with_everything(self) -> None:
        seen = {self.order(self.number)["__metadata"]["etag"]}
        self.patch({"MaintPriority": "1"})
        seen.add(self.order(self.number)["__metadata"]["etag"])
        self.call("ReleaseMaintenanceOrder", self.number)
        seen.add(self.order(self.number)["__metadata"]["etag"])
        self.control("POST", "orders/change", {"set": {"MaintPriority": "2"}})
        latest = self.order(self.number)["__metadata"]["etag"]
        self.assertEqual(len(seen | {latest}), 4)
        self.assertEqual({self.patch({}, if_match=etag) for etag in seen}, {412})
        self.assertEqual(self.patch({}, if_match=latest), 204)

    def test_version_1_has_no_etags(self) -> None:
        path = f"{ORDERS_1}/MaintenanceOrder('{self.number}')"
        status, _, headers = self.write("MERGE", path, {"MaintPriority": "1"})
        self.assertEqual((status, headers["etag"]), (204, None))
        self.assertEqual(self.write("MERGE", path, {"Product": "x" * 19})[0], 400, "18 characters in version 1")
        self.assertEqual(self.patch({"Product": "x" * 40}), 204)

    def test_change_stamp(self) -> None:
        past = "2026-01-01T00:00:00Z"

        def stamp_moves(**settings: str) -> tuple[bool, bool]:
            """Does a status change move it, does a no-op update?"""
            self.control("POST", "settings", settings)
            moved = []
            for act in (lambda: self.call("SetMaintOrderStatusToLocked", self.number), lambda: self.patch({"MaintPriority": ""})):
                self.control("POST", "orders/change", {"updated_at": past, "status": "CRTD"})
                before = self.order(self.number)["LastChangeDateTime"]
                act()
                moved.append(self.order(self.number)["LastChangeDateTime"] != before)
            return moved[0], moved[1]

        self.assertEqual(stamp_moves(), (False, True))
        self.assertEqual(stamp_moves(status_stamp="move", no_op_stamp="keep"), (True, False))
        self.control("POST", "settings", {"status_stamp": "keep", "no_op_stamp": "move"})


class Status(SapTest):
    def walk(self, number: str, *functions: str) -> list:
        """The status after each function import; 400 where it was refused."""
        seen = []
        for function in functions:
            status, answer, _ = self.call(function, number)
            self.assertIn(status, (200, 400), answer)
            seen.append(self.order(number)["SystemStatusText"] if status == 200 else status)
        return seen

    def test_there_and_back(self) -> None:
        number = self.create()["MaintenanceOrder"]
        forth = ("ReleaseMaintenanceOrder", "SetMaintOrdToTechCompleted", "SetMaintOrderStatusToClosed")
        back = ("ResetMaintOrderStatusClosed", "ResetMaintOrdStsTechCompleted")
        expected = ["REL  PRC  SETC", "TECO PRC  SETC", "CLSD PRC  SETC", "TECO PRC  SETC", "REL  PRC  SETC"]
        self.assertEqual(self.walk(number, *forth, *back), expected)

    def test_illegal_steps(self) -> None:
        number = self.create()["MaintenanceOrder"]
        early = ("SetMaintOrdToTechCompleted", "SetMaintOrderStatusToClosed", "ResetMaintOrdStsTechCompleted")
        self.assertEqual(self.walk(number, *early, "SetMaintOrdToMainWorkComplete"), [400] * 4)
        _, answer, _ = self.call("SetMaintOrderStatusToClosed", number)
        self.assertEqual(answer["error"]["message"]["value"], f"System status CRTD is active (ORD {number})")
        self.walk(number, "ReleaseMaintenanceOrder")
        late = ("ReleaseMaintenanceOrder", "SetMaintOrdStsToMrkdForDeltn", "SetMaintOrderStatusToUnlocked")
        self.assertEqual(self.walk(number, *late), [400] * 3)
        locked = ("SetMaintOrderStatusToLocked", "SetMaintOrdToTechCompleted", "SetMaintOrderStatusToUnlocked")
        expected = ["REL  MWCP PRC  SETC", "REL  LKD  MWCP PRC  SETC", 400, "REL  MWCP PRC  SETC"]
        self.assertEqual(self.walk(number, "SetMaintOrdToMainWorkComplete", *locked), expected)

    def test_ends(self) -> None:
        number = self.create()["MaintenanceOrder"]
        self.assertEqual(self.walk(number, "SetMaintOrdStsToMrkdForDeltn"), ["CRTD DLFL MANC NMAT"])
        self.assertEqual(self.walk(number, "ReleaseMaintenanceOrder", "SetMaintOrderToDoNotExecute"), [400, 400])
        self.assertEqual(self.write("PATCH", f"{SET}('{number}')", {"MaintPriority": "1"}, If_Match="*")[0], 400)
        steps = ("ResetMaintOrdStsMrkdForDeltn", "SetMaintOrderToDoNotExecute", "SetMaintOrderStatusToClosed")
        self.assertEqual(self.walk(number, *steps), ["CRTD MANC NMAT", "TECO NEXE PRC  SETC", "CLSD NEXE PRC  SETC"])
        self.assertEqual(self.write("PATCH", f"{SET}('{number}')", {"MaintPriority": "1"}, If_Match="*")[0], 400, "closed")

    def test_parameters(self) -> None:
        number = self.create()["MaintenanceOrder"]
        self.call("ReleaseMaintenanceOrder", number)
        finish = "SetMaintOrdToTechCompleted"
        moment = {"MaintOrderReferenceDateTime": "datetimeoffset'2026-01-02T03:04:05Z'"}
        self.assertEqual(self.call(finish, number, MaintOrderReferenceDateTime="datetime'2026-01-02T03:04:05'")[0], 400)
        self.assertEqual(self.call(finish, number, AssignedMaintNotifIsToBeClosed="'true'")[0], 400)
        self.assertEqual(self.call(finish, number, Reason="'done'")[0], 400)
        self.assertEqual(self.call(finish, number, ORDERS_1, MainWrkCmpltdDateTimeIsUsed="false")[0], 400, "not in version 1")
        self.assertEqual(self.call(finish, number, MainWrkCmpltdDateTimeIsUsed="false", **moment)[0], 200)
        order = self.order(number)
        seen = (order["MaintOrderReferenceDateTime"], order["MaintOrderReferenceTime"])
        self.assertEqual(seen, ("/Date(1767323045000+0000)/", "PT03H04M05S"))

    def test_how_a_function_import_is_called(self) -> None:
        number = self.create()["MaintenanceOrder"]
        query = f"{ORDERS_2}/ReleaseMaintenanceOrder?MaintenanceOrder='{number}'"
        self.assertEqual(self.write("POST", f"{SET}('{number}')/ReleaseMaintenanceOrder")[0], 404, "the V4 style")
        self.assertEqual(self.get(query)[0], 405)
        self.assertEqual(self.write("POST", ORDERS_2 + "/ReleaseMaintenanceOrder")[0], 400)
        self.assertEqual(self.write("POST", query.replace("'", ""))[0], 400, "a number is no string")
        self.assertEqual(self.write("POST", query.replace(number, "4711"))[0], 404)
        untyped = {name: value for name, value in {**JSON, **self.session}.items() if name != "Content-Type"}
        self.assertEqual(self.raw("POST", query, None, untyped)[0], 400, "without a content type the parameters get lost")
        self.assertEqual(self.order(number)["SystemStatusText"], "CRTD MANC NMAT")
        self.assertEqual(self.write("POST", query)[0], 200)


class Notifications(SapTest):
    def notify(self, **properties: object) -> dict:
        document = {"NotificationText": "Leak", "NotificationType": "M1", **properties}
        status, answer, _ = self.write("POST", NOTIFICATION_SET, document)
        self.assertEqual(status, 201, answer)
        return answer["d"]

    def read(self, number: str) -> dict:
        return self.get(f"{NOTIFICATION_SET}('{number}')")[1]["d"]

    def test_create_update_and_status(self) -> None:
        made = self.notify(MaintNotifExtReferenceNumber="ref-1", MaintNotifLongTextForEdit="long", MalfunctionStartTime="PT08H30M00S")
        number, path = made["MaintenanceNotification"], f"{NOTIFICATION_SET}('{made['MaintenanceNotification']}')"
        self.assertEqual((number, made["MaintNotificationLongText"], made["NotifProcessingPhase"]), ("10000001", "long", "1"))
        self.assertNotIn("etag", made["__metadata"])
        self.assertEqual(self.write("PATCH", path, {"MaintNotifExtReferenceNumber": "x" * 21})[0], 400)
        self.assertEqual(self.write("PATCH", path, {"MaintNotifExtReferenceNumber": "ref-2", "Equipment": "1"})[0], 400, "unknown there")
        self.assertEqual(self.write("PATCH", path, {"MaintNotifExtReferenceNumber": "ref-2"})[0], 204)
        self.assertEqual(self.write("DELETE", path)[0], 405)
        self.assertEqual(self.call("CompleteMaintNotification", number, NOTIFICATIONS)[0], 400)
        status, answer, _ = self.call("SetMaintNotifToInProcess", number, NOTIFICATIONS)
        self.assertEqual((status, answer["d"]["ConcatenatedActiveSystStsName"]), (200, "NOPR"))
        moment = {"NotificationReferenceDate": "datetime'2026-01-01T00:00:00'", "NotificationReferenceTime": "time'PT10H00M00S'"}
        self.assertEqual(self.call("CompleteMaintNotification", number, NOTIFICATIONS, **moment)[0], 200)
        seen = self.read(number)
        self.assertEqual((seen["NotifProcessingPhase"], seen["MaintNotifExtReferenceNumber"]), ("4", "ref-2"))
        self.assertEqual(self.write("POST", NOTIFICATION_SET, {"NotificationType": "M1"})[0], 400)

    def test_an_order_and_its_notification(self) -> None:
        first, second = (self.notify(MaintNotifExtReferenceNumber=f"ref-{place}")["MaintenanceNotification"] for place in "12")
        self.assertEqual(self.write("POST", SET, {**REQUIRED, "MaintenanceNotification": "4711"})[0], 400)
        number = self.create(MaintenanceNotification=first)["MaintenanceOrder"]
        self.assertEqual(self.read(first)["MaintenanceOrder"], number)
        self.assertEqual(self.control("GET", "orders")[0]["reference"], "ref-1")
        self.call("ReleaseMaintenanceOrder", number)
        self.assertEqual(self.call("SetMaintOrdToTechCompleted", number, AssignedMaintNotifIsToBeClosed="true")[0], 200)
        self.assertEqual(self.read(first)["ConcatenatedActiveSystStsName"], "NOCO ORAS")
        self.assertEqual(self.call("AssignMaintNotificationToOrder", number, MaintenanceNotification=f"'{second}'")[0], 200)
        self.assertEqual(self.order(number)["MaintenanceNotification"], second)
        self.assertEqual(self.call("AssignMaintNotificationToOrder", number, MaintenanceNotification="'4711'")[0], 400)
        summary = self.control("GET", "summary")
        self.assertEqual((summary["creates"], summary["notifications"]), (1, 2))


class TestsAsUsers(SapTest):
    def test_doubles_are_found(self) -> None:
        reference = str(uuid.uuid4())
        text = [{"MaintenanceOrderLongText": f"text\n[ref {reference}]"}]
        numbers = [self.create(to_MaintenanceOrderLongText=text)["MaintenanceOrder"] for _ in range(2)]
        summary = self.control("GET", "summary")
        self.assertEqual((summary["doubled"], summary["doubled_orders"]), ({reference: numbers}, {reference: 2}))
        self.assertEqual({row["reference"] for row in self.control("GET", "orders")}, {reference})

    def test_ledger(self) -> None:
        number = self.create()["MaintenanceOrder"]
        self.call("ReleaseMaintenanceOrder", number)
        self.write("PATCH", f"{SET}('{number}')", {"MaintPriority": "1"}, If_Match="*")
        written = [entry["written"] for entry in self.control("GET", "ledger?written=true")]
        self.assertEqual([(row["kind"], row["id"]) for row in written], [("create", number), ("action", number), ("update", number)])

    def test_business_lock(self) -> None:
        number = self.create()["MaintenanceOrder"]
        change = lambda: self.write("PATCH", f"{SET}('{number}')", {"MaintPriority": "1"}, If_Match="*")  # noqa: E731
        self.assertEqual(self.control("POST", "lock", {"ids": [number]}), {number: "MILLER"})
        for status, answer, _ in (change(), self.call("ReleaseMaintenanceOrder", number)):
            self.assertEqual((status, answer["error"]["message"]["value"]), (400, f"Order {number} is blocked by user MILLER"))
        self.assertEqual(self.get(f"{SET}('{number}')")[0], 200, "reading is free")
        self.assertEqual(self.control("POST", "unlock", {"ids": [number]}), {})
        self.assertEqual(change()[0], 204)
        self.control("POST", "lock", {"ids": [number], "user": "SMITH", "requests": 2})
        self.assertEqual([change()[0] for _ in range(3)], [400, 400, 204])

    def test_events(self) -> None:
        number = self.create()["MaintenanceOrder"]
        self.call("ReleaseMaintenanceOrder", number)
        position = self.control("GET", "events")["position"]
        self.call("SetMaintOrdToTechCompleted", number)
        self.control("POST", "orders/change", {"ids": [number], "status": "CLSD"})
        events = self.control("GET", f"events?since={position}")["events"]
        prefix = "sap.s4.beh.maintenanceorder.v1.MaintenanceOrder."
        self.assertEqual([event["type"] for event in events], [prefix + "SetToTechCompleted.v1", prefix + "Closed.v1"])
        self.assertEqual(events[0]["data"], {"MaintenanceOrder": number, "MaintenanceOrderType": "PM01"})
        self.assertEqual((events[0]["specversion"], len({event["id"] for event in events})), ("1.0", 2))

    def test_create_change_and_delete(self) -> None:
        given = {"orders": [{"MaintenanceOrderDesc": "a", "status": "PCNF"}, {"MaintenanceOrderDesc": "b"}], "count": 2}
        made = self.control("POST", "orders/create", {**given, "updated_at": "2026-01-01T00:00:00Z", "step_seconds": 5})
        self.assertEqual([row["status"] for row in made], ["PCNF", "PCNF", "CRTD", "CRTD"])
        self.assertEqual([int(row["LastChangeDateTime"][6:19]) - 1767225600000 for row in made], [0, 5000, 10000, 15000])
        change = {"count": 2, "offset": 1, "set": {"MaintPriority": "1"}, "append_description": " *", "status": "CNF"}
        changed = self.control("POST", "orders/change", change)
        self.assertEqual([row["id"] for row in changed], ["4000002", "4000003"])
        self.assertEqual({(row["MaintenanceOrderDesc"][1:], row["SystemStatusText"]) for row in changed}, {(" *", "REL  CNF  PRC  SETC")})
        only_status = self.control("POST", "orders/change", {"ids": [4000001], "status": "TECO"})[0]
        self.assertEqual((only_status["status"], only_status["LastChangeDateTime"]), ("TECO", "/Date(1767225600000+0000)/"))
        self.control("POST", "orders/delete", {"ids": ["4000001"]})
        self.assertEqual(self.get(SET + "('4000001')")[0], 404)
        for wrong in ({"set": {"Priority": "1"}}, {"status": "DONE"}, {"ids": ["1"]}):
            self.assertEqual(self.request("POST", "/__control/orders/change", wrong, {})[0], 400, wrong)


if __name__ == "__main__":
    unittest.main()
