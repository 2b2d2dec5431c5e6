"""The accounts: who there is and the hash of their password."""

from __future__ import annotations

from chat.models import User
from chat.store.database import Database


async def insert_user(
    database: Database, *, username: str, name_key: str, look_key: str, password_hash: str, created_ms: int
) -> User | None:
    """Store a new user; None when someone has this name or one that looks like it. The first of all is an admin."""
    rows = await database.write(
        """
        INSERT INTO user (name, name_key, look_key, password_hash, created_at, is_admin)
        VALUES (?, ?, ?, ?, ?, NOT EXISTS (SELECT 1 FROM user))
        ON CONFLICT DO NOTHING RETURNING id
        """,
        (username, name_key, look_key, password_hash, created_ms),
    )
    return User(rows[0][0], username) if rows else None


async def find_user_and_hash(database: Database, name_key: str) -> tuple[User, str] | None:
    """A user and the PHC string of the password."""
    rows = await database.read("SELECT id, name, password_hash FROM user WHERE name_key = ?", (name_key,))
    return next(((User(user_id, name), password_hash) for user_id, name, password_hash in rows), None)


async def name_is_taken(database: Database, *, name_key: str, look_key: str) -> bool:
    return bool(await database.read("SELECT 1 FROM user WHERE name_key = ? OR look_key = ?", (name_key, look_key)))


async def update_password_hash(database: Database, user_id: int, password_hash: str) -> None:
    await database.write("UPDATE user SET password_hash = ? WHERE id = ?", (password_hash, user_id))


async def is_admin(database: Database, user_id: int) -> bool:
    return bool(await database.read("SELECT 1 FROM user WHERE id = ? AND is_admin", (user_id,)))


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
        SELECT json_group_array(json_object('user_id', id, 'username', name))
        FROM (SELECT id, name FROM user ORDER BY id)
        """
    )
    return str(users)
