"""A fixed-window rate limit per client address, announced in response headers."""

from __future__ import annotations

import math
import time
from typing import Callable


class RateLimit:
    def __init__(self, limit: int, window_seconds: float, clock: Callable[[], float] = time.time) -> None:
        """`limit` 0 switches the limit off; the headers then announce a very large one."""
        self.limit = limit
        self.window_seconds = window_seconds
        self._clock = clock
        self._windows: dict[str, tuple[float, int]] = {}
        self.refused = 0

    def take(self, client: str) -> tuple[bool, list[tuple[str, str]]]:
        """Count one request: (allowed, headers for its answer)."""
        now = self._clock()
        reset_at, used = self._windows.get(client, (0.0, 0))
        if now >= reset_at:
            reset_at, used = now + self.window_seconds, 0
        limit = self.limit or 1_000_000_000
        allowed = used < limit
        used += allowed
        self._windows[client] = (reset_at, used)
        headers = [
            ("X-RateLimit-Limit", str(limit)),
            ("X-RateLimit-Remaining", str(limit - used)),
            ("X-RateLimit-Reset", str(math.ceil(reset_at))),
        ]
        if not allowed:
            self.refused += 1
            headers.append(("retry-after", str(max(1, math.ceil(reset_at - now)))))
        return allowed, headers

    def reset(self) -> None:
        self._windows.clear()
        self.refused = 0
