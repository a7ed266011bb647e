"""The SAP PM simulator's door: logon, SAP client, CSRF sessions, formats, errors; and the behaviour observed at a real OData V2 peer."""

from __future__ import annotations

import json
import re
import unittest
import xml.etree.ElementTree as ElementTree

from tests.sap_pm_support import BASIC, JSON, NOTIFICATIONS, ORDERS_1, ORDERS_2, REQUIRED, SapTest, basic

SET = ORDERS_2 + "/MaintenanceOrder"
TOKEN = "/sap/bc/sec/oauth2/token"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Logon(SapTest):
    def test_basic(self) -> None:
        for headers in ({}, {"Authorization": basic("CMMS_TEST", "wrong")}, {"Authorization": "Basic ???"}, {"Authorization": "Bearer x"}):
            status, body, answer = self.raw("GET", SET, headers=headers)
            self.assertEqual((status, answer["content-type"].split(";")[0]), (401, "text/html"), body)
            self.assertTrue(answer["www-authenticate"])
        self.assertEqual(self.raw("GET", SET, headers=JSON)[0], 200)

    def token(self, body: bytes, headers: dict | None = None) -> tuple[int, dict]:
        status, content, _ = self.raw("POST", TOKEN, body, {**FORM, **(headers or {})})
        return status, json.loads(content)

    def test_client_credentials(self) -> None:
        secret = {"Authorization": basic("cmms-client", "test-secret")}
        granted = [
            self.token(b"grant_type=client_credentials", secret),
            self.token(b"grant_type=client_credentials&client_id=cmms-client&client_secret=test-secret"),
        ]
        for status, answer in granted:
            self.assertEqual((status, answer["token_type"], answer["expires_in"]), (200, "Bearer", 3600))
        bearer = {**JSON, "Authorization": "Bearer " + granted[0][1]["access_token"]}
        self.session = self.open_session(headers=bearer)
        body = json.dumps(REQUIRED).encode()
        self.assertEqual(self.raw("POST", SET, body, {**bearer, **self.session})[0], 201)
        self.assertEqual(self.raw("POST", SET, body, {**JSON, **self.session})[0], 403, "a session belongs to its user")
        self.control("POST", "tokens/expire")
        status, _, answer = self.raw("GET", SET, headers=bearer)
        self.assertEqual((status, "invalid_token" in answer["www-authenticate"]), (401, True))

    def test_refused_tokens(self) -> None:
        wrong = {"Authorization": basic("cmms-client", "guess")}
        self.assertEqual(self.token(b"grant_type=client_credentials", wrong)[0], 401)
        self.assertEqual(self.token(b"client_id=cmms-client&client_secret=test-secret")[1]["error"], "unsupported_grant_type")
        self.assertEqual(self.raw("POST", TOKEN, b'{"grant_type":"client_credentials"}', JSON)[0], 400)


class ShortLives(SapTest):
    options = ["--sap-client", "100", "--session-uses", "2"]

    def test_sap_client_by_header_or_query(self) -> None:
        self.assertEqual(self.raw("GET", SET, headers=JSON)[0], 401)
        self.assertEqual(self.raw("GET", SET + "?sap-client=200", headers=JSON)[0], 401)
        self.assertEqual(self.raw("GET", SET + "?sap-client=100", headers=JSON)[0], 200)
        self.assertEqual(self.raw("GET", SET, headers={**JSON, "sap-client": "100"})[0], 200)

    def test_token_ends(self) -> None:
        form = b"grant_type=client_credentials&client_id=cmms-client&client_secret=test-secret"
        for seconds, expected in ((60, 200), (0, 401)):
            self.control("POST", "settings", {"token_seconds": seconds})
            answer = json.loads(self.raw("POST", TOKEN, form, FORM)[1])
            self.assertEqual(answer["expires_in"], seconds)
            bearer = {**JSON, "sap-client": "100", "Authorization": "Bearer " + answer["access_token"]}
            self.assertEqual(self.raw("GET", SET, headers=bearer)[0], expected)

    def test_csrf_token_ends_after_its_uses(self) -> None:
        client = {**JSON, "sap-client": "100"}
        session = self.open_session(headers=client)
        answers = [self.raw("POST", SET, json.dumps(REQUIRED).encode(), {**client, **session})[0] for _ in range(3)]
        self.assertEqual(answers, [201, 201, 403])
        self.assertEqual(self.control("GET", "summary")["orders"], 2)


class Csrf(SapTest):
    def attempt(self, **headers: str) -> tuple:
        return self.raw("POST", SET, json.dumps(REQUIRED).encode(), {**JSON, **headers})

    def test_token_and_both_cookies_are_needed(self) -> None:
        session = self.open_session()
        token, cookies = session["x-csrf-token"], session["Cookie"]
        self.assertEqual(len(cookies.split("; ")), 2)
        cases = [{}, {"x-csrf-token": token}, {"Cookie": cookies}, {"x-csrf-token": "guess", "Cookie": cookies}]
        cases += [{"x-csrf-token": token, "Cookie": cookie} for cookie in cookies.split("; ")]
        cases += [{"x-csrf-token": "fetch", "Cookie": cookies}]
        for headers in cases:
            status, body, answer = self.attempt(**headers)
            self.assertEqual((status, answer["x-csrf-token"], body), (403, "Required", b"CSRF token validation failed"), headers)
            self.assertEqual(answer["content-type"], "text/plain")
        self.assertEqual(self.control("GET", "summary")["creates"], 0)
        self.assertEqual(self.attempt(**session)[0], 201)

    def test_every_modifying_method_is_guarded(self) -> None:
        number = self.create()["MaintenanceOrder"]
        requests = [(method, f"{SET}('{number}')") for method in ("PATCH", "MERGE", "PUT", "DELETE")]
        for method, path in [*requests, ("POST", f"{ORDERS_2}/ReleaseMaintenanceOrder?MaintenanceOrder='{number}'")]:
            self.assertEqual(self.raw(method, path, b"{}", {**JSON, "If-Match": "*"})[0], 403, method)

    def test_head_fetches_and_a_living_session_keeps_its_token(self) -> None:
        status, body, answer = self.raw("HEAD", ORDERS_2 + "/", headers={**JSON, "X-CSRF-Token": "Fetch"})
        self.assertEqual((status, body, len(answer.get_all("set-cookie"))), (200, b"", 2))
        session = self.open_session()
        _, _, again = self.raw("GET", ORDERS_2 + "/", headers={**JSON, **session, "x-csrf-token": "fetch"})
        self.assertEqual((again["x-csrf-token"], again["set-cookie"]), (session["x-csrf-token"], None))

    def test_sessions_expire_mid_run(self) -> None:
        session = self.open_session()
        self.assertEqual(self.attempt(**session)[0], 201)
        self.assertEqual(self.control("POST", "sessions/expire"), {"expired": 1})
        self.assertEqual(self.attempt(**session)[0], 403)
        self.assertEqual(self.attempt(**self.open_session())[0], 201)
        self.control("POST", "settings", {"session_seconds": 0})
        self.assertEqual(self.attempt(**self.open_session())[0], 403)
        self.control("POST", "settings", {"session_seconds": 60, "csrf": "off"})
        self.assertEqual(self.attempt()[0], 201)
        status, _, answer = self.raw("GET", ORDERS_2 + "/", headers={**JSON, "x-csrf-token": "fetch"})
        self.assertEqual((status, answer["x-csrf-token"]), (200, None))
        self.control("POST", "settings", {"csrf": "on", "session_seconds": 1800})


class Formats(SapTest):
    def test_atom_unless_json_is_asked_for(self) -> None:
        self.create()
        for headers in (BASIC, {**BASIC, "Accept": "*/*"}, {**BASIC, "Accept": "application/atom+xml"}):
            status, body, answer = self.raw("GET", SET, headers=headers)
            self.assertEqual((status, answer["content-type"].split(";")[0]), (200, "application/atom+xml"))
            self.assertEqual(ElementTree.fromstring(body).tag, "{http://www.w3.org/2005/Atom}feed")
        self.assertEqual(self.raw("GET", SET, headers={**BASIC, "Accept": "text/html"})[0], 406)
        self.assertEqual(json.loads(self.raw("GET", SET + "?$format=json", headers=BASIC)[1])["d"]["results"][0]["MaintPriority"], "")
        status, body, _ = self.raw("GET", SET + "('1')", headers=BASIC)
        self.assertEqual((status, ElementTree.fromstring(body).tag.endswith("}error")), (404, True))
        self.assertEqual(self.raw("GET", SET + "?$format=yaml", headers=JSON)[0], 400)

    def test_service_document_and_metadata(self) -> None:
        status, answer, _ = self.get(ORDERS_2)
        self.assertEqual((status, answer["d"]["EntitySets"][0]), (200, "MaintenanceOrder"))
        lengths = {}
        for service in (ORDERS_1, ORDERS_2, NOTIFICATIONS):
            root = ElementTree.fromstring(self.raw("GET", service + "/$metadata", headers=BASIC)[1])
            lengths[service] = {node.get("Name"): node.get("MaxLength") for node in root.iter() if node.tag.endswith("}Property")}
        self.assertEqual([lengths[service].get("Product") for service in (ORDERS_1, ORDERS_2)], ["18", "40"])
        self.assertEqual([("LastChangeByUser" in lengths[service]) for service in (ORDERS_1, ORDERS_2)], [False, True])

    def test_unknown_service_is_403(self) -> None:
        for path in ("API_MAINTENANCEORDER_SRV", "API_MAINTENANCEORDER;v=0003", "API_MAINTNOTIFICATION;v=0002"):
            status, answer, _ = self.get(f"/sap/opu/odata/sap/{path}/MaintenanceOrder")
            self.assertEqual((status, answer["error"]["code"]), (403, "/IWFND/MED/170"))

    def test_error_document(self) -> None:
        status, answer, _ = self.write("POST", SET, {**REQUIRED, "MaintenanceOrderDesc": "x" * 41, "MaintPriority": 1})
        error = answer["error"]
        self.assertEqual((status, set(error), error["message"]["lang"]), (400, {"code", "message", "innererror"}, "en"))
        self.assertRegex(error["innererror"]["transactionid"], "^[0-9A-F]{32}$")
        details = error["innererror"]["errordetails"]
        self.assertEqual([detail["target"] for detail in details], ["MaintenanceOrderDesc", "MaintPriority"])
        self.assertEqual(set(details[0]), {"code", "message", "longtext_url", "propertyref", "severity", "target"})
        self.assertIsInstance(details[0]["message"], str)

    def test_rate_limit(self) -> None:
        self.control("POST", "rate_limit", {"limit": 1, "window_seconds": 60})
        self.assertEqual(self.get(SET)[0], 200)
        status, _, answer = self.get(SET)
        self.assertEqual((status, bool(answer["retry-after"]), answer["X-RateLimit-Limit"]), (429, True, None))
        self.control("POST", "rate_limit", {"limit": 0})


class AsObserved(SapTest):
    """What a V2 service built with SAP's own runtime answered, row by row."""

    options = ["--page-size", "50"]

    def test_create_with_a_date_and_an_operation(self) -> None:
        operation = {"OperationDescription": "Check seal", "WorkCenter": "MECH", "MaintOrdOperationWorkDuration": "1.5"}
        document = {**REQUIRED, "MaintOrdBasicStartDateTime": "/Date(1764547200000+0000)/", "to_MaintenanceOrderOperation": [operation]}
        status, answer, headers = self.write("POST", SET, document)
        order = answer["d"]
        self.assertEqual((status, order["MaintenanceOrder"]), (201, "4000001"))
        self.assertTrue(headers["location"].endswith("/MaintenanceOrder('4000001')"))
        self.assertEqual(headers["etag"], order["__metadata"]["etag"])
        self.assertRegex(headers["etag"], r'^W/"[^"]+"$')
        self.assertEqual(order["MaintOrdBasicStartDateTime"], "/Date(1764547200000+0000)/")
        self.assertEqual(order["to_MaintenanceOrderOperation"]["results"][0]["MaintOrdOperationWorkDuration"], "1.5")

    def test_list_of_60(self) -> None:
        priorities = [{"MaintenanceOrderDesc": "x", "MaintPriority": priority} for priority in "1234"]
        self.control("POST", "orders/create", {"orders": priorities, "count": 15})
        _, answer, _ = self.get(SET)
        self.assertEqual((len(answer["d"]["results"]), "$skiptoken=50" in answer["d"]["__next"]), (50, True))
        self.assertTrue(answer["d"]["__next"].startswith(f"http://localhost:{self.port}/"))
        path = re.sub(r"^http://[^/]+", "", answer["d"]["__next"])
        _, last, _ = self.request("GET", path, headers=JSON)
        self.assertEqual((len(last["d"]["results"]), "__next" in last["d"]), (10, False))
        options = {"top": 2, "skip": 1, "inlinecount": "allpages", "orderby": "MaintenanceOrder desc", "select": "MaintenanceOrder"}
        _, answer, _ = self.get(SET, **options)
        self.assertEqual([row["MaintenanceOrder"] for row in answer["d"]["results"]], ["4000059", "4000058"])
        self.assertEqual(answer["d"]["__count"], "60")
        since = "LastChangeDateTime ge datetimeoffset'{}-01-01T00:00:00Z' and MaintPriority eq '1'"
        self.assertEqual([len(self.rows(filter=since.format(year))) for year in (2020, 2099)], [15, 0])

    def test_updates(self) -> None:
        order = self.create()
        path, change = f"{SET}('{order['MaintenanceOrder']}')", {"MaintPriority": "2"}
        stale = order["__metadata"]["etag"]
        self.assertEqual(self.write("PATCH", path, change)[0], 428)
        status, body, headers = self.write("PATCH", path, change, If_Match=stale)
        self.assertEqual((status, body), (204, None))
        self.assertNotEqual(headers["etag"], stale)
        self.assertEqual(self.write("MERGE", path, change, If_Match=stale)[0], 412)
        self.assertEqual(self.write("POST", path, change, X_HTTP_Method="MERGE", If_Match="*")[0], 204)

    def test_function_import(self) -> None:
        number = self.create()["MaintenanceOrder"]
        status, answer, _ = self.call("ReleaseMaintenanceOrder", number)
        self.assertEqual((status, answer["d"]["ReleaseMaintenanceOrder"]["IsInvalid"]), (200, False))
        self.assertEqual(self.call("ReleaseMaintenanceOrder", number)[0], 400)

    def test_refusals(self) -> None:
        number = self.create()["MaintenanceOrder"]
        self.assertEqual(self.get(f"{SET}('4711')")[0], 404)
        status, answer, _ = self.write("POST", SET, {**REQUIRED, "MaintenanceOrderDesc": "x" * 41})
        self.assertEqual((status, answer["error"]["code"]), (400, "ASSERT_DATA_TYPE"))
        self.assertEqual(self.write("POST", SET, {**REQUIRED, "Priority": "1"})[0], 400)
        self.assertEqual(self.get(SET, filter="Priority eq '1'")[0], 400)
        self.assertEqual(self.write("DELETE", f"{SET}('{number}')", If_Match="*")[0], 405)
        status, answer, _ = self.get(SET, filter="SystemStatusText eq 'REL'")
        self.assertEqual((status, "not implemented" in answer["error"]["message"]["value"]), (501, True))

    def test_batch_with_one_query(self) -> None:
        number = self.create()["MaintenanceOrder"]
        inner = f"GET MaintenanceOrder('{number}')?$format=json HTTP/1.1\r\n\r\n"
        part = f"--b\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n{inner}\r\n--b--\r\n"
        headers = {**JSON, **self.session, "Content-Type": "multipart/mixed; boundary=b"}
        status, body, answer = self.raw("POST", ORDERS_2 + "/$batch", part.encode(), headers)
        self.assertEqual((status, answer["content-type"].split(";")[0]), (202, "multipart/mixed"))
        self.assertIn(b"HTTP/1.1 200 OK", body)
        self.assertIn(b'"MaintenanceOrder":"4000001"', body)


if __name__ == "__main__":
    unittest.main()
