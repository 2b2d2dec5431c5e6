"""Runs a fault as a test."""

from __future__ import annotations

import os
from collections.abc import Awaitable

import pytest

from tests.faults.finding import Finding
from tests.faults.needs import Missing


async def assert_held(run: Awaitable[Finding]) -> None:
    """Fail with what did not hold. What the machine does not allow is skipped; a tool that CI lacks is a failure."""
    try:
        finding = await run
    except Missing as missing:
        if missing.is_tool and "CI" in os.environ:
            pytest.fail(str(missing))
        pytest.skip(str(missing))
    assert finding.held, "\n".join(finding.complaints)
