"""What a person can do about an account: make one, sign in to it, see who else has one, change and delete it."""

from __future__ import annotations

import time
from functools import partial

from chat.errors import Conflict, Forbidden, NotSignedIn, Taken, WrongCredentials
from chat.live.hub import Hub
from chat.models import Device, User
from chat.services.codes import code_hash
from chat.services.limits import Limits
from chat.services.names import check_name, look_key, name_key
from chat.services.passwords import PasswordHasher, can_be_password, check_password, needs_rehash
from chat.services.sessions import Sessions
from chat.settings import Settings
from chat.store import accounts, invites
from chat.store.accounts import DELETED_USERNAME, Admit, Credentials
from chat.store.audit import insert_entry
from chat.store.database import Database, Execute


async def sign_up(
    database: Database, hasher: PasswordHasher, settings: Settings, *, username: str, password: str, invite: str | None
) -> Credentials:
    """Make an account for oneself, if the setting `registration` lets one.

    Args:
        invite: the code of an invite; a use of it is taken when the account is made, and only then.

    Raises:
        Forbidden: the server lets nobody in, or nobody without an invite, or not with this one.
        BrokenRule: the name or the password is not allowed.
        Taken: someone has this name or one that looks like it.
        Busy, StorageUnavailable: not now; nothing was stored.
    """
    if settings.registration == "closed":
        raise Forbidden("Nobody can sign up here; ask whoever runs this server.", "registration_closed")
    if settings.registration == "open":
        return await _make(database, hasher, username, password, None)
    # Before the costly part, and before anything is told of the names there are.
    if await accounts.has_accounts(database) and not await _is_live(database, invite):
        raise _refused(invite)
    return await _make(database, hasher, username, password, partial(_take_use, invite))


async def create_user(
    database: Database, hasher: PasswordHasher, actor: User | None, username: str, password: str
) -> User:
    """Make an account for someone else, whatever the setting `registration` says.

    Args:
        actor: who is written down in the audit log; None: the operator, on the command line.

    Raises:
        BrokenRule, Taken, Busy, StorageUnavailable: as `sign_up`.
    """
    return (await _make(database, hasher, username, password, partial(_write_down, actor))).user


async def authenticate(
    database: Database,
    hasher: PasswordHasher,
    limits: Limits,
    username: str,
    password: str,
    *,
    address: str | None,
    device: Device | None,
) -> Credentials:
    """Whom the name and the password belong to, with the hash that the password fits.

    Args:
        address: where the attempt comes from.
        device: what it shows of an earlier sign-in.

    Raises:
        WrongCredentials: they do not go together; says and takes the same for an unknown name.
        Forbidden: they do, and the account is deactivated.
        TooMany: too many attempts have failed; nothing was hashed, and it says the same for an unknown name.
        Busy, StorageUnavailable: not now.
    """
    wrong = WrongCredentials("The user name or the password is wrong.")
    key = name_key(username)
    found = await accounts.find_credentials(database, key)
    with limits.guess(key, found and found.user, address, device):
        if not can_be_password(password):
            raise wrong
        if not await hasher.verify(password, found and found.password_hash) or found is None:
            raise wrong
    if found.is_deactivated:
        raise Forbidden("This account is deactivated; ask an admin of this server.", "deactivated")
    if not needs_rehash(found.password_hash):
        return found
    rehashed = await hasher.hash(password)
    user_id = found.user.user_id
    if await accounts.update_password_hash(database, user_id, old=found.password_hash, new=rehashed):
        return found._replace(password_hash=rehashed)
    # It was changed a moment ago: perhaps by a sign-in that did the same, with the same password.
    return await authenticate(database, hasher, limits, username, password, address=address, device=device)


async def confirm_password(database: Database, hasher: PasswordHasher, user: User, password: str) -> str:
    """The hash of the user's password, once they have given it again: a stolen session must not be enough for all.

    Raises:
        Forbidden: it is another one.
        NotSignedIn: the account has been deactivated or deleted meanwhile.
        Busy, StorageUnavailable: not now.
    """
    password_hash = await accounts.find_password_hash(database, user.user_id)
    if password_hash is None:
        raise NotSignedIn("This account is gone.")
    if not can_be_password(password) or not await hasher.verify(password, password_hash):
        raise wrong_password()
    return password_hash


async def change_password(
    database: Database,
    hasher: PasswordHasher,
    sessions: Sessions,
    user: User,
    *,
    password: str,
    new_password: str,
    current_key: str,
) -> None:
    """Change the user's own password and end their other sign-ins, with their sockets; tokens stay.

    Args:
        password: the one until now.
        current_key: the session that stays.

    Raises:
        BrokenRule: the new password is not allowed.
        Forbidden: the old one is wrong.
        Busy, StorageUnavailable: not now; nothing has changed.
    """
    check_password(new_password)
    old = await confirm_password(database, hasher, user, password)
    new = await hasher.hash(new_password)
    async with database.transaction() as execute:
        if not await accounts.change_password(execute, user.user_id, old=old, new=new, but_key=current_key):
            raise wrong_password()  # it was changed a moment ago
    sessions.forget(user.user_id, but_key=current_key, tokens=False)


async def delete_account(
    database: Database,
    hasher: PasswordHasher,
    sessions: Sessions,
    hub: Hub,
    user: User,
    *,
    password: str,
    messages_go: bool,
) -> None:
    """Delete the user's own account: on return nobody is signed in to it, and what they said is no longer theirs.

    Args:
        messages_go: whether the messages are to be deleted too, before long; else they stay, as a deleted user's.

    Raises:
        Forbidden: the password is wrong.
        Conflict: others would be left without an admin.
        Busy, StorageUnavailable: not now; nothing has changed.
    """
    user_id = user.user_id
    password_hash = await confirm_password(database, hasher, user, password)
    async with database.transaction() as execute:
        if await accounts.is_last_admin(execute, user_id) and not await accounts.is_alone(execute, user_id):
            raise last_admin()
        if not await accounts.delete_account(
            execute, user_id, password_hash=password_hash, messages_go=messages_go, now_ms=int(time.time() * 1000)
        ):
            raise wrong_password()  # it was changed a moment ago
    sessions.forget(user_id)
    hub.forget_pages()


async def list_users_json(database: Database) -> str:
    """Everyone who has an account, as a JSON array."""
    return await accounts.list_users_json(database)


async def is_admin(database: Database, user_id: int) -> bool:
    """Whether the person may do what admins do, at this moment."""
    return await accounts.is_admin(database, user_id)


async def has_admin(database: Database) -> bool:
    """Whether anyone may do what admins do: false on a server without accounts."""
    return await accounts.has_admin(database)


def wrong_password() -> Forbidden:
    return Forbidden("The password is wrong.", "wrong_password")


def last_admin() -> Conflict:
    return Conflict("This is the only admin; make someone else an admin first.", "last_admin")


async def _make(
    database: Database, hasher: PasswordHasher, username: str, password: str, admit: Admit | None
) -> Credentials:
    check_name(username, "user name")
    check_password(password)
    key, look = name_key(username), look_key(username)
    taken = Taken(f"The name {username} is taken, or looks too much like one that is.")
    # Before the costly part. Whoever is gone shares one name, which nobody may take for their own.
    if look == look_key(DELETED_USERNAME) or await accounts.name_is_taken(database, name_key=key, look_key=look):
        raise taken
    password_hash = await hasher.hash(password)
    user = await accounts.insert_user(
        database, username=username, name_key=key, look_key=look, password_hash=password_hash,
        created_ms=int(time.time() * 1000), admit=admit,
    )  # fmt: skip
    if user is None:
        raise taken
    return Credentials(user, password_hash, is_deactivated=False)


async def _take_use(invite: str | None, execute: Execute, _user: User, is_first: bool) -> None:
    if is_first:
        return
    if invite is None or not await invites.take_use(execute, code_hash(invite), int(time.time() * 1000)):
        raise _refused(invite)


async def _write_down(actor: User | None, execute: Execute, user: User, _is_first: bool) -> None:
    await insert_entry(execute, actor, "create_user", user_id=user.user_id)


async def _is_live(database: Database, invite: str | None) -> bool:
    return invite is not None and await invites.is_live(database, code_hash(invite), int(time.time() * 1000))


def _refused(invite: str | None) -> Forbidden:
    if invite is None:
        return Forbidden("You need an invite to sign up here; ask an admin of this server.", "invite_needed")
    return Forbidden("This invite is not valid, or no longer.", "invite_invalid")
