"""What a person can do about an account: make one, sign in to it, see who else has one."""

from __future__ import annotations

import time

from chat.errors import Taken, WrongCredentials
from chat.models import Device, User
from chat.services.limits import Limits
from chat.services.names import check_name, look_key, name_key
from chat.services.passwords import PasswordHasher, can_be_password, check_password, needs_rehash
from chat.store import accounts
from chat.store.database import Database


async def create_user(database: Database, hasher: PasswordHasher, username: str, password: str) -> User:
    """Make an account.

    Raises:
        BrokenRule: the name or the password is not allowed.
        Taken: someone has this name or one that looks like it.
        Busy, StorageUnavailable: not now; nothing was stored.
    """
    check_name(username, "user name")
    check_password(password)
    key, look = name_key(username), look_key(username)
    taken = Taken(f"The name {username} is taken, or looks too much like one that is.")
    if await accounts.name_is_taken(database, name_key=key, look_key=look):
        raise taken  # before the costly part
    password_hash = await hasher.hash(password)
    user = await accounts.insert_user(
        database, username=username, name_key=key, look_key=look, password_hash=password_hash,
        created_ms=int(time.time() * 1000),
    )  # fmt: skip
    if user is None:
        raise taken
    return user


async def authenticate(
    database: Database,
    hasher: PasswordHasher,
    limits: Limits,
    username: str,
    password: str,
    *,
    address: str | None,
    device: Device | None,
) -> User:
    """The user that the name and the password belong to.

    Args:
        address: where the attempt comes from.
        device: what it shows of an earlier sign-in.

    Raises:
        WrongCredentials: they do not go together; says and takes the same for an unknown name.
        TooMany: too many attempts have failed; nothing was hashed, and it says the same for an unknown name.
        Busy, StorageUnavailable: not now.
    """
    wrong = WrongCredentials("The user name or the password is wrong.")
    key = name_key(username)
    user, password_hash = await accounts.find_user_and_hash(database, key) or (None, None)
    with limits.guess(key, user, address, device):
        if not can_be_password(password):
            raise wrong
        if not await hasher.verify(password, password_hash) or user is None or password_hash is None:
            raise wrong
    if needs_rehash(password_hash):
        await accounts.update_password_hash(database, user.user_id, await hasher.hash(password))
    return user


async def list_users_json(database: Database) -> str:
    """Everyone who has an account, as a JSON array."""
    return await accounts.list_users_json(database)
