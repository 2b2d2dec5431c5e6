"""The audit log: what admins did; it only ever grows."""

from __future__ import annotations

from chat.store.database import Execute


async def insert_entry(
    execute: Execute,
    *,
    actor_id: int | None,
    action: str,
    created_ms: int,
    user_id: int | None = None,
    subject: str = "",
) -> None:
    """Note an act in the transaction that carries it out, so that neither is ever without the other.

    Args:
        actor_id: who did it; None: whoever runs the server, on the command line.
        user_id: whom it was about.
        subject: what else it was about, in words.
    """
    await execute(
        "INSERT INTO audit (created_at, actor_id, action, user_id, subject) VALUES (?, ?, ?, ?, ?)",
        (created_ms, actor_id, action, user_id, subject),
    )
