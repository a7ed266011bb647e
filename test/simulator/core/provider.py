"""What a simulated provider must offer to the core."""

from __future__ import annotations

from typing import Callable

from .http import Request, Response


class Provider:
    """A provider's state and rules. Subclasses answer requests and let the tests act as the provider's own users."""

    def handle(self, request: Request) -> Response:
        """Answer one request; sets request.written to {"kind", "id", "text"} when something was stored."""
        raise NotImplementedError

    def refuse_rate(self, headers: list[tuple[str, str]]) -> Response:
        """The answer to a request over the rate limit."""
        raise NotImplementedError

    def control(self) -> dict[tuple[str, str], Callable[[Request], object]]:
        """Control endpoints of its own: (method, path below /__control) -> function returning what is answered as JSON."""
        return {}

    def summary(self) -> dict:
        """Totals of the stored records, merged into the ledger's summary."""
        return {}

    def reset(self) -> None:
        """Forget all records."""
