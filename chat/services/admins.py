"""What admins can do about people, and how it is made sure that they are admins.

A right is read at the moment of the act, in the transaction that carries it out, and kept nowhere: whoever was an
admin a moment ago is refused. The act and its entry in the audit log are stored together or not at all.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from chat.errors import Unknown
from chat.models import User
from chat.services.accounts import last_admin
from chat.services.names import name_key
from chat.services.passwords import PasswordHasher, check_password
from chat.services.sessions import Sessions
from chat.store import accounts
from chat.store.audit import Entry, insert_entry, list_entries
from chat.store.database import Database, Execute


@asynccontextmanager
async def admin_act(database: Database, actor: User | None) -> AsyncIterator[Execute]:
    """A transaction in which an admin does something; whoever opens it writes the entry for the audit log.

    Args:
        actor: None: the operator, on the command line, who may do everything.

    Raises:
        Forbidden: the actor is no admin.
        StorageUnavailable: nothing was changed.
    """
    async with database.transaction() as execute:
        await accounts.check_admin(execute, actor)
        yield execute


async def check_admin(database: Database, user: User) -> None:
    """Refuse early, before anything else is looked at, what `admin_act` would refuse.

    Raises:
        Forbidden: the user is no admin.
    """
    if not await accounts.is_admin(database, user.user_id):
        raise accounts.not_admin()


async def make_admin(database: Database, actor: User | None, username: str) -> User:
    """Let someone do what admins do; harmless for one who may.

    Raises:
        Forbidden: the actor is no admin.
        Unknown: there is no such user.
        StorageUnavailable: not now; nothing has changed.
    """
    async with admin_act(database, actor) as execute:
        user = await find_user(execute, username)
        if await accounts.set_admin(execute, user.user_id, is_admin=True):
            await insert_entry(execute, actor, "make_admin", user_id=user.user_id)
    return user


async def remove_admin(database: Database, actor: User | None, username: str) -> User:
    """Take an admin's rights; harmless for one who has none.

    Raises:
        Conflict: it is the last admin.
        Forbidden, Unknown, StorageUnavailable: as `make_admin`.
    """
    async with admin_act(database, actor) as execute:
        user = await _find_dispensable(execute, username)
        if await accounts.set_admin(execute, user.user_id, is_admin=False):
            await insert_entry(execute, actor, "remove_admin", user_id=user.user_id)
    return user


async def deactivate_user(database: Database, sessions: Sessions | None, actor: User | None, username: str) -> User:
    """Shut someone out: sign-ins, tokens and sockets end at once. Harmless for one who is shut out already.

    Args:
        sessions: None where no server runs in this process.

    Raises:
        Conflict: it is the last admin.
        Forbidden, Unknown, StorageUnavailable: as `make_admin`.
    """
    async with admin_act(database, actor) as execute:
        user = await _find_dispensable(execute, username)
        if await accounts.deactivate(execute, user.user_id, int(time.time() * 1000)):
            await insert_entry(execute, actor, "deactivate_user", user_id=user.user_id)
    if sessions is not None:
        sessions.forget(user.user_id)
    return user


async def reactivate_user(database: Database, actor: User | None, username: str) -> User:
    """Let someone sign in again; harmless for one who may. Raises as `make_admin`."""
    async with admin_act(database, actor) as execute:
        user = await find_user(execute, username)
        if await accounts.reactivate(execute, user.user_id):
            await insert_entry(execute, actor, "reactivate_user", user_id=user.user_id)
    return user


async def set_password(
    database: Database,
    hasher: PasswordHasher,
    sessions: Sessions | None,
    actor: User | None,
    *,
    username: str,
    password: str,
) -> User:
    """Give someone a password, whatever theirs was; sign-ins, tokens and sockets end at once.

    Args:
        sessions: None where no server runs in this process.

    Raises:
        BrokenRule: the password is not allowed.
        Forbidden, Unknown, StorageUnavailable: as `make_admin`.
    """
    check_password(password)
    password_hash = await hasher.hash(password)
    async with admin_act(database, actor) as execute:
        user = await find_user(execute, username)
        await accounts.set_password(execute, user.user_id, password_hash)
        await insert_entry(execute, actor, "reset_password", user_id=user.user_id)
    if sessions is not None:
        sessions.forget(user.user_id)
    return user


async def _find_dispensable(execute: Execute, username: str) -> User:
    """The person an admin means, who is not the last who could act as one.

    Raises:
        Unknown: there is nobody of this name.
        Conflict: nobody else is an admin.
    """
    user = await find_user(execute, username)
    if await accounts.is_last_admin(execute, user.user_id):
        raise last_admin()
    return user


async def list_audit(database: Database, *, before: int | None, limit: int) -> tuple[list[Entry], int | None]:
    """A page of the audit log, newest first, and what to give as `before` for the next; None on the last.

    Args:
        before: the id of an entry, itself left out.
    """
    newest = 2**63 - 1
    found = await list_entries(database, before=newest if before is None else before, limit=limit + 1)
    page = found[:limit]
    return page, page[-1].entry_id if len(found) > limit else None


async def find_user(execute: Execute, username: str) -> User:
    """The person an admin means.

    Raises:
        Unknown: there is nobody of this name.
    """
    user = await accounts.find_user(execute, name_key(username))
    if user is None:
        raise Unknown("There is no user with this name.", "unknown_user")
    return user
