"""The Mobility Work simulator's bulk requests: spare parts, stock, equipment."""

from __future__ import annotations

import time
import unittest

from tests.mobility_work_support import MobilityWorkTest

MINIMUM = {
    "name": "SP min",
    "description": "New spare part with minimum info",
    "externalReference": "my-ref-sp-min",
    "unitPrice": {"amount": 42000, "currency": "EUR"},
    "currentStock": {"location": "building #1", "quantity": 33},
}
COMPLETE = {
    "name": "SP complete",
    "description": "New spare part with all info",
    "externalReference": "my-ref-sp-all",
    "unitPrice": {"amount": 9000, "currency": "USD"},
    "currentStock": {"location": "building #1", "quantity": 806},
    "minimumStock": 10,
    "maximumStock": 1000,
    "gtin": "9782070363513",
    "costCenter": "stock",
}
RECOUNT = "/spare-parts/physical-recount/bulk"


class PartsTest(MobilityWorkTest):
    def parts(self) -> dict[str, dict]:
        return {part["externalReference"]: part for part in self.control("GET", "parts")}

    def update(self, reference: str = "my-ref-sp-all", **changes: object) -> dict:
        self.assertIsNone(self.post("/spare-parts/attributes", [{"id": reference, **changes}]))
        return self.parts()[reference]


class Creation(PartsTest):
    def test_the_documents_sample(self) -> None:
        self.assertIsNone(self.post("/spare-parts", [MINIMUM, COMPLETE]))
        parts = self.parts()
        complete, minimum = parts["my-ref-sp-all"], parts["my-ref-sp-min"]
        for name in set(COMPLETE) - {"currentStock"}:
            self.assertEqual(complete[name], COMPLETE[name])
        self.assertEqual((complete["location"], complete["stock"], minimum["stock"]), ("building #1", 806, 33))
        self.assertEqual((minimum["minimumStock"], minimum["tags"], minimum["customFields"]), (None, [], []))

    def test_what_is_wrong_is_named_by_item(self) -> None:
        wrong = [
            MINIMUM,
            MINIMUM | {"name": "", "unitPrice": {"amount": 1.5, "currency": "EUR"}, "colour": "red"},
            {"name": "x"},
            "text",
            MINIMUM | {"currentStock": {"quantity": 1}, "gtin": "12", "minimumStock": -1, "tags": []},
        ]
        errors = self.problems("/spare-parts", wrong)
        self.assertEqual(errors["global_errors"], ['Unknown property "[1].colour"', 'Unknown property "[4].tags"'])
        names = {"[1].name", "[1].unitPrice", "[3]", "[4].currentStock", "[4].gtin", "[4].minimumStock"}
        names |= {f"[2].{name}" for name in set(MINIMUM) - {"name"}}
        self.assertEqual(set(errors["property_errors"]), names)
        self.assertEqual(self.parts(), {}, "nothing is processed when any item is wrong")

    def test_money_is_an_integer_and_a_currency(self) -> None:
        amounts = [{"amount": amount, "currency": "EUR"} for amount in ("3500", 35.5, True, None)]
        for wrong in (*amounts, {"amount": 3500}, {"amount": 3500, "currency": "euro"}, 35, None):
            self.assertEqual(list(self.problems("/spare-parts", [MINIMUM | {"unitPrice": wrong}])["property_errors"]), ["[0].unitPrice"])

    def test_number_of_items(self) -> None:
        for path in ("/spare-parts", "/spare-parts/attributes", RECOUNT, "/equipment/attributes"):
            for wrong in ([], {}, None, [{"id": "x"}] * 10_001):
                self.assertEqual(len(self.problems(path, wrong)["global_errors"]), 1)

    def test_doubles_are_allowed_and_shown(self) -> None:
        self.post("/spare-parts", [MINIMUM])
        self.post("/spare-parts", [MINIMUM])
        self.assertEqual(self.control("GET", "summary")["doubled_parts"], {"my-ref-sp-min": 2})

    def test_one_ledger_entry_for_a_request(self) -> None:
        self.post("/spare-parts", [MINIMUM, COMPLETE])
        self.post("/spare-parts/attributes", [{"id": "my-ref-sp-min"}] * 3)
        entries = [entry["written"] for entry in self.control("GET", "ledger?written=true")]
        self.assertEqual([(entry["kind"], entry["items"]) for entry in entries], [("create", 2), ("update", 3)])


class Attributes(PartsTest):
    def setUp(self) -> None:
        super().setUp()
        self.control("POST", "parts/create", {"parts": [MINIMUM, COMPLETE]})

    def test_omitted_is_unchanged_and_null_clears(self) -> None:
        before = self.parts()["my-ref-sp-all"]
        self.assertEqual(self.update(), before)
        self.assertEqual(self.update(name="Rotor"), before | {"name": "Rotor"})
        clearable = ("description", "unitPrice", "minimumStock", "maximumStock", "replenishmentLot", "gtin", "costCenter")
        cleared = self.update(**dict.fromkeys(clearable))
        self.assertEqual({name: cleared[name] for name in clearable}, dict.fromkeys(clearable))
        for name in ("name", "externalReference", "id"):
            self.assertIn(f"[0].{name}", self.problems("/spare-parts/attributes", [{"id": "my-ref-sp-all", name: None}])["property_errors"])

    def test_tags(self) -> None:
        steps = [
            (["rubber", "heavy"], ["rubber", "heavy"]),
            ([{"operation": "add", "values": ["new", "heavy"]}, {"operation": "remove", "values": ["rubber"]}], ["heavy", "new"]),
            ([{"operation": "replace", "values": ["a", "b"]}], ["a", "b"]),
            ([{"operation": "remove", "values": ["unheard of"]}], ["a", "b"]),
            ([], []),
        ]
        for tags, expected in steps:
            self.assertEqual(self.update(tags=tags)["tags"], expected)
        self.update(tags=["x"])
        self.assertEqual(self.update(tags=None)["tags"], [])
        for wrong in ("x", [1], [{"operation": "set", "values": []}], ["x", {"operation": "add", "values": []}], [{"operation": "add"}]):
            self.problems("/spare-parts/attributes", [{"id": "my-ref-sp-all", "tags": wrong}])

    def test_custom_fields(self) -> None:
        fields = [{"field": "$manufacturer", "value": "Siemens"}, {"field": "valuation-class", "value": "P"}]
        self.assertEqual(self.update(customFields=fields)["customFields"], fields)
        self.assertEqual(self.update(name="Rotor")["customFields"], fields)
        self.assertEqual(self.update(customFields=[])["customFields"], [])
        for wrong in ({"$manufacturer": "x"}, [{"field": "", "value": "x"}], [{"field": "x"}], [{"field": "x", "value": 1}]):
            self.problems("/spare-parts/attributes", [{"id": "my-ref-sp-all", "customFields": wrong}])

    def test_identifiers(self) -> None:
        self.update("my-ref-sp-min", name="Bare")
        self.post("/spare-parts/attributes", [{"id": {"type": "externalReference", "value": "my-ref-sp-all"}, "name": "Typed"}])
        self.assertEqual([part["name"] for part in self.parts().values()], ["Bare", "Typed"])
        for wrong in (1, "", True, {"type": "native", "value": 1}, {"type": "externalReference", "value": 1}, {"value": "my-ref-sp-all"}):
            self.assertIn("[0].id", self.problems("/spare-parts/attributes", [{"id": wrong}])["property_errors"])
        self.assertIn("[0].id", self.problems("/spare-parts/attributes", [{"name": "x"}])["property_errors"])

    def test_the_reference_itself_can_change(self) -> None:
        self.post("/spare-parts/attributes", [{"id": "my-ref-sp-min", "externalReference": "new"}, {"id": "new", "name": "Found"}])
        self.assertEqual(self.parts()["new"]["name"], "Found")
        self.assertNotIn("my-ref-sp-min", self.parts())

    def test_unknown_parts_are_dropped_without_a_word(self) -> None:
        self.post("/spare-parts/attributes", [{"id": "nowhere", "name": "x"}, {"id": "my-ref-sp-min", "name": "Here"}])
        self.post(RECOUNT, [{"id": "nowhere", "quantity": 1}])
        self.assertEqual(self.parts()["my-ref-sp-min"]["name"], "Here")
        dropped = [(item["resource"], item["id"], item["reason"]) for item in self.control("GET", "dropped")]
        self.assertEqual(dropped, [("spare-parts", "nowhere", "unknown"), ("stock", "nowhere", "unknown")])

    def test_processing_takes_its_time(self) -> None:
        self.settings(bulk_delay=0.15)
        before = self.parts()
        self.post(RECOUNT, [{"id": "my-ref-sp-min", "quantity": 1}])
        self.assertEqual(self.parts(), before)
        self.wait_for(lambda: self.parts()["my-ref-sp-min"]["stock"] == 1)


class Stock(PartsTest):
    def test_replaced_on_every_part_with_the_code(self) -> None:
        self.post("/spare-parts", [MINIMUM, MINIMUM, COMPLETE])
        self.post(RECOUNT, [{"id": "my-ref-sp-min", "quantity": 9}])
        self.assertEqual([part["stock"] for part in self.control("GET", "parts")], [9, 9, 806])

    def test_identifiers(self) -> None:
        self.post("/spare-parts", [MINIMUM])
        native = self.control("GET", "parts")[0]["id"]
        types = [{"type": name, "value": "my-ref-sp-min"} for name in ("itemCode", "externalReference")]
        for place, identifier in enumerate((*types, native, {"type": "native", "value": native})):
            for path in (RECOUNT, "/spare-parts/movements/bulk"):
                self.post(path, [{"id": identifier, "quantity": place + 1}])
            self.assertEqual(self.control("GET", "parts")[0]["stock"], place + 1)
        for wrong in ({}, {"quantity": -1}, {"quantity": 1.5}, {"quantity": 1, "location": "x"}):
            self.problems(RECOUNT, [{"id": "my-ref-sp-min", **wrong}])
        self.problems(RECOUNT, [{"quantity": 1}])

    def test_relocation(self) -> None:
        self.post("/spare-parts", [MINIMUM, COMPLETE | {"currentStock": {"location": "building #2", "quantity": 1}}])
        identifier = self.control("GET", "parts")[0]["sparePartId"]
        item = {"sparePartId": identifier, "source": {"locationName": "building #1"}, "target": {"locationName": "building #2"}}
        self.post("/spare-parts/relocate/bulk", [item, item, item | {"sparePartId": "nowhere"}])
        self.assertEqual((self.parts()["my-ref-sp-min"]["location"], self.parts()["my-ref-sp-min"]["stock"]), ("building #2", 33))
        nowhere = {"sparePartId": identifier, "source": item["target"], "target": {"locationName": "the moon"}}
        self.post("/spare-parts/relocate/bulk", [nowhere])
        reasons = [item["reason"] for item in self.control("GET", "dropped")]
        self.assertEqual(reasons, ["not at the source location", "unknown", "unknown target location"])
        for wrong in (item | {"source": "building #1"}, item | {"quantity": 1}, {"sparePartId": identifier}):
            self.problems("/spare-parts/relocate/bulk", [wrong])

    def test_ten_thousand_changes_are_fast(self) -> None:
        self.control("POST", "parts/create", {"parts": [{"externalReference": "SP"}], "count": 10_000})
        requests = [
            (RECOUNT, [{"id": f"SP-{number}", "quantity": number} for number in range(1, 10_001)]),
            ("/spare-parts/attributes", [{"id": f"SP-{number}", "name": f"Part {number}"} for number in range(1, 10_001)]),
            ("/spare-parts", [MINIMUM | {"externalReference": f"NEW-{number}"} for number in range(1, 10_001)]),
        ]
        started = time.monotonic()
        for path, document in requests:
            self.post(path, document)
        self.assertLess(time.monotonic() - started, 10)
        parts = self.parts()
        self.assertEqual((len(parts), parts["SP-77"]["stock"], parts["SP-10000"]["name"]), (20_000, 77, "Part 10000"))


class EquipmentAttributes(MobilityWorkTest):
    def equipment(self, number: int) -> dict:
        return next(row for row in self.control("GET", "equipment") if row["id"] == number)

    def test_the_documents_sample(self) -> None:
        everything = {
            "name": "My equipment all info",
            "description": "my equipment with all info",
            "gtin": "00012345678905",
            "costCenter": "Outpost",
            "tags": ["$preventive"],
            "customFields": [{"field": "custom-field-code", "value": "Siemens"}],
        }
        self.post("/equipment/attributes", [{"id": {"type": "native", "value": 7}, **everything}])
        self.assertEqual({name: self.equipment(7)[name] for name in everything}, everything)
        second = [{"id": 7, "customFields": []}, {"id": {"type": "externalReference", "value": "EQ-0008"}, "description": "by item code"}]
        self.post("/equipment/attributes", [*second, {"id": "EQ-0009", "costCenter": None}, {"id": "EQ-9999", "name": "x"}])
        self.assertEqual((self.equipment(7)["customFields"], self.equipment(7)["name"]), ([], everything["name"]))
        self.assertEqual((self.equipment(8)["description"], self.equipment(9)["costCenter"]), ("by item code", None))
        self.assertEqual([item["id"] for item in self.control("GET", "dropped")], ["EQ-9999"])

    def test_what_is_wrong(self) -> None:
        operations = [{"operation": "add", "values": ["x"]}]
        wrong = [{"id": 7, "tags": operations}, {"id": {"type": "external", "value": "EQ-0008"}}, {"name": "x"}, {"id": 7, "name": None}]
        errors = self.problems("/equipment/attributes", [*wrong, {"id": 7, "itemCode": "x"}])
        self.assertEqual(set(errors["property_errors"]), {"[0].tags", "[1].id", "[2].id", "[3].name"})
        self.assertEqual(errors["global_errors"], ['Unknown property "[4].itemCode"'])


if __name__ == "__main__":
    unittest.main()
