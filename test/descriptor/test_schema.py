"""providers/schema.json against the shipped descriptors, and against the strict reader that the extension uses.

Each descriptor is spoilt in every way that one mistyped member is: removed, renamed, of another type, one too many. The schema and the
reader (the program named by DESCRIPTOR_JUDGE) must then say the same.
"""

from __future__ import annotations

import copy
import json
import os
import re
import subprocess
import unittest
from collections.abc import Iterator
from pathlib import Path

from jsonschema import Draft202012Validator

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "providers/schema.json").read_text(encoding="utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)

# What only the reader can know, by what it says: how the parts of a descriptor refer to one another, and the small languages inside.
ONLY_THE_READER_KNOWS = [
    r"placeholder \{\w+\} is neither an option nor a credential",
    r"unknown resource ",
    r"none of the states",
    r"\.default: option ",  # that does not fit its own format
    r"value \".*\" cannot match as ",
    r"must both be bulk operations",
]

WRONG = {str: [7, {"unknown": "x"}, None], bool: ["true", None], int: ["1", -1, None], list: [{}, 7, None], dict: [[], "x", None]}


def documents() -> dict[str, dict]:
    files = [*sorted((ROOT / "providers").glob("*.json")), ROOT / "test/descriptor/complete.json"]
    return {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in files if file.stem != "schema"}


def resolved(schema: dict, where: str = "") -> list[tuple[str, dict]]:
    """The schema and those that it refers to, each with its name."""
    if "$ref" not in schema:
        return [(where, schema)]
    name = schema["$ref"].removeprefix("#/$defs/")
    return [(where, schema), *resolved(SCHEMA["$defs"][name], name)]


Place = tuple  # of member names and positions


def members(schema: dict, value: object, at: Place = (), where: str = "") -> Iterator[tuple[Place, str, dict]]:
    """Each member of a value, with the name of its place in the schema and what the schema says of it."""
    for where, part in resolved(schema, where):
        for branch in part.get("anyOf", []):
            if "$ref" in branch and VALIDATOR.evolve(schema=branch).is_valid(value):
                yield from members(branch, value, at, where)
        if isinstance(value, list) and "items" in part:
            for position, element in enumerate(value):
                yield from members(part["items"], element, (*at, position), f"{where}[]")
        if not isinstance(value, dict):
            continue
        for name, member in value.items():
            inner, place = part.get("properties", {}).get(name), f"{where}.{name}"
            if inner is None and isinstance(part.get("additionalProperties"), dict):
                inner, place = part["additionalProperties"], f"{where}.*"
            if inner is not None:
                yield (*at, name), place, inner
                yield from members(inner, member, (*at, name), place)


def words(schema: dict) -> list[str]:
    """Those that the schema allows here, where it lists them."""
    return [word for part in (schema, *schema.get("anyOf", [])) for word in part.get("enum", [])]


def container(document: dict, place: Place) -> object:
    for step in place[:-1]:
        document = document[step]
    return document


def spoilt(document: dict, place: Place, change) -> dict:
    other = copy.deepcopy(document)
    change(container(other, place), place[-1])
    return other


def set_to(value: object):
    return lambda parent, name: parent.__setitem__(name, value)


def rename(parent: dict, name: str) -> None:
    parent[f"{name}_"] = parent.pop(name)


def mutations(document: dict) -> Iterator[tuple[str, dict]]:
    """Every place of the schema once, however often it occurs in the document."""
    yield "$.unknown added", {**document, "unknown": "x"}
    seen = set()
    for place, where, schema in members(SCHEMA, document):
        value = container(document, place)[place[-1]]
        if (where, type(value)) in seen:
            continue
        seen.add((where, type(value)))
        name = ".".join(map(str, place))
        yield f"{name} removed", spoilt(document, place, lambda parent, last: parent.pop(last))
        yield f"{name} renamed", spoilt(document, place, rename)
        for wrong in WRONG[type(value)]:
            yield f"{name} = {wrong!r}", spoilt(document, place, set_to(wrong))
        if isinstance(value, dict):
            yield f"{name}.unknown added", spoilt(document, (*place, "unknown"), set_to("x"))
        elif isinstance(value, list):
            yield f"{name} with a number", spoilt(document, place, set_to([*value, 7]))
        for word in words(schema):
            yield f"{name} = {word!r}", spoilt(document, place, set_to(word))


def judge(candidates: list[dict]) -> list[str]:
    """What the reader says of each: "ok", or what is wrong."""
    lines = "".join(json.dumps(each) + "\n" for each in candidates)
    done = subprocess.run([os.environ["DESCRIPTOR_JUDGE"]], input=lines, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


class TheSchema(unittest.TestCase):
    def test_is_a_schema(self) -> None:
        Draft202012Validator.check_schema(SCHEMA)

    def test_describes_every_member(self) -> None:
        for name, definition in [("descriptor", SCHEMA), *SCHEMA["$defs"].items()]:
            for member, schema in definition.get("properties", {}).items():
                with self.subTest(definition=name, member=member):
                    self.assertTrue(any(part.get("description") for _, part in resolved(schema)))

    def test_accepts_the_shipped_descriptors(self) -> None:
        for name, document in documents().items():
            with self.subTest(name):
                self.assertEqual([f"{error.json_path}: {error.message}" for error in VALIDATOR.iter_errors(document)], [])
                self.assertEqual(judge([document]), ["ok"])

    def test_has_no_member_that_no_descriptor_shows(self) -> None:
        shown = {where for document in documents().values() for _, where, _ in members(SCHEMA, document)}
        known = {f"{name}.{member}" for name, definition in SCHEMA["$defs"].items() for member in definition.get("properties", {})}
        self.assertEqual(known - shown, set(), "test/descriptor/complete.json should have them")

    def test_says_what_the_reader_says(self) -> None:
        for name, document in documents().items():
            changes = list(mutations(document))
            answers = judge([candidate for _, candidate in changes])
            self.assertEqual(len(answers), len(changes))
            for (what, candidate), answer in zip(changes, answers):
                reader, schema = answer == "ok", VALIDATOR.is_valid(candidate)
                if schema and not reader and any(re.search(each, answer) for each in ONLY_THE_READER_KNOWS):
                    continue
                self.assertEqual(schema, reader, f"{name}: {what}: the reader says: {answer}")


if __name__ == "__main__":
    unittest.main()
