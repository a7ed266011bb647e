"""Carries disasters out."""

from __future__ import annotations

import threading
import time
from collections import Counter
from email.utils import formatdate

from postgres import Server
from providers import Provider
from schedule import PROVIDER_DISASTERS, Disaster
from simulator import Unreachable

HUGE = 40_000_000  # more than cmms.max_response_size
NOT_FOR_ALL = {"no_id": lambda provider: "no_id" in provider.faults, "expired": lambda provider: bool(provider.sessions)}


def possible(provider: Provider) -> list[str]:
    return [kind for kind in PROVIDER_DISASTERS if kind not in NOT_FOR_ALL or NOT_FOR_ALL[kind](provider)]


class Disasters(threading.Thread):
    """Follows the schedule. Those of the server come one after another, those of the providers beside them."""

    def __init__(self, schedule: list[Disaster], server: Server, providers: list[Provider]) -> None:
        super().__init__(name="disasters", daemon=True)
        self._schedule = schedule
        self._server = server
        self._providers = {provider.name: provider for provider in providers}
        self.counts: Counter = Counter()
        self.outages: list[tuple[float, float]] = []  # of the server, by the clock

    def run(self) -> None:
        began = time.monotonic()
        of_server = threading.Thread(target=self._follow, args=(began, [each for each in self._schedule if each.provider is None]))
        of_server.start()
        self._follow(began, [each for each in self._schedule if each.provider is not None])
        of_server.join()

    def _follow(self, began: float, disasters: list[Disaster]) -> None:
        for disaster in disasters:
            time.sleep(max(0.0, began + disaster.at - time.monotonic()))
            if disaster.provider is None:
                happened = self._strike_server(disaster)
            else:
                happened = strike_provider(self._providers[disaster.provider], disaster)
            self.counts[disaster.kind] += happened

    def _strike_server(self, disaster: Disaster) -> bool:
        began = time.time()
        happened = getattr(self, f"_{disaster.kind}")(disaster.parameters["choice"])
        # A crash of one process restarts all of them, and the launcher needs a moment to find its databases again.
        while not self._server.processes("pg_cmms worker") and time.time() < began + 60:
            time.sleep(0.05)
        self.outages.append((began - 0.1, time.time() + 0.5))
        return happened

    def _kill_worker(self, choice: float) -> bool:
        return self._strike("pg_cmms worker", choice, self._server.kill)

    def _kill_session(self, choice: float) -> bool:
        return self._strike("client backend", choice, self._server.kill)

    def _terminate_worker(self, choice: float) -> bool:
        return self._strike("pg_cmms worker", choice, self._server.terminate)

    def _terminate_launcher(self, choice: float) -> bool:
        return self._strike("pg_cmms launcher", choice, self._server.terminate)

    def _strike(self, backend_type: str, choice: float, how) -> bool:
        processes = self._server.processes(backend_type)
        if not processes:
            return False
        victim = processes[int(choice * len(processes))]
        how(victim)
        give_up_at = time.monotonic() + 10
        while victim in self._server.processes(backend_type) and time.monotonic() < give_up_at:
            time.sleep(0.05)
        return True

    def _kill_postmaster(self, choice: float) -> bool:
        postmaster = self._server.postmaster()
        if postmaster is None:
            return False
        self._server.kill(postmaster)
        self._server.start()
        return True

    def _stop_immediate(self, choice: float) -> bool:
        self._server.stop_at_once()
        self._server.start()
        return True


def strike_provider(provider: Provider, disaster: Disaster) -> bool:
    simulator, parameters = provider.simulator, disaster.parameters
    try:
        if disaster.kind == "away":
            simulator.control("POST", "outage", {"seconds": parameters["seconds"]})
        elif disaster.kind == "expired":
            for endpoint in provider.sessions:
                simulator.control("POST", endpoint)
        else:
            simulator.control("POST", "faults", fault(provider, disaster.kind, parameters))
    except Unreachable:
        return False
    return True


def fault(provider: Provider, kind: str, parameters: dict) -> dict:
    """A rule as in test/simulator/core/faults.py."""
    rules = {
        "reset_before": {"action": "reset_before"},
        "reset_after": {"action": "reset_after"},
        "server_errors": {"action": "status", "status": parameters["status"], "write": parameters["write"]},
        "too_many_requests": {"action": "status", "status": 429, "headers": {"Retry-After": str(parameters["retry_after"])}},
        "too_many_requests_until": {
            "action": "status",
            "status": 429,
            "headers": {"Retry-After": formatdate(time.time() + parameters["retry_after"] + 1, usegmt=True)},
        },
        "late": {"action": "latency", "latency_ms": int(parameters["seconds"] * 700)},
        "dribble": {"action": "dribble"},
        "hang": {"action": "hang", "write": parameters["write"]},
        "truncate": {"action": "truncate"},
        "huge": {"action": "huge", "bytes": HUGE},
        "no_id": {"action": "drop_fields", **provider.faults.get("no_id", {})},
    }
    return {"name": kind, "for_seconds": parameters["seconds"], "probability": parameters["probability"], **rules[kind]}
