"""docs/security.md names a test for each threat, and each of them exists."""

from __future__ import annotations

import re

from tests.processes import ROOT

DOCUMENT = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")


def test_every_threat_names_tests_that_exist() -> None:
    threats = [
        line for line in DOCUMENT.splitlines() if line.startswith("| ") and not line.startswith(("| who", "| ---"))
    ]
    assert len(threats) > 20
    for threat in threats:
        named = re.findall(r"`(tests/[a-z0-9_/]+\.py)::(test_[a-z0-9_]+)`", threat)
        assert named, threat
        for path, name in named:
            assert re.search(rf"^(async )?def {name}\(", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE), name


def test_the_pages_it_sends_to_exist() -> None:
    for link in re.findall(r"]\(([^)#]+)\)", DOCUMENT):
        assert (ROOT / "docs" / link).exists(), link
