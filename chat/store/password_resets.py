"""The open password resets: at most one for each person."""

from __future__ import annotations

from chat.models import User
from chat.store.database import Database, Execute


async def replace_reset(execute: Execute, *, user_id: int, code_hash: str, now_ms: int, expires_ms: int) -> None:
    """Store a reset in place of the one before, if there was one."""
    await execute(
        "REPLACE INTO password_reset (user_id, code_hash, created_at, expires_at) VALUES (?, ?, ?, ?)",
        (user_id, code_hash, now_ms, expires_ms),
    )


async def is_open(database: Database, code_hash: str, now_ms: int) -> bool:
    return bool(
        await database.read("SELECT 1 FROM password_reset WHERE code_hash = ? AND expires_at > ?", (code_hash, now_ms))
    )


async def find_reset(execute: Execute, code_hash: str, now_ms: int) -> User | None:
    """Whose password this code resets; to set one ends the reset (`accounts.set_password`), so it does so once."""
    rows = await execute(
        """
        SELECT user.id, user.name FROM password_reset JOIN user ON user.id = password_reset.user_id
        WHERE password_reset.code_hash = ? AND password_reset.expires_at > ? AND user.deleted_at IS NULL
        """,
        (code_hash, now_ms),
    )
    return next((User(user_id, name) for user_id, name in rows), None)
