"""Priorities: a thread whose work can wait leaves the core to the thread that passes messages on."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

# The last of all, but not to stand still (SCHED_IDLE) where another program has the core for minutes: of one core it
# keeps 15 parts in 1,039, by the weights of sched(7).
_NICENESS = 19


def step_back() -> None:
    """Let this thread run after others.

    Linux alone gives threads priorities of their own; elsewhere it would be the whole process. What confines a process
    may forbid it (seccomp(2)): things are a little slower then, which is not worth failing for.
    """
    if sys.platform == "linux":
        with suppress(PermissionError):
            os.nice(_NICENESS)
