"""The pages that belong to descriptors are complete and current."""

from __future__ import annotations

import subprocess
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HEADINGS = [
    "Connect",
    "Options",
    "What is mapped",
    "Statuses",
    "Polling",
    "Look-up of unknown outcomes",
    "Limits",
    "Webhooks",
    "What the provider's document does not say",
]


class ThePages(unittest.TestCase):
    def test_reference_is_current(self) -> None:
        printed = subprocess.run([sys.executable, ROOT / "scripts/descriptor-docs"], capture_output=True, text=True, check=True).stdout
        page = (ROOT / "docs/descriptor.md").read_text(encoding="utf-8")
        self.assertTrue(page == printed, "run: scripts/descriptor-docs >docs/descriptor.md")

    def test_each_provider_has_its_page_with_the_same_headings(self) -> None:
        for descriptor in sorted((ROOT / "providers").glob("*.json")):
            if descriptor.stem == "schema":
                continue
            with self.subTest(descriptor.stem):
                page = (ROOT / f"docs/providers/{descriptor.stem}.md").read_text(encoding="utf-8")
                self.assertEqual([line[3:] for line in page.splitlines() if line.startswith("## ")], HEADINGS)


if __name__ == "__main__":
    unittest.main()
