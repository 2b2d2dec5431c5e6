"""Runs the server and kills it at one of its database calls: dying_server.py MOMENT NUMBER python run.py ...

MOMENT is `before` (the SQL has not been run), `within` (it has been run; an INSERT with RETURNING is not committed
yet) or `after` (its rows have been fetched, so it is committed; nobody has been told). NUMBER counts the calls of
all connections from the start of the process.
"""

from __future__ import annotations

import itertools
import os
import runpy
import signal
import sqlite3
import sys
from functools import partial
from typing import Any

BEFORE, WITHIN, AFTER = MOMENTS = ("before", "within", "after")

_calls = itertools.count(1)
_moment, _number = "", 0


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class _Cursor(sqlite3.Cursor):
    is_the_last = False

    def fetchall(self) -> list[Any]:
        if self.is_the_last and _moment == WITHIN:
            _die()
        rows = super().fetchall()
        if self.is_the_last:
            _die()
        return rows


class _Connection(sqlite3.Connection):
    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        is_the_last = next(_calls) == _number
        if is_the_last and _moment == BEFORE:
            _die()
        cursor = self.cursor(_Cursor)
        cursor.is_the_last = is_the_last
        return cursor.execute(sql, parameters)

    def executescript(self, sql_script: str, /) -> sqlite3.Cursor:
        is_the_last = next(_calls) == _number
        if is_the_last and _moment == BEFORE:
            _die()
        cursor = super().executescript(sql_script)
        if is_the_last:
            _die()
        return cursor


if __name__ == "__main__":
    _moment, _number = sys.argv[1], int(sys.argv[2])
    # By the one name aiosqlite makes those that write, by the other the server makes those that read.
    sqlite3.connect = partial(sqlite3.connect, factory=_Connection)  # type: ignore[assignment]
    sqlite3.Connection = _Connection  # type: ignore[misc]
    script, *sys.argv[1:] = sys.argv[4:]
    sys.argv[0] = script
    sys.path[0] = os.path.dirname(script)  # noqa: PTH120  # as Python does for a script
    runpy.run_path(script, run_name="__main__")
