"""Password resets: a link that an admin makes for someone who has lost the password, good for one use."""

from __future__ import annotations

import time
from dataclasses import dataclass

from chat.errors import Forbidden
from chat.models import User
from chat.services.admins import admin_act, find_user
from chat.services.codes import code_hash, new_code
from chat.services.passwords import PasswordHasher, check_password
from chat.services.sessions import Sessions
from chat.settings import Settings
from chat.store import accounts, password_resets
from chat.store.audit import insert_entry
from chat.store.database import Database


@dataclass(frozen=True, slots=True)
class NewReset:
    """A password reset at the one moment at which its code is known.

    Args:
        expires_ms: milliseconds since 1970 UTC.
    """

    user: User
    code: str
    expires_ms: int


async def create_password_reset(database: Database, settings: Settings, actor: User | None, username: str) -> NewReset:
    """Make the code with which someone can choose a new password; one made before is worth nothing any more.

    Args:
        actor: None: the operator, on the command line.

    Raises:
        Forbidden: the actor is no admin.
        Unknown: there is no such user.
        StorageUnavailable: not now; nothing was stored.
    """
    code, now_ms = new_code(), int(time.time() * 1000)
    expires_ms = now_ms + settings.password_reset_seconds * 1000
    async with admin_act(database, actor) as execute:
        user = await find_user(execute, username)
        await password_resets.replace_reset(
            execute, user_id=user.user_id, code_hash=code_hash(code), now_ms=now_ms, expires_ms=expires_ms
        )
        await insert_entry(execute, actor, "create_password_reset", user_id=user.user_id)
    return NewReset(user, code, expires_ms)


async def reset_password(
    database: Database, hasher: PasswordHasher, sessions: Sessions, code: str, password: str
) -> User:
    """Choose a new password by a code; it is used up, and sign-ins, tokens and sockets of the user end at once.

    Raises:
        Forbidden: the code is unknown, used up or too old; says the same for all of them.
        BrokenRule: the password is not allowed; the code stays good.
        Busy, StorageUnavailable: not now; the code stays good.
    """
    refused = Forbidden("This link is not valid, or no longer; ask for a new one.", "reset_invalid")
    key = code_hash(code)
    if not await password_resets.is_open(database, key, int(time.time() * 1000)):
        raise refused  # before the costly part
    check_password(password)
    password_hash = await hasher.hash(password)
    async with database.transaction() as execute:
        user = await password_resets.find_reset(execute, key, int(time.time() * 1000))
        if user is None:
            raise refused
        await accounts.set_password(execute, user.user_id, password_hash)
    sessions.forget(user.user_id)
    return user
