"""What else goes on: users who work in the providers, the gateway that hands in webhooks, and an observer who times a healthy provider."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from uuid import UUID

from application import journal
from postgres import Lost, Patient, Refused, Session, connect, quoted
from providers import Provider
from simulator import Unreachable


class Users(threading.Thread):
    """They make records and change priorities, which no application touches after the insert."""

    def __init__(self, seed: int, providers: list[Provider], stop: threading.Event) -> None:
        super().__init__(name="users", daemon=True)
        self._dice = random.Random(f"users {seed}")
        self._providers = providers
        self._stop_asked = stop
        self.counts: Counter = Counter()

    def run(self) -> None:
        database = Patient("users")
        while not self._stop_asked.wait(self._dice.uniform(0.1, 0.8)):
            provider = self._dice.choice(self._providers)
            try:
                if self._dice.random() < 0.3:
                    title = f"Made there {self.counts['records made']}"
                    provider.simulator.control("POST", "orders/create", {"orders": [provider.new_record(title)]})
                    self.counts["records made"] += 1
                else:
                    self._change(provider, database)
            except Unreachable:
                pass  # they wait, too
        database.close()

    def _change(self, provider: Provider, database: Patient) -> None:
        known = database.run(
            "SELECT source_work_order_id FROM cmms.work_order WHERE source_work_order_id IS NOT NULL"
            f" AND provider_id = {quoted(provider.name)} ORDER BY created_at DESC LIMIT 100"
        )
        if not known:
            return
        change = provider.change(self._dice.choice(["high", "medium", "low"]))
        try:
            provider.noticed(provider.simulator.control("POST", "orders/change", {"ids": [self._dice.choice(known)], **change}))
            self.counts["records changed"] += 1
        except ValueError:
            self.counts["changes refused"] += 1  # a task that was started cannot be started again


class Gateway(threading.Thread):
    """Hands in each webhook at least once, in the order in which they came."""

    def __init__(self, providers: list[Provider], stop: threading.Event) -> None:
        super().__init__(name="gateway", daemon=True)
        self._providers = providers
        self._stop_asked = stop
        self._positions = {provider.name: 0 for provider in providers}
        self.silent_rounds = 0  # in which every provider answered and had nothing new
        self.counts: Counter = Counter()

    def run(self) -> None:
        self._session: Session = connect("gateway")
        while not self._stop_asked.wait(0.3):
            is_silent = [self._hand_in(provider) for provider in self._providers]
            self.silent_rounds += all(is_silent)
        self._session.close()

    def _hand_in(self, provider: Provider) -> bool:
        """Whether there was nothing to hand in."""
        try:
            position, bodies = provider.webhooks(self._positions[provider.name])
        except Unreachable:
            return False
        calls = [
            f"SELECT outcome FROM cmms.ingest_webhook('{provider.name}', convert_to({quoted(body)}, 'UTF8'), {quoted(provider.webhook_headers)})"
            for body in bodies
        ]
        try:
            outcomes = self._session.run("BEGIN", *calls, "COMMIT") if calls else []
            self.counts.update(outcomes)
            if "failed" not in outcomes:  # as a provider does that was answered 500
                self._positions[provider.name] = position
        except (Lost, Refused) as problem:
            self.counts["handed in again"] += 1
            if isinstance(problem, Refused):
                self.counts[f"refused: {problem}"] += 1
            self._session.close()
            self._session = connect("gateway")
        return not bodies


class Observer(threading.Thread):
    """Commits an order for the healthy provider now and then, and remembers when."""

    def __init__(self, provider: Provider, stop: threading.Event) -> None:
        super().__init__(name="observer", daemon=True)
        self._provider = provider
        self._stop_asked = stop
        self.committed_at: dict[str, float] = {}

    def run(self) -> None:
        session = connect("observer")
        dice = random.Random(self._provider.name)
        while not self._stop_asked.wait(0.25):
            order = str(UUID(int=dice.getrandbits(128), version=4))
            insert = (
                "INSERT INTO cmms.work_order (common_work_order_id, provider_id, title, priority)"
                f" VALUES ('{order}', '{self._provider.name}', 'Probe', 'high')"
            )
            try:
                session.run("BEGIN", journal("observer", insert, ["title", "status"]), "COMMIT")
                self.committed_at[order] = time.time()
            except (Lost, Refused):
                session.close()
                session = connect("observer")
        session.close()

    def latencies(self, from_: float, to: float, except_: list[tuple[float, float]]) -> list[float]:
        """Seconds from the commit's answer to the request at the provider, of orders committed in that time; not of those whose way was
        crossed by one of the periods in which the server itself was down."""
        arrived = {}
        for entry in self._provider.simulator.control("GET", "ledger?method=POST&written=true"):
            arrived.setdefault(self._provider.write(entry).reference, entry["at"])
        found = []
        for order, committed in self.committed_at.items():
            if not from_ <= committed < to:
                continue
            arrival = arrived.get(order, time.time())
            if not any(committed < ended and arrival > began for began, ended in except_):
                found.append(max(0.0, arrival - committed))
        return sorted(found)
