"""A bare `executemany` into our schema with our pragmas: what storing costs when nothing else is done.

Started with a directory, seconds and the rows of one transaction; prints rows and seconds of processor time and of
wall time.
"""

from __future__ import annotations

import sqlite3
import sys
import time
from pathlib import Path

from bench.load.wire import message_text

_ROOT = Path(__file__).parent.parent.parent
_INSERT = "INSERT INTO message (id, cursor, room_id, user_id, client_id, text, created_at) VALUES (?, ?, 1, 1, ?, ?, ?)"


def main() -> None:
    directory, seconds, batch = Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
    connection = sqlite3.connect(directory / "rows.db", isolation_level=None)
    connection.executescript((_ROOT / "schema.sql").read_text(encoding="utf-8"))
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "wal_autocheckpoint = 0", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}").fetchall()
    connection.execute(
        "INSERT INTO user (id, name, name_key, look_key, password_hash, created_at) "
        "VALUES (1, 'ada', 'ada', 'ada', '', 0)"
    )
    connection.execute(
        "INSERT INTO room (id, name, name_key, look_key, created_by, created_at) "
        "VALUES (1, 'lobby', 'lobby', 'lobby', NULL, 0)"
    )
    rows, start, cpu = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() < start + seconds:
        now = int(time.time() * 1000)
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(
            _INSERT,
            [(n, n, f"1-{n}", message_text(1, n), now) for n in range(rows + 1, rows + batch + 1)],
        )
        connection.execute("COMMIT")
        rows += batch
    print(rows, time.process_time() - cpu, time.perf_counter() - start)
    connection.close()


if __name__ == "__main__":
    main()
