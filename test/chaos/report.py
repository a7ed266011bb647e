"""What the suite prints: tables for people, and lines of the Test Anything Protocol that can be counted."""

from __future__ import annotations

from collections import Counter


def table(header: list[str], rows: list[list[object]]) -> None:
    cells = [header, *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    for number, row in enumerate(cells):
        print("# " + "  ".join([row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))]))
        if number == 0:
            print("# " + "  ".join("-" * width for width in widths))
    print("#", flush=True)


def note(text: str) -> None:
    print("\n".join(f"# {line}" for line in text.split("\n")), flush=True)


def counts(title: str, counted: Counter) -> None:
    note(f"{title}: " + (", ".join(f"{count:,} {name}" for name, count in sorted(counted.items())) or "none"))


class Checks:
    """What fails is said again at the end, where a shortened log still shows it."""

    def __init__(self) -> None:
        self._passed = 0
        self._failed: dict[str, list[str]] = {}

    def check(self, is_right: bool, what: str, problems: list[str] | None = None, histories: list[str] | None = None) -> None:
        """`problems`: what is wrong, in a line each."""
        print(f"{'ok' if is_right else 'not ok'} {self._passed + len(self._failed) + 1} - {what}", flush=True)
        if is_right:
            self._passed += 1
            return
        self._failed[what] = (problems or [])[:10]
        for line in [*(problems or []), *(histories or [])]:
            note(f"    {line}")

    def finish(self) -> int:
        print(f"1..{self._passed + len(self._failed)}")
        for what, problems in self._failed.items():
            note("\n".join([f"failed: {what}", *(f"    {problem}" for problem in problems)]))
        note(f"{self._passed} passed, {len(self._failed)} failed")
        return 1 if self._failed else 0


def percentile(sorted_values: list[float], part: float) -> float:
    return sorted_values[min(len(sorted_values) - 1, int(part * len(sorted_values)))] if sorted_values else float("nan")


def latency(values: list[float]) -> str:
    in_ms = [1000 * percentile(values, part) for part in (0.5, 0.95, 1)]
    return f"{len(values)} orders, p50 {in_ms[0]:.0f} ms, p95 {in_ms[1]:.0f} ms, longest {in_ms[2]:.0f} ms"
