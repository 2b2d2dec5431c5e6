"""Work done beside what is being timed, by a process that yields to it on the load's core."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

_FORK = multiprocessing.get_context("fork")


@contextmanager
def beside(work: Callable[..., Any], *arguments: Any) -> Iterator[Callable[[], Any]]:
    """Do some work in another process during the block; what is yielded waits for it and returns its result.

    Raises:
        RuntimeError: in that process something was raised; said when its result is asked for.
    """
    ours, theirs = _FORK.Pipe(duplex=False)
    process = _FORK.Process(target=_work, args=(theirs, work, arguments))
    process.start()
    theirs.close()

    def result() -> Any:
        outcome, value = ours.recv()
        if outcome == "raised":
            raise RuntimeError(value)
        return value

    try:
        yield result
    finally:
        process.terminate()
        process.join()


def _work(pipe: Connection, work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    try:
        pipe.send(("done", work(*arguments)))
    except BaseException as error:  # noqa: BLE001  # whatever it is, the other process has to hear of it
        pipe.send(("raised", f"{type(error).__name__}: {error}"))
