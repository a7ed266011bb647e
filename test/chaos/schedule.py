"""Which disaster happens when: decided by the seed alone, before anything starts."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

SERVER_DISASTERS = ["kill_worker", "kill_session", "kill_postmaster", "stop_immediate", "terminate_worker", "terminate_launcher"]
PROVIDER_DISASTERS = [
    "reset_before",
    "reset_after",
    "server_errors",
    "too_many_requests",
    "too_many_requests_until",
    "late",
    "dribble",
    "hang",
    "truncate",
    "huge",
    "no_id",
    "away",
    "expired",
]


@dataclass(frozen=True)
class Disaster:
    at: float  # seconds after the beginning
    kind: str
    provider: str | None  # None: the database server's
    parameters: dict = field(default_factory=dict)


class Deck:
    """Deals all kinds in a random order before it deals one again, so that short runs have many of them."""

    def __init__(self, kinds: list[str], dice: random.Random) -> None:
        self._kinds = kinds
        self._dice = dice
        self._left: list[str] = []

    def deal(self) -> str:
        if not self._left:
            self._left = self._dice.sample(self._kinds, len(self._kinds))
        return self._left.pop()


def make_schedule(seed: int, seconds: float, providers: dict[str, list[str]]) -> list[Disaster]:
    """`providers`: for each the kinds of disasters that it can have. Those of one provider overlap, too."""
    dice = random.Random(f"schedule {seed}")
    disasters = []
    deck, at = Deck(SERVER_DISASTERS, dice), dice.uniform(4, 8)
    while at < seconds - 2:
        disasters.append(Disaster(at, deck.deal(), None, {"choice": dice.random()}))
        at += dice.uniform(6, 14)
    for provider, kinds in providers.items():
        deck, at = Deck(kinds, dice), dice.uniform(1, 4)
        while at < seconds - 2:
            kind = deck.deal()
            disasters.append(Disaster(at, kind, provider, parameters_of(kind, dice)))
            at += dice.uniform(1.5, 5)
    return sorted(disasters, key=lambda disaster: disaster.at)


def parameters_of(kind: str, dice: random.Random) -> dict:
    return {
        "seconds": round(dice.uniform(1, 5), 2),
        "probability": round(dice.uniform(0.2, 1), 2),
        "write": dice.random() < 0.5,
        "status": dice.choice([500, 502, 503, 504]),
        "retry_after": dice.randint(1, 3),
    }
