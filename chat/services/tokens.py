"""API tokens: how programs sign in as a person, until the person takes it back."""

from __future__ import annotations

from chat.models import Session, User
from chat.services.accounts import confirm_password
from chat.services.codes import code_hash, new_token
from chat.services.names import check_name
from chat.services.passwords import PasswordHasher
from chat.services.sessions import Sessions
from chat.store.database import Database


async def create_token(
    database: Database, hasher: PasswordHasher, sessions: Sessions, user: User, *, name: str, password: str
) -> tuple[Session, str]:
    """Make a token, which does not expire; the second value is the token itself, which is kept nowhere.

    Args:
        name: what the user calls it.
        password: asked for again, so that whoever has stolen a session cannot stay for good.

    Raises:
        BrokenRule: the name is not allowed.
        Forbidden: the password is wrong.
        Conflict: the user has as many as one may have.
        Busy, StorageUnavailable: not now; nothing was stored.
    """
    check_name(name, "token name")
    password_hash = await confirm_password(database, hasher, user, password)
    token = new_token()
    return await sessions.start_token(code_hash(token), user, name, password_hash=password_hash), token
