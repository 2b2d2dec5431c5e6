"""The accounts: who there is, what they may, and the hash of their password.

Functions that take `execute` are steps of a transaction, which their caller opens.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from chat.errors import Forbidden
from chat.models import User
from chat.store.database import Database, Execute

# What everyone who is gone is called from then on.
DELETED_USERNAME = "deleted user"

_IS_ADMIN = "SELECT 1 FROM user WHERE id = ? AND is_admin AND deactivated_at IS NULL AND deleted_at IS NULL"

# Called inside the transaction with the new user and whether there was nobody before; raises to take it back.
Admit = Callable[[Execute, User, bool], Awaitable[None]]


class Credentials(NamedTuple):
    """What signing in is measured by.

    Args:
        password_hash: PHC string.
    """

    user: User
    password_hash: str
    is_deactivated: bool


async def insert_user(
    database: Database,
    *,
    username: str,
    name_key: str,
    look_key: str,
    password_hash: str,
    created_ms: int,
    admit: Admit | None = None,
) -> User | None:
    """Store a new user; None when someone has this name or one that looks like it. The first of all is an admin.

    Args:
        admit: has the last word, in the same transaction.

    Raises:
        StorageUnavailable: nothing was stored; and whatever `admit` raises, with the same effect.
    """
    async with database.transaction() as execute:
        rows = await execute(
            """
            INSERT INTO user (name, name_key, look_key, password_hash, created_at, is_admin)
            VALUES (?, ?, ?, ?, ?, NOT EXISTS (SELECT 1 FROM user WHERE deleted_at IS NULL))
            ON CONFLICT DO NOTHING RETURNING id, is_admin
            """,
            (username, name_key, look_key, password_hash, created_ms),
        )
        for user_id, is_first in rows:
            user = User(user_id, username)
            if admit is not None:
                await admit(execute, user, bool(is_first))
            return user
    return None


async def find_credentials(database: Database, name_key: str) -> Credentials | None:
    """What the person with this name signs in by; None when there is nobody, or nobody any more."""
    rows = await database.read(
        """
        SELECT id, name, password_hash, deactivated_at IS NOT NULL
        FROM user WHERE name_key = ? AND deleted_at IS NULL
        """,
        (name_key,),
    )
    return next((Credentials(User(user_id, name), known, bool(gone)) for user_id, name, known, gone in rows), None)


async def find_password_hash(database: Database, user_id: int) -> str | None:
    """The PHC string of someone who may sign in."""
    rows = await database.read(
        "SELECT password_hash FROM user WHERE id = ? AND deactivated_at IS NULL AND deleted_at IS NULL", (user_id,)
    )
    return next((str(password_hash) for (password_hash,) in rows), None)


async def find_user(execute: Execute, name_key: str) -> User | None:
    """The person with this name, deactivated or not."""
    rows = await execute("SELECT id, name FROM user WHERE name_key = ? AND deleted_at IS NULL", (name_key,))
    return next((User(user_id, name) for user_id, name in rows), None)


async def name_is_taken(database: Database, *, name_key: str, look_key: str) -> bool:
    return bool(await database.read("SELECT 1 FROM user WHERE name_key = ? OR look_key = ?", (name_key, look_key)))


async def has_accounts(database: Database) -> bool:
    return bool(await database.read("SELECT 1 FROM user WHERE deleted_at IS NULL LIMIT 1"))


async def has_admin(database: Database) -> bool:
    """Whether anyone can do what admins do."""
    return bool(
        await database.read(
            "SELECT 1 FROM user WHERE is_admin AND deactivated_at IS NULL AND deleted_at IS NULL LIMIT 1"
        )
    )


async def is_admin(database: Database, user_id: int) -> bool:
    """Whether the person may do what admins do, at this moment."""
    return bool(await database.read(_IS_ADMIN, (user_id,)))


async def is_admin_now(execute: Execute, user_id: int) -> bool:
    """The same, as a step of a transaction: nothing can come between it and what follows."""
    return bool(list(await execute(_IS_ADMIN, (user_id,))))


async def check_admin(execute: Execute, actor: User | None) -> None:
    """Refuse whoever is no admin at the moment of the act, as a step of the transaction that carries it out.

    Args:
        actor: None: the operator, on the command line, who may do everything.

    Raises:
        Forbidden: the actor is no admin.
    """
    if actor is not None and not await is_admin_now(execute, actor.user_id):
        raise not_admin()


def not_admin() -> Forbidden:
    return Forbidden("Only an admin of this server may do this.", "not_admin")


async def is_last_admin(execute: Execute, user_id: int) -> bool:
    """Whether nobody could do what admins do if it were not for this person."""
    others = await execute(
        "SELECT 1 FROM user WHERE is_admin AND deactivated_at IS NULL AND deleted_at IS NULL AND id <> ? LIMIT 1",
        (user_id,),
    )
    return await is_admin_now(execute, user_id) and not list(others)


async def is_alone(execute: Execute, user_id: int) -> bool:
    """Whether nobody else has an account."""
    return not list(await execute("SELECT 1 FROM user WHERE deleted_at IS NULL AND id <> ? LIMIT 1", (user_id,)))


async def set_admin(execute: Execute, user_id: int, *, is_admin: bool) -> bool:
    """Give or take an admin's rights; False when nothing changed."""
    rows = await execute(
        "UPDATE user SET is_admin = ?1 WHERE id = ?2 AND is_admin <> ?1 RETURNING id", (int(is_admin), user_id)
    )
    return bool(list(rows))


async def deactivate(execute: Execute, user_id: int, now_ms: int) -> bool:
    """Keep someone out until further notice, and end what they are signed in with; False when nothing changed."""
    rows = await execute(
        "UPDATE user SET deactivated_at = ? WHERE id = ? AND deactivated_at IS NULL RETURNING id", (now_ms, user_id)
    )
    if not list(rows):
        return False
    await execute("DELETE FROM session WHERE user_id = ?", (user_id,))
    return True


async def reactivate(execute: Execute, user_id: int) -> bool:
    """Let someone in again; False when nothing changed."""
    rows = await execute(
        "UPDATE user SET deactivated_at = NULL WHERE id = ? AND deactivated_at IS NOT NULL RETURNING id", (user_id,)
    )
    return bool(list(rows))


async def delete_account(execute: Execute, user_id: int, *, password_hash: str, messages_go: bool, now_ms: int) -> bool:
    """Leave nothing of an account but a nameless row for the messages; False when the hash is no longer this one.

    The keys that remain hold a slash, which no name does, so the name is free again.
    """
    rows = await execute(
        """
        UPDATE user SET name = ?3, name_key = '/deleted/' || id, look_key = '/deleted/' || id, password_hash = '',
                        is_admin = 0, deleted_at = ?4, messages_go = ?5
        WHERE id = ?1 AND password_hash = ?2 AND deleted_at IS NULL RETURNING id
        """,
        (user_id, password_hash, DELETED_USERNAME, now_ms, int(messages_go)),
    )
    if not list(rows):
        return False
    await execute("DELETE FROM session WHERE user_id = ?", (user_id,))
    await execute("DELETE FROM member WHERE user_id = ?", (user_id,))
    await execute("DELETE FROM password_reset WHERE user_id = ?", (user_id,))
    return True


async def update_password_hash(database: Database, user_id: int, *, old: str, new: str) -> bool:
    """Store the same password hashed anew; False when it has been changed meanwhile."""
    return bool(
        await database.write(
            "UPDATE user SET password_hash = ? WHERE id = ? AND password_hash = ? RETURNING id", (new, user_id, old)
        )
    )


async def change_password(execute: Execute, user_id: int, *, old: str, new: str, but_key: str) -> bool:
    """Store another password and end every sign-in but one; False when the old one is no longer this one.

    An open password reset ends as well: it was for whoever had lost the old password.
    """
    rows = await execute(
        "UPDATE user SET password_hash = ? WHERE id = ? AND password_hash = ? RETURNING id", (new, user_id, old)
    )
    if not list(rows):
        return False
    await execute("DELETE FROM session WHERE user_id = ? AND token_name IS NULL AND id_hash <> ?", (user_id, but_key))
    await execute("DELETE FROM password_reset WHERE user_id = ?", (user_id,))
    return True


async def set_password(execute: Execute, user_id: int, password_hash: str) -> None:
    """Store a password whatever the old one was, and end everything the person is signed in with."""
    await execute("UPDATE user SET password_hash = ? WHERE id = ?", (password_hash, user_id))
    await execute("DELETE FROM session WHERE user_id = ?", (user_id,))
    await execute("DELETE FROM password_reset WHERE user_id = ?", (user_id,))


async def find_users_whose_messages_go(database: Database) -> list[int]:
    """The ids of the deleted accounts whose messages are still to be deleted."""
    rows = await database.read("SELECT id FROM user WHERE deleted_at IS NOT NULL AND messages_go")
    return [user_id for (user_id,) in rows]


async def note_messages_gone(database: Database, user_id: int) -> None:
    await database.write("UPDATE user SET messages_go = 0 WHERE id = ?", (user_id,))


async def list_users_json(database: Database) -> str:
    """Everyone as a JSON array, built in SQLite so that a long one keeps nobody waiting."""
    ((users,),) = await database.read(
        """
        SELECT json_group_array(json(
            CASE is_admin + 2 * (deactivated_at IS NOT NULL)
            WHEN 0 THEN json_object('user_id', id, 'username', name)
            WHEN 1 THEN json_object('user_id', id, 'username', name, 'admin', json('true'))
            WHEN 2 THEN json_object('user_id', id, 'username', name, 'deactivated', json('true'))
            ELSE json_object('user_id', id, 'username', name, 'admin', json('true'), 'deactivated', json('true'))
            END
        ))
        FROM (SELECT id, name, is_admin, deactivated_at FROM user WHERE deleted_at IS NULL ORDER BY id)
        """
    )
    return str(users)
