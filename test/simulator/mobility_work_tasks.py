"""Tasks: scheduling through the API, the search, and what users of Mobility Work do to a task afterwards."""

from __future__ import annotations

import argparse
import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Callable
from urllib.parse import quote

import mobility_work_fields as fields
import mobility_work_webhooks as webhooks
from mobility_work_account import Account, Equipment, Tag, User, now, stable_uuid

# The words of taskState are not documented: derived from the names of the events [I].
NEXT_STATES = {"scheduled": ("started", "completed", "canceled"), "started": ("completed", "canceled"), "completed": (), "canceled": ()}

DESCRIPTION_ERROR = "The description should be between 3 and 3000 characters"
ASSIGNEES_ERROR = "There should be at least one assignee"

SORTS = {
    "createdAt": lambda task: task.created_at,
    "completedAt": lambda task: task.completed_at,
    "scheduledFrom": lambda task: task.starts_at,
}


@dataclass
class Task:
    sequence: int
    short_id: str
    description: str
    starts_at: datetime
    ends_at: datetime
    assignees: list[User]
    tags: list[Tag]
    equipment: Equipment | None
    metadata: object
    scheduled_by: User
    created_at: datetime
    all_day: bool = False
    state: str = "scheduled"
    completed_at: datetime | None = None
    visible: bool = True  # in the search

    @property
    def text(self) -> str:
        """Where a client may have left its own reference."""
        return f"{self.description}\n{json.dumps(self.metadata, ensure_ascii=False)}"


class BadQuery(ValueError):
    """A search that the strict server refuses: (parameter, message)."""

    def __init__(self, parameter: str, message: str) -> None:
        super().__init__(message)
        self.parameter = parameter


class Tasks:
    def __init__(self, settings: argparse.Namespace, account: Account, outbox: webhooks.Outbox, later: webhooks.Later) -> None:
        self._settings = settings
        self._account = account
        self._outbox = outbox
        self._later = later
        self._last_sequence = 0
        self._last_activity = 19822  # the document's sample is 19823
        self.all: dict[str, Task] = {}

    # --- what a request may hold ------------------------------------------------------------------------------------------------

    def _existing(self, find: Callable, name: str, *types: str) -> fields.Check:
        check = fields.identifier(*types)

        def existing(value: object) -> object:
            found = find(check(value))
            if found is None:
                raise ValueError(f"Unknown {name}")
            return found

        return existing

    @staticmethod
    def _list(check: fields.Check) -> fields.Check:
        def every(value: object) -> object:
            if not isinstance(value, list):
                raise ValueError("This value should be an array")
            return [check(element) for element in value]

        return every

    def _checks(self) -> dict[str, fields.Check]:
        account = self._account
        assignees = self._list(self._existing(account.find_user, "assignee", "native", "email"))

        def description(value: object) -> object:
            if not isinstance(value, str) or not 3 <= len(value) <= 3000:
                raise ValueError(DESCRIPTION_ERROR)
            return value

        def at_least_one(value: object) -> object:
            if value is None or value == []:
                raise ValueError(ASSIGNEES_ERROR)
            return assignees(value)

        return {
            "description": description,
            "assignees": at_least_one,
            "equipment": fields.nullable(self._existing(account.find_equipment, "equipment", "native", "external")),
            "tags": self._list(self._existing(account.find_tag, "tag", "native", "code")),
            "startDateTime": fields.moment,
            "endDateTime": fields.moment,
            "allDay": fields.boolean,
            "metadata": lambda value: value,  # "any arbitrary data"
        }

    def validated(self, document: object, problems: fields.Problems, creating: bool = True) -> dict:
        if not isinstance(document, dict):
            problems.global_errors.append("The request should be an object")
            return {}
        values = fields.checked(document, self._checks(), tuple(self._settings.also_required) if creating else (), problems)
        for name, message in (("description", DESCRIPTION_ERROR), ("assignees", ASSIGNEES_ERROR)):
            if creating and name not in document:
                problems.add(name, message)
        if {"startDateTime", "endDateTime"} <= set(values) and values["endDateTime"] < values["startDateTime"]:
            problems.add("endDateTime", "The end should not be before the start")
        return values

    # --- scheduling -------------------------------------------------------------------------------------------------------------

    def schedule(self, values: dict, created_at: datetime | None = None, by: User | None = None) -> Task:
        created_at = created_at or now()
        by = by or self._account.key_owner
        start = values.get("startDateTime", created_at)
        self._last_sequence += 1
        # An odd factor maps every sequence number to another of the 2^32 identifiers.
        short_id = f"{self._last_sequence * 2654435761 % 2**32:08x}"
        task = Task(
            sequence=self._last_sequence,
            short_id=short_id,
            description=values["description"],
            starts_at=start,
            ends_at=values.get("endDateTime", start + timedelta(hours=1)),
            all_day=values.get("allDay", False),
            assignees=values["assignees"],
            tags=values.get("tags", []),
            equipment=values.get("equipment"),
            metadata=values.get("metadata", []),  # without metadata: what PHP makes of an empty map [I]
            scheduled_by=by,
            created_at=created_at,
            visible=False,
        )
        self.all[short_id] = task
        self._later(self._settings.search_delay, lambda: setattr(task, "visible", True))
        self._outbox.announce(webhooks.task_was_scheduled(task, by, created_at))
        return task

    # --- the search -------------------------------------------------------------------------------------------------------------

    def document(self, task: Task) -> dict:
        equipment = task.equipment
        long_id = stable_uuid(f"task/{task.short_id}") if self._settings.search_task_id == "uuid" else task.short_id
        return {
            "taskId": long_id,
            "taskShortId": task.short_id,
            "taskState": task.state,
            "description": task.description,
            "schedule": {"from": fields.format_moment(task.starts_at), "to": fields.format_moment(task.ends_at)},
            "assignees": {"individuals": [{**user.named(), "email": user.email} for user in task.assignees]},
            "tags": [tag.document() for tag in task.tags],
            "scheduledBy": task.scheduled_by.named(),
            "associatedTo": equipment and {**equipment.associated(), "costCenter": equipment.attributes["costCenter"]},
            "metadata": task.metadata,
            "createdAt": fields.format_moment(task.created_at),
            "completedAt": fields.format_moment(task.completed_at),
        }

    def search(self, query_string: str, query: dict[str, str], path: str) -> dict:
        # Query parameters "must be encoded"; a comma is let through because the document's own links hold bare ones.
        if re.search(r"[@ ]", query_string):
            raise BadQuery("query", "Query parameters must be encoded")
        page, size = self._paging(query)
        found = self._sorted([task for task in self.all.values() if task.visible and self._matches(task, query)], query.get("sort", ""))
        first_page = self._settings.first_page
        page_count = -(-len(found) // size)
        first = (page - first_page) * size
        items = [self.document(task) for task in found[first : first + size]]
        neighbours = {"self": page}
        if page - first_page + 1 < page_count:
            neighbours["next"] = page + 1
        if page > first_page:
            neighbours["prev"] = page - 1
        others = [(name, value) for name, value in query.items() if name not in ("page", "size")]
        return {
            "_links": [{"href": self._link(path, number, size, others), "rel": rel} for rel, number in neighbours.items()],
            "_items": items,
            "_pagination": {
                "totalItemCount": len(found),
                "totalPageCount": page_count,
                "itemCountPerPage": size,
                "currentPage": page,
                "currentItemCount": len(items),
            },
        }

    def _link(self, path: str, page: int, size: int, others: list[tuple[str, str]]) -> str:
        pairs = [("page", str(page)), ("size", str(size)), *others]
        return f"{self._settings.link_base}{path}?" + "&".join(f"{quote(name)}={quote(value, safe=',')}" for name, value in pairs)

    def _paging(self, query: dict[str, str]) -> tuple[int, int]:
        lowest = {"page": self._settings.first_page, "size": 1}
        numbers = {"page": self._settings.first_page, "size": self._settings.default_size}
        for name, minimum in lowest.items():
            if name in query:
                if not re.fullmatch(r"\d{1,9}", query[name]) or int(query[name]) < minimum:
                    raise BadQuery(name, f"This value should be an integer of {minimum} or more")
                numbers[name] = int(query[name])
        return numbers["page"], min(numbers["size"], self._settings.max_size)  # clamped without a word, as real servers do

    def _sorted(self, tasks: list[Task], sort: str) -> list[Task]:
        name, _, direction = (sort or "createdAt.desc").partition(".")
        if name not in SORTS or direction not in ("asc", "desc"):
            raise BadQuery("sort", f"Tasks are sorted by {', '.join(SORTS)} with .asc or .desc")
        key = SORTS[name]
        tasks.sort(key=lambda task: task.sequence, reverse=True)  # ties: newest first, as observed on real systems
        present = [task for task in tasks if key(task) is not None]
        present.sort(key=key, reverse=direction == "desc")
        return present + [task for task in tasks if key(task) is None]

    def _matches(self, task: Task, query: dict[str, str]) -> bool:
        return all(self._passes(name, value, task, query) for name, value in query.items())

    def _passes(self, name: str, value: str, task: Task, query: dict[str, str]) -> bool:
        if name == "taskAssignees":
            wanted = set(value.lower().split(","))
            return any(user.email in wanted or str(user.id) in wanted for user in task.assignees)
        if name == "taskTags":
            decide = all if query.get("taskTagsOperator", "or") == "and" else any
            codes = {tag.code for tag in task.tags}
            return decide(code in codes for code in value.split(","))
        if name in ("scheduledFrom", "scheduledTo"):
            bound = fields.moment(value)
            return task.starts_at >= bound if name == "scheduledFrom" else task.starts_at <= bound
        return True

    def check_query(self, query: dict[str, str]) -> None:
        """What is wrong with the parameters themselves, so that it shows even when there is no task."""
        known = ("page", "size", "sort", "taskAssignees", "taskTags", "taskTagsOperator", "scheduledFrom", "scheduledTo")
        for name, value in query.items():
            if name not in known and self._settings.unknown_parameter == "refuse":
                raise BadQuery(name, "Unknown parameter")
            if name == "taskTagsOperator" and value not in ("or", "and"):
                raise BadQuery(name, "The operator should be or or and")
            if name in ("scheduledFrom", "scheduledTo"):
                try:
                    fields.moment(value)
                except ValueError as problem:
                    raise BadQuery(name, str(problem)) from None

    # --- the provider's own users, played by the tests --------------------------------------------------------------------------

    def find(self, identifier: object) -> Task:
        task = self.all.get(str(identifier))
        if task is None:
            raise ValueError(f"no task {identifier!r}")
        return task

    def edit(self, task: Task, values: dict) -> None:
        """A change that no webhook and no time stamp tells of."""
        names = {"startDateTime": "starts_at", "endDateTime": "ends_at", "allDay": "all_day"}
        for name, value in values.items():
            setattr(task, names.get(name, name), value)

    def move(self, task: Task, state: str, by: User, on: datetime) -> None:
        if state not in NEXT_STATES[task.state]:
            raise ValueError(f"task {task.short_id} is {task.state} and cannot become {state!r}")
        task.state = state
        if state == "completed":
            task.completed_at = on
        builders = {
            "started": webhooks.task_was_started,
            "canceled": webhooks.task_was_canceled,
            "completed": webhooks.task_was_completed,
        }
        self._outbox.announce(builders[state](task, by, on))

    def add_activity(self, task: Task, description: str, minutes: int, by: User, on: datetime) -> dict:
        self._last_activity += 1
        activity = {"activityId": self._last_activity, "description": description, "timeSpentInMinutes": minutes}
        self._outbox.announce(webhooks.activity_was_added(task, activity, by, on, self._outbox.next_metadata()))
        return activity

    def reset(self) -> None:
        self.all.clear()
