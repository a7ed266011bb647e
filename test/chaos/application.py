"""An application that writes as fast as it likes, keeps a journal of what it committed, and does not mind losing its session."""

from __future__ import annotations

import itertools
import random
import threading
from collections import Counter
from uuid import UUID

from postgres import Lost, Refused, Session, connect, quoted
from providers import Provider

# The journal is written by the transaction that it is about. Its numbers are taken while the order is locked, so for each order they are in
# the order of the commits.
TABLES = [
    "CREATE SCHEMA app",
    "CREATE TABLE app.journal (entry bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, marker text, order_id uuid, provider_id text,"
    " field text, value text)",
    "CREATE INDEX ON app.journal (marker)",
    "CREATE INDEX ON app.journal (order_id)",
    "CREATE SEQUENCE app.version",
    "CREATE TABLE app.ticket (ticket_no integer PRIMARY KEY, subject text, state text)",
]


def ticket_trigger(provider: str) -> list[str]:
    words = {"open": "requested", "busy": "in_progress", "fixed": "completed"}
    return [
        f"""SELECT cmms.set_row_mapping('{provider}', 'ticket', '{{"key": "ticket_no", "title": "subject", "status": "state"}}')""",
        *(
            f"SELECT cmms.map_value('{provider}', 'status', '{word}', '{status}', direction => 'row', resource => 'ticket')"
            for word, status in words.items()
        ),
        f"CREATE TRIGGER to_{provider} AFTER INSERT OR UPDATE ON app.ticket"
        f" FOR EACH ROW EXECUTE FUNCTION cmms.sync_row('{provider}', 'ticket')",
    ]


class Orders:
    """What is known to be committed, for all applications."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._orders: dict[str, list[str]] = {}
        self.tickets: list[int] = []
        self.ticket_numbers = itertools.count(1)

    def add(self, provider: str, orders: list[str]) -> None:
        with self._lock:
            self._orders.setdefault(provider, []).extend(orders)

    def some(self, provider: str, dice: random.Random, wanted: int) -> list[str]:
        """Mostly young ones, as people work; in the order in which everybody locks them."""
        with self._lock:
            known = self._orders.get(provider, [])[-200:]
        return sorted(dice.sample(known, min(wanted, len(known))))


def journal(marker: str, made: str, fields: list[str]) -> str:
    """Wraps a statement on work_order, so that the journal tells what it did."""
    columns = {"title": "made.title::text", "status": "made.common_status"}
    values = ", ".join(f"('{name}', {columns[name]})" for name in fields)
    return (
        f"WITH made AS ({made} RETURNING common_work_order_id, provider_id, title, common_status)"
        f" INSERT INTO app.journal (marker, order_id, provider_id, field, value)"
        f" SELECT {quoted(marker)}, made.common_work_order_id, made.provider_id, v.* FROM made CROSS JOIN LATERAL (VALUES {values}) v"
        " RETURNING 'noted'"
    )


class Application(threading.Thread):
    def __init__(self, number: int, seed: int, providers: list[Provider], orders: Orders, stop: threading.Event, pace: float) -> None:
        super().__init__(name=f"application {number}", daemon=True)
        self._name = f"application_{number}"
        self._dice = random.Random(f"application {seed} {number}")
        self._providers = providers
        self._orders = orders
        self._stop_asked = stop
        self._pace = pace
        self._transactions = itertools.count(1)
        self.acknowledged: list[str] = []  # markers of changes that the server said are committed
        self.counts: Counter = Counter()
        self.problems: Counter = Counter()

    def run(self) -> None:
        self._session: Session = connect(self._name)
        actions = {self._insert: 30, self._retitle: 35, self._walk: 20, self._ticket: 10, self._roll_back: 5}
        while not self._stop_asked.is_set():
            self._dice.choices(list(actions), list(actions.values()))[0](f"{self._name} {next(self._transactions)}")
            self._stop_asked.wait(self._pace * self._dice.uniform(0.02, 0.2))
        self._session.close()

    # --- what it does -----------------------------------------------------------------------------------------------------------

    def _insert(self, marker: str) -> None:
        provider = self._dice.choice(self._providers)
        orders = [self._new_id() for _ in range(self._dice.choice([1, 1, 1, 2, 5, 20]))]
        if self._commit(marker, journal(marker, self._insertion(provider, orders, "Pump"), ["title", "status"])):
            self.counts["orders"] += len(orders)
            self._orders.add(provider.name, orders)

    def _new_id(self) -> str:
        return str(UUID(int=self._dice.getrandbits(128), version=4))

    @staticmethod
    def _insertion(provider: Provider, orders: list[str], title: str) -> str:
        names = "".join(f", {name}" for name in provider.columns)
        values = "".join(f", {value}" for value in provider.columns.values())
        rows = ", ".join(
            f"('{order}', '{provider.name}', '{title} v' || nextval('app.version'), 'from the chaos suite', 'high'{values})" for order in orders
        )
        return f"INSERT INTO cmms.work_order (common_work_order_id, provider_id, title, description, priority{names}) VALUES {rows}"

    def _retitle(self, marker: str) -> None:
        self._change(marker, self._dice.choice([1, 1, 1, 1, 5, 20]), ["title"], None)

    def _walk(self, marker: str) -> None:
        self._change(marker, self._dice.choice([1, 1, 1, 5]), self._dice.choice([["status"], ["status"], ["title", "status"]]), True)

    def _change(self, marker: str, wanted: int, fields: list[str], has_status: bool | None) -> None:
        provider = self._dice.choice([provider for provider in self._providers if provider.can_update])
        orders = self._orders.some(provider.name, self._dice, wanted)
        if not orders:
            return
        changes, condition = [], "true"
        if "title" in fields:
            changes.append("title = split_part(title, ' v', 1) || ' v' || nextval('app.version')")
            condition = provider.title_condition
        if has_status:
            status = self._dice.choice(list(provider.status_from))
            changes.append(f"common_status = '{status}'")
            condition = f"common_status IN ({', '.join(map(quoted, provider.status_from[status]))})"
            condition += f" AND {provider.close_condition}" if status == "closed" else ""
        update = f"UPDATE cmms.work_order SET {', '.join(changes)} WHERE common_work_order_id = ANY ('{{{','.join(orders)}}}') AND {condition}"
        pause = [f"SELECT pg_sleep({self._dice.uniform(0, 0.3)})"] if self._dice.random() < 0.2 else []
        if self._commit(marker, journal(marker, update, fields), *pause):
            self.counts["changes"] += 1

    def _ticket(self, marker: str) -> None:
        """A table that knows nothing of pg_cmms; its rows are orders of two providers."""
        known = self._orders.tickets
        if not known or self._dice.random() < 0.4:
            number, fields = next(self._orders.ticket_numbers), ["title", "status"]
            statement = f"INSERT INTO app.ticket VALUES ({number}, 'Ticket v' || nextval('app.version'), 'open')"
        else:
            number = self._dice.choice(known[-100:])
            state, before = self._dice.choice([("busy", ["open", "fixed"]), ("fixed", ["open", "busy"])])
            fields = self._dice.choice([["title"], ["status"], ["title", "status"]])
            changes = {"title": "subject = 'Ticket v' || nextval('app.version')", "status": f"state = '{state}'"}
            condition = f"state IN ({', '.join(map(quoted, before))})" if "status" in fields else "true"
            statement = f"UPDATE app.ticket SET {', '.join(changes[name] for name in fields)} WHERE ticket_no = {number} AND {condition}"
        columns = {"title": "w.title::text", "status": "w.common_status"}
        values = ", ".join(f"('{name}', {columns[name]})" for name in fields)
        # The condition may have been false: what is in the journal already is not written again.
        noted = (
            "INSERT INTO app.journal (marker, order_id, provider_id, field, value)"
            f" SELECT {quoted(marker)}, w.common_work_order_id, w.provider_id, v.*"
            " FROM cmms.row_link l JOIN cmms.work_order w USING (tenant_id, common_work_order_id)"
            f" CROSS JOIN LATERAL (VALUES {values}) v(field, value)"
            f" WHERE l.map_name = 'ticket' AND l.row_key = '{number}' AND v.value IS DISTINCT FROM (SELECT j.value FROM app.journal j"
            " WHERE j.order_id = w.common_work_order_id AND j.field = v.field ORDER BY j.entry DESC LIMIT 1) RETURNING 'noted'"
        )
        if self._commit(marker, statement, noted) and statement.startswith("INSERT"):
            self.counts["orders"] += 2
            known.append(number)

    def _roll_back(self, marker: str) -> None:
        provider = self._dice.choice(self._providers)
        orders = [self._new_id()]
        self._attempt("BEGIN", journal(marker, self._insertion(provider, orders, "rolled back"), ["title"]), "ROLLBACK")
        self.counts["rolled back"] += 1

    # --- commits whose outcome may be unknown -----------------------------------------------------------------------------------

    def _commit(self, marker: str, *statements: str) -> bool:
        """Whether it is committed, which is looked up in the journal where the session broke."""
        rows: list[str] = []
        if self._attempt("BEGIN", *statements, "COMMIT", rows=rows):
            if "noted" in rows:
                self.acknowledged.append(marker)
            return True
        while self._was_lost:
            found: list[str] = []
            if self._attempt(f"SELECT EXISTS (SELECT FROM app.journal WHERE marker = {quoted(marker)})", rows=found):
                return found == ["t"]
        return False

    def _attempt(self, *statements: str, rows: list[str] | None = None) -> bool:
        self._was_lost = False
        try:
            answer = self._session.run(*statements)
            if rows is not None:
                rows += answer
            return True
        except Refused as problem:
            self.problems[str(problem)] += 1
        except Lost:
            self._was_lost = True
            self.counts["lost sessions"] += 1
        # Out of the failed transaction, whatever its state.
        self._session.close()
        self._session = connect(self._name)
        return False
