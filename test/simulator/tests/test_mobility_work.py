"""The Mobility Work simulator against the public document: keys, plans, quotas, tasks and their search."""

from __future__ import annotations

import json
import unittest
import uuid
from urllib.parse import parse_qs, urlsplit

from tests.mobility_work_support import API_KEY, BASE, HEADERS, MobilityWorkTest


class Access(MobilityWorkTest):
    def test_key_is_checked(self) -> None:
        for given in ({}, {"Api-Key": "wrong"}, {"Api-Key": "é"}, {"Authorization": f"Bearer {API_KEY}"}):
            headers = {name: value for name, value in HEADERS.items() if name != "Api-Key"} | given
            status, answer, _ = self.call("GET", "/tasks/search", headers=headers)
            self.assertEqual((status, answer), (401, {"code": 401001, "message": "Authentication error"}))
        self.settings(api_key="rotated")
        self.assertEqual(self.call("GET", "/tasks/search")[0], 401)

    def test_answers_are_minified_and_announce_no_rate_limit(self) -> None:
        self.connection.request("GET", BASE + "/network", headers=HEADERS)
        answer = self.connection.getresponse()
        content = answer.read()
        self.assertEqual(content, json.dumps(json.loads(content), separators=(",", ":")).encode())
        self.assertEqual(list(json.loads(content)), ["networkId", "legacyNetworkId", "name", "timezone", "currency"])
        self.assertFalse([name for name in answer.headers if "rate" in name.lower() or name.lower() == "retry-after"])

    def test_rate_limit(self) -> None:
        self.control("POST", "rate_limit", {"limit": 1})
        self.addCleanup(self.control, "POST", "rate_limit", {"limit": 0})
        self.assertEqual(self.call("GET", "/network")[0], 200)
        status, answer, headers = self.call("GET", "/network")
        self.assertEqual((status, answer["code"], "retry-after" in headers), (429, 429001, True))

    def test_unknown_paths_and_methods(self) -> None:
        self.schedule()
        identifier = self.search()["_items"][0]["taskId"]
        for path in (f"/tasks/{identifier}", f"/tasks/{identifier}/cancel", "/spare-parts/1", "/equipment", "/networks"):
            for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
                self.assertEqual(self.call(method, path, {} if method != "GET" else None)[0], 404, (method, path))
        for method, path in (("GET", "/tasks"), ("PUT", "/spare-parts/attributes"), ("POST", "/tasks/search"), ("DELETE", "/network")):
            self.assertEqual(self.call(method, path)[0], 405, (method, path))

    def test_body_must_be_strict_json(self) -> None:
        for raw in (b"{", b"", b'{"description":"a","description":"b"}', b'{"description":"\xff"}', b'{"allDay":NaN}'):
            self.assertEqual(self.call("POST", "/tasks", raw=raw)[0], 400, raw)
        for kind in (None, "text/plain"):
            headers = {name: value for name, value in (HEADERS | {"Content-Type": kind}).items() if value}
            self.assertEqual(self.call("POST", "/tasks", {"description": "abc", "assignees": [3]}, headers)[0], 415)
        headers = HEADERS | {"Content-Type": "application/json; charset=utf-8"}
        self.assertEqual(self.call("POST", "/tasks", {"description": "abc", "assignees": [3]}, headers)[0], 201)

    def test_plans(self) -> None:
        paid = ("/spare-parts/physical-recount/bulk", "/spare-parts/movements/bulk", "/spare-parts/relocate/bulk", "/equipment/attributes")
        self.settings(plan="starter")
        for path in paid:
            self.assertEqual(self.post(path, [], 403), {"code": 403001, "message": "Subscription plan does not allow to use that API"})
        self.assertEqual(self.call("POST", "/spare-parts", [])[0], 400)
        self.schedule()
        self.assertEqual(self.events(), [], "webhooks are for premium and ultimate")
        self.settings(plan="premium")
        for path in paid:
            self.post(path, [], 400)

    def test_unknown_settings_are_refused(self) -> None:
        for wanted in ({"plan": "gold"}, {"plam": "premium"}, {"port": 1}):
            self.assertEqual(self.request("POST", "/__control/settings", wanted, {})[0], 400)


class QuotaRules(MobilityWorkTest):
    def test_tasks_of_the_month(self) -> None:
        for plan, limit in (("starter", 100), ("premium", 500), ("ultimate", 50_000)):
            self.settings(plan=plan)
            self.assertEqual(self.control("GET", "quota")["tasks"], {"used": 0, "limit": limit})
        self.control("POST", "quota", {"tasks": {"used": 49_999}})
        self.post("/tasks", {"description": "ab", "assignees": [3]}, 400)
        self.schedule()
        answer = self.post("/tasks", {"description": "abc", "assignees": [3]}, 403)
        self.assertIn("quota", answer["message"])
        self.settings(quota_status=429)
        self.post("/tasks", {"description": "abc", "assignees": [3]}, 429)
        self.assertEqual(len(self.found()), 1)
        self.control("POST", "quota", {"tasks": {"limit": 60_000}})
        self.schedule()
        self.assertEqual(self.control("POST", "quota", {"tasks": {"limit": None}})["tasks"], {"used": 50_001, "limit": 50_000})

    def test_stock_updates_of_the_month(self) -> None:
        path, document = "/spare-parts/physical-recount/bulk", [{"id": "a", "quantity": 1}, {"id": "b", "quantity": 1}]
        self.settings(plan="premium")
        self.control("POST", "quota", {"stock_updates": {"used": 999}})
        self.post(path, document)
        self.post(path, document, 403)
        self.control("POST", "quota", {"stock_updates": {"used": 997}})
        self.settings(stock_quota_unit="items")
        self.post(path, document)
        self.post(path, document, 403)
        self.settings(plan="ultimate")
        self.post(path, document)


class Scheduling(MobilityWorkTest):
    sample = {
        "equipment": 9,
        "description": "API Task creation",
        "startDateTime": "2022-01-11T09:00:00+00:00",
        "endDateTime": "2022-01-11T10:00:00+00:00",
        "allDay": False,
        "assignees": [3, "john.doe@example.com"],
    }

    def test_the_documents_sample_answers_null(self) -> None:
        self.connection.request("POST", BASE + "/tasks", json.dumps(self.sample), HEADERS)
        answer = self.connection.getresponse()
        self.assertEqual((answer.status, answer.read(), answer.headers["Location"]), (201, b"null", None))
        self.settings(create_status=202)
        self.assertIsNone(self.post("/tasks", self.sample))

    def test_what_the_search_shows(self) -> None:
        metadata = {"internalIdentifier": 1234, "nested": [None, {"é": "\U0001f6a7"}]}
        self.post("/tasks", self.sample | {"metadata": metadata, "tags": [101, "toto", {"type": "code", "value": "regulatory"}]}, 201)
        self.schedule("Without anything else")
        bare, item = self.search()["_items"]
        names = "taskId taskShortId taskState description schedule assignees tags scheduledBy associatedTo metadata createdAt completedAt"
        self.assertEqual(list(item), names.split())
        self.assertRegex(item["taskId"], "^[0-9a-f]{8}$")
        self.assertEqual((item["taskState"], item["metadata"], item["completedAt"]), ("scheduled", metadata, None))
        self.assertEqual(item["schedule"], {"from": self.sample["startDateTime"], "to": self.sample["endDateTime"]})
        self.assertEqual([user["email"] for user in item["assignees"]["individuals"]], ["john.doe@example.com"] * 2)
        self.assertEqual([tag["code"] for tag in item["tags"]], ["$preventive", "toto", "regulatory"])
        self.assertEqual(set(item["tags"][0]), {"code", "name", "groupId", "groupName"})
        associated = item["associatedTo"]
        self.assertEqual((associated["legacyId"], associated["itemCode"], associated["costCenter"]), (9, "EQ-0009", "Outpost"))
        self.assertEqual(list(associated), ["_type", "type", "id", "legacyId", "itemCode", "name", "costCenter"])
        self.assertEqual((bare["associatedTo"], bare["metadata"], bare["tags"]), (None, [], []))

    def test_the_documents_errors(self) -> None:
        errors = self.problems("/tasks", {"description": "ab", "equipment": 99_999, "assignees": []})
        expected = {
            "description": ["The description should be between 3 and 3000 characters"],
            "equipment": ["Unknown equipment"],
            "assignees": ["There should be at least one assignee"],
        }
        self.assertEqual(errors, {"global_errors": [], "property_errors": expected})
        self.assertEqual(set(self.problems("/tasks", {})["property_errors"]), {"description", "assignees"})

    def test_length_of_the_description_is_in_characters(self) -> None:
        self.schedule("é" * 3000)
        self.schedule("\U0001f6a7" * 3)
        for wrong in ("é" * 3001, "ab", None, 123):
            self.assertIn("description", self.problems("/tasks", {"description": wrong, "assignees": [3]})["property_errors"])

    def test_identifiers(self) -> None:
        good = {
            "assignees": ([3, "John.Doe@example.com"], [{"type": "native", "value": 3}], [{"type": "email", "value": "john.doe@example.com"}]),
            "equipment": (9, "EQ-0009", {"type": "native", "value": 9}, {"type": "external", "value": "EQ-0009"}, None),
            "tags": ([], [101, "toto"], [{"type": "native", "value": 101}, {"type": "code", "value": "$preventive"}]),
        }
        for name, values in good.items():
            for value in values:
                self.schedule(**{name: value})
        wrong = {
            "assignees": (3, ["john"], [True], [3.5], [99], ["nobody@example.com"], [{"type": "code", "value": "x"}], [{"value": 3}]),
            "equipment": (True, 9.0, "", "EQ-9", [9], {"type": "externalReference", "value": "EQ-0009"}, {"type": "native", "value": "9"}),
            "tags": ("toto", [""], ["unheard of"], [{"type": "native", "value": "toto"}], [{"type": "code", "value": "toto", "x": 1}]),
        }
        for name, values in wrong.items():
            for value in values:
                errors = self.problems("/tasks", {"description": "abc", "assignees": [3], name: value})
                self.assertEqual(list(errors["property_errors"]), [name], value)
        inferred = self.problems("/tasks", {"description": "abc", "assignees": ["john"]})["property_errors"]["assignees"]
        self.assertEqual(inferred, ["The type of the identifier cannot be inferred"])

    def test_other_properties(self) -> None:
        errors = self.problems("/tasks", {"description": "abc", "assignees": [3], "priority": "high", "title": "x"})
        self.assertEqual(errors["global_errors"], ['Unknown property "priority"', 'Unknown property "title"'])
        wrong = {
            "startDateTime": ("2022-01-11", "2022-01-11T09:00:00", "2022-01-11T09:00:00.5Z", "2022-02-30T09:00:00Z", 1, None),
            "allDay": ("false", 0, None),
        }
        for name, values in wrong.items():
            for value in values:
                errors = self.problems("/tasks", {"description": "abc", "assignees": [3], name: value})
                self.assertEqual(list(errors["property_errors"]), [name], value)
        backwards = {"startDateTime": "2022-01-11T10:00:00+02:00", "endDateTime": "2022-01-11T09:00:00+02:00"}
        self.assertIn("endDateTime", self.problems("/tasks", self.sample | backwards)["property_errors"])
        self.assertEqual(self.problems("/tasks", [self.sample])["global_errors"], ["The request should be an object"])
        self.settings(also_required=["equipment"])
        self.assertIn("equipment", self.problems("/tasks", {"description": "abc", "assignees": [3]})["property_errors"])


class Search(MobilityWorkTest):
    def fill(self, count: int, **wanted: object) -> list[dict]:
        return self.control("POST", "orders/create", {"count": count, **wanted})

    def test_links_are_an_array_and_absolute(self) -> None:
        self.fill(435)
        answer = self.search(page=5, size=5)
        self.assertEqual(list(answer), ["_links", "_items", "_pagination"])
        expected = {"totalItemCount": 435, "totalPageCount": 87, "itemCountPerPage": 5, "currentPage": 5, "currentItemCount": 5}
        self.assertEqual(answer["_pagination"], expected)
        links = {link["rel"]: link["href"] for link in answer["_links"]}
        base = "https://api.mobility-work.com/partners/v1/tasks/search?page={}&size=5"
        self.assertEqual(links, {"self": base.format(5), "next": base.format(6), "prev": base.format(4)})

    def test_following_next_gives_every_task_once(self) -> None:
        for first_page in (0, 1):
            self.control("POST", "reset")
            self.settings(first_page=first_page)
            created = [task["id"] for task in self.fill(43)]
            path, seen = "/tasks/search?size=10&sort=createdAt.asc&taskAssignees=zo%C3%AB.m%C3%BCller%40example.com%2C3", []
            while path:
                status, answer, _ = self.call("GET", path)
                self.assertEqual(status, 200, answer)
                seen += [item["taskId"] for item in answer["_items"]]
                following = [urlsplit(link["href"]) for link in answer["_links"] if link["rel"] == "next"]
                path = f"{following[0].path.removeprefix(BASE)}?{following[0].query}" if following else ""
            self.assertEqual(sorted(seen), sorted(created))
            self.assertEqual(answer["_pagination"]["currentPage"], first_page + 4)
        self.assertEqual(self.call("GET", "/tasks/search?page=0")[0], 400)

    def test_page_size(self) -> None:
        self.fill(120)
        self.assertEqual(len(self.found()), 20)
        answer = self.search(size=1000)
        self.assertEqual((len(answer["_items"]), answer["_pagination"]["itemCountPerPage"]), (100, 100))
        beyond = self.search(page=9, size=100)
        self.assertEqual((beyond["_items"], [link["rel"] for link in beyond["_links"]]), ([], ["self", "prev"]))
        for query in ("page=-1", "page=x", "size=0", "size="):
            self.assertEqual(self.call("GET", f"/tasks/search?{query}")[0], 400, query)

    def test_sort(self) -> None:
        starts = ["2030-01-02T00:00:00Z", "2030-01-01T00:00:00Z", "2030-01-03T00:00:00Z"]
        orders = [{"description": f"Task {place}", "startDateTime": start} for place, start in enumerate(starts)]
        ids = [task["id"] for task in self.fill(1, orders=orders, created_at="2029-01-01T00:00:00Z", step_seconds=1)]
        change = {"ids": [ids[2], ids[0]], "set": {"state": "completed"}, "updated_at": "2029-06-01T00:00:00Z", "step_seconds": 60}
        self.control("POST", "orders/change", change)
        expected = {
            "createdAt.asc": "012",
            "createdAt.desc": "210",
            "scheduledFrom.asc": "102",
            "scheduledFrom.desc": "201",
            "completedAt.asc": "201",
            "completedAt.desc": "021",
        }
        for sort, order in expected.items():
            self.assertEqual([text[-1] for text in self.found(sort=sort)], list(order), sort)
        for wrong in ("createdAt", "updatedAt.desc", "createdAt.up"):
            self.assertEqual(self.call("GET", f"/tasks/search?sort={wrong}")[0], 400, wrong)

    def test_ties_are_newest_first_in_both_directions(self) -> None:
        ids = [task["id"] for task in self.fill(5, created_at="2029-01-01T00:00:00Z")]
        for direction in ("asc", "desc"):
            self.assertEqual([item["taskId"] for item in self.search(sort=f"createdAt.{direction}")["_items"]], ids[::-1])

    def test_filters(self) -> None:
        self.schedule("January", startDateTime="2030-01-15T00:00:00Z", tags=["toto"], assignees=[3])
        self.schedule("February", startDateTime="2030-02-15T00:00:00Z", tags=["toto", "regulatory"], assignees=["jane.roe@example.com"])
        self.schedule("March", startDateTime="2030-03-15T00:00:00Z", tags=["regulatory"], assignees=[3, 4])
        expected = [
            ({"scheduledFrom": "2030-02-15T00:00:00+00:00"}, ["March", "February"]),
            ({"scheduledTo": "2030-02-14T23:59:59+00:00"}, ["January"]),
            ({"taskAssignees": "john.doe@example.com"}, ["March", "January"]),
            ({"taskAssignees": "john.doe@example.com,jane.roe@example.com"}, ["March", "February", "January"]),
            ({"taskTags": "toto,regulatory"}, ["March", "February", "January"]),
            ({"taskTags": "toto,regulatory", "taskTagsOperator": "and"}, ["February"]),
            ({"taskTags": "toto", "scheduledFrom": "2030-02-01T00:00:00+00:00"}, ["February"]),
        ]
        for query, descriptions in expected:
            self.assertEqual(self.found(**query), descriptions, query)

    def test_badly_encoded_and_unknown_parameters(self) -> None:
        unencoded = ("scheduledFrom=2030-02-15T00:00:00+00:00", "taskAssignees=john.doe@example.com")
        for query in (*unencoded, "taskTagsOperator=xor", "scheduledTo=now"):
            self.assertEqual(self.call("GET", f"/tasks/search?{query}")[0], 400, query)
        self.schedule()
        self.assertEqual(len(self.found(updatedFrom="2099-01-01T00:00:00Z")), 1, "an unknown filter is ignored and everything comes back")
        self.settings(unknown_parameter="refuse")
        self.assertEqual(self.call("GET", "/tasks/search?updatedFrom=x")[0], 400)

    def test_links_keep_the_filter(self) -> None:
        for _ in range(3):
            self.schedule(tags=["toto"])
        link = self.search(size=1, taskTags="toto,regulatory")["_links"][1]["href"]
        self.assertEqual(parse_qs(urlsplit(link).query), {"page": ["1"], "size": ["1"], "taskTags": ["toto,regulatory"]})

    def test_a_task_becomes_visible_later(self) -> None:
        self.settings(search_delay=0.15)
        self.schedule()
        self.assertEqual(self.found(), [])
        self.assertEqual([order["visible"] for order in self.control("GET", "orders")], [False])
        self.wait_for(self.found)

    def test_the_searchs_own_identifier(self) -> None:
        self.settings(search_task_id="uuid")
        self.schedule()
        item = self.search()["_items"][0]
        uuid.UUID(item["taskId"])
        self.assertEqual(item["taskShortId"], self.webhooks()[0]["taskId"])


class Control(MobilityWorkTest):
    def test_references_and_doubles(self) -> None:
        first, second = str(uuid.uuid4()), str(uuid.uuid4())
        for reference in (first, second, first):
            self.schedule(metadata={"reference": reference})
        self.schedule(f"In the text [{second}]", metadata={"internalIdentifier": 1})
        self.assertEqual([order["reference"] for order in self.control("GET", "orders")], [first, second, first, second])
        summary = self.control("GET", "summary")
        self.assertEqual((summary["creates"], summary["orders"]), (4, 4))
        self.assertEqual({reference: len(ids) for reference, ids in summary["doubled"].items()}, {first: 2, second: 2})
        self.assertEqual(summary["doubled_orders"], {first: 2, second: 2})
        entry = self.control("GET", "ledger?written=true&limit=1")[0]
        self.assertEqual((entry["written"]["id"], entry["headers"]["api-key"]), (self.control("GET", "orders")[0]["id"], "***"))

    def test_changes_that_nothing_tells_of(self) -> None:
        identifier = self.control("POST", "orders/create", {"orders": [{"description": "Before", "equipment": 9}]})[0]["id"]
        change = {"ids": [identifier], "set": {"equipment": "EQ-0010", "assignees": [4], "metadata": {"a": 1}}, "append_description": " *"}
        changed = self.control("POST", "orders/change", change)[0]
        self.assertEqual((changed["description"], changed["associatedTo"]["legacyId"], changed["metadata"]), ("Before *", 10, {"a": 1}))
        self.assertEqual(self.events(), ["TaskWasScheduled"])
        nobody = {"by": 99, "set": {"state": "started"}}
        for wrong in ({"set": {"state": "scheduled"}}, {"set": {"description": "x"}}, {"ids": ["nothing"]}, nobody):
            self.assertEqual(self.request("POST", "/__control/orders/change", wrong, {})[0], 400, wrong)

    def test_account_can_be_set(self) -> None:
        self.control("POST", "users", [{"id": 70, "email": "A@b.example", "firstName": "A", "lastName": "B"}])
        self.control("POST", "tags", [{"id": 1, "code": "own"}])
        self.control("POST", "equipment", [{"id": 7111, "itemCode": "PRESS-1", "name": "Press"}])
        self.schedule(assignees=["a@b.example"], tags=["own"], equipment="PRESS-1")
        self.problems("/tasks", {"description": "abc", "assignees": [3]})
        self.control("POST", "reset")
        self.schedule(assignees=[3])
        self.problems("/tasks", {"description": "abc", "assignees": [3], "equipment": 7111})

    def test_ten_thousand_tasks(self) -> None:
        self.control("POST", "orders/create", {"count": 10_000})
        self.assertEqual(self.search(size=100, page=99)["_pagination"]["currentItemCount"], 100)
        change = {"count": 500, "offset": 1000, "set": {"state": "started"}}
        self.assertEqual(len(self.control("POST", "orders/change", change)), 500)
        self.assertEqual(len(self.webhooks(since=10_000)), 500)


if __name__ == "__main__":
    unittest.main()
