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
    def __init__(self) -> None:
        self.passed = 0
        self.failed = 0

    def check(self, is_right: bool, what: str, problems: list[str] | None = None) -> None:
        self.passed += is_right
        self.failed += not is_right
        print(f"{'ok' if is_right else 'not ok'} {self.passed + self.failed} - {what}", flush=True)
        if not is_right:
            for problem in problems or []:
                note(f"    {problem}")

    def finish(self) -> int:
        print(f"1..{self.passed + self.failed}")
        note(f"{self.passed} passed, {self.failed} failed")
        return 1 if self.failed else 0


def percentile(sorted_values: list[float], part: float) -> float:
    return sorted_values[min(len(sorted_values) - 1, int(part * len(sorted_values)))] if sorted_values else float("nan")


def latency(values: list[float]) -> str:
    in_ms = [1000 * percentile(values, part) for part in (0.5, 0.95, 1)]
    return f"{len(values)} orders, p50 {in_ms[0]:.0f} ms, p95 {in_ms[1]:.0f} ms, longest {in_ms[2]:.0f} ms"
