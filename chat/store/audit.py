"""The audit log: what admins did. The schema lets nobody change or remove an entry."""

from __future__ import annotations

import time
from typing import NamedTuple

from chat.models import User
from chat.store.database import Database, Execute


class Entry(NamedTuple):
    """One act of an admin.

    Args:
        actor: who did it; None: whoever runs the server, on the command line.
        username: whom it was about.
        subject: what else it was about, in words.
    """

    entry_id: int
    created_ms: int
    actor: str | None
    action: str
    username: str | None
    subject: str


async def insert_entry(
    execute: Execute, actor: User | None, action: str, *, user_id: int | None = None, subject: str = ""
) -> None:
    """Write down an act in the transaction that carries it out: both are stored or neither.

    Args:
        execute: of `Database.transaction`.
        actor: None: the operator.
        user_id: whom it is about.
        subject: what else it is about, in words; never a code or a message.
    """
    await execute(
        "INSERT INTO audit (created_at, actor_id, action, user_id, subject) VALUES (?, ?, ?, ?, ?)",
        (int(time.time() * 1000), actor and actor.user_id, action, user_id, subject),
    )


async def list_entries(database: Database, *, before: int, limit: int) -> list[Entry]:
    """The newest entries with an id below `before`, newest first."""
    rows = await database.read(
        """
        SELECT audit.id, audit.created_at, actor.name, audit.action, user.name, audit.subject
        FROM audit LEFT JOIN user AS actor ON actor.id = audit.actor_id LEFT JOIN user ON user.id = audit.user_id
        WHERE audit.id < ? ORDER BY audit.id DESC LIMIT ?
        """,
        (before, limit),
    )
    return [Entry._make(row) for row in rows]
