"""The modules of the page that need no page: `unit/` has a file of tests for each, run by Node's own test runner."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from playwright._impl._driver import compute_driver_executable

UNIT = Path(__file__).parent / "unit"

# The one that Playwright drives the browser with: the same version on every machine, and nothing to install.
NODE = compute_driver_executable()[0]


@pytest.mark.parametrize("file", sorted(UNIT.glob("*.test.js")), ids=lambda file: file.name.removesuffix(".test.js"))
def test_unit(file: Path) -> None:
    command = [NODE, "--test-reporter=spec", str(file)]  # with --test it would start one more Node for each file
    run = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    if run.returncode != 0:
        pytest.fail(run.stdout + run.stderr, pytrace=False)
