"""Priorities: a thread whose work can wait leaves the core to the thread that passes messages on.

Linux alone gives threads priorities of their own (sched(7)); elsewhere it would be the whole process. What confines a
process may forbid it (seccomp(2)): things are a little slower then, which is not worth failing for.
"""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress

# On a busy machine this leaves a thread a ninth of what it would have, so whoever waits for it does so not for long.
_NICENESS = 10


def step_back() -> None:
    """Let this thread run after others, for work that people wait for."""
    if sys.platform == "linux":
        with suppress(PermissionError):
            os.nice(_NICENESS)


def step_back_behind_all() -> None:
    """Let this thread run only when nobody else wants the core.

    For work that takes long and holds nothing meanwhile that others need: on a busy machine it stands still.
    """
    if sys.platform == "linux":
        with suppress(PermissionError):
            os.sched_setscheduler(threading.get_native_id(), os.SCHED_IDLE, os.sched_param(0))
