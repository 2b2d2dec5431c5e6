"""The invites: codes that let so many people make an account until some time.

One is good for as long as its maker is an admin: whoever was shut out must not come back by a code of their own.
"""

from __future__ import annotations

from typing import NamedTuple

from chat.models import User
from chat.store.database import Database, Execute

# ?1 is the time, milliseconds since 1970 UTC.
_IS_LIVE = """
    uses_left > 0 AND expires_at > ?1 AND (created_by IS NULL OR EXISTS (
        SELECT 1 FROM user
        WHERE user.id = invite.created_by AND is_admin AND deactivated_at IS NULL AND deleted_at IS NULL
    ))
"""


class Invite(NamedTuple):
    """An invite as it can be shown: the code itself is kept nowhere.

    Args:
        created_by: a user name; None: made on the command line.
    """

    invite_id: int
    created_by: str | None
    created_ms: int
    expires_ms: int
    uses_left: int


async def insert_invite(
    execute: Execute, *, code_hash: str, created_by: User | None, now_ms: int, expires_ms: int, uses: int, live_max: int
) -> int | None:
    """Store an invite and throw away those that are over; None when as many as there may be are live.

    Its number is that of the audit entry to be written next, in the same transaction. The number after the highest in
    this table would be given out again once an invite is over, and the audit log could not tell the two apart.
    """
    await execute(f"DELETE FROM invite WHERE NOT ({_IS_LIVE})", (now_ms,))  # noqa: S608  # a constant
    rows = await execute(
        """
        INSERT INTO invite (id, code_hash, created_by, created_at, expires_at, uses_left)
        SELECT (SELECT coalesce(max(id), 0) + 1 FROM audit), ?, ?, ?, ?, ?
        WHERE (SELECT count(*) FROM invite) < ? RETURNING id
        """,
        (code_hash, created_by and created_by.user_id, now_ms, expires_ms, uses, live_max),
    )
    return next((int(invite_id) for (invite_id,) in rows), None)


async def is_live(database: Database, code_hash: str, now_ms: int) -> bool:
    return bool(
        await database.read(f"SELECT 1 FROM invite WHERE code_hash = ?2 AND {_IS_LIVE}", (now_ms, code_hash))  # noqa: S608  # a constant
    )


async def take_use(execute: Execute, code_hash: str, now_ms: int) -> bool:
    """Take one of the uses; False when there is none, or no such invite."""
    rows = await execute(
        f"UPDATE invite SET uses_left = uses_left - 1 WHERE code_hash = ?2 AND {_IS_LIVE} RETURNING id",  # noqa: S608
        (now_ms, code_hash),
    )
    return bool(list(rows))


async def delete_invite(execute: Execute, invite_id: int, now_ms: int) -> bool:
    """End an invite; False when it is not there, or over."""
    rows = await execute(f"DELETE FROM invite WHERE id = ?2 AND {_IS_LIVE} RETURNING id", (now_ms, invite_id))  # noqa: S608
    return bool(list(rows))


async def list_invites(database: Database, now_ms: int) -> list[Invite]:
    """Those that still let someone in, the newest first."""
    rows = await database.read(
        f"""
        SELECT invite.id, maker.name, invite.created_at, invite.expires_at, invite.uses_left
        FROM invite LEFT JOIN user AS maker ON maker.id = invite.created_by
        WHERE {_IS_LIVE} ORDER BY invite.id DESC
        """,  # noqa: S608
        (now_ms,),
    )
    return [Invite._make(row) for row in rows]
