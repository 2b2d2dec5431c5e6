"""Invites: what lets people sign up on a server that is not open to everyone."""

from __future__ import annotations

import time
from dataclasses import dataclass

from chat.errors import BrokenRule, Conflict, Unknown
from chat.models import User
from chat.protocol import timestamp
from chat.services.admins import admin_act
from chat.services.codes import code_hash, new_code
from chat.settings import Settings
from chat.store import invites
from chat.store.audit import insert_entry
from chat.store.database import Database
from chat.store.invites import Invite

DEFAULT_USES = 1
DEFAULT_HOURS = 7 * 24

_HOUR_MS = 60 * 60 * 1000


@dataclass(frozen=True, slots=True)
class NewInvite:
    """An invite at the one moment at which its code is known.

    Args:
        expires_ms: milliseconds since 1970 UTC.
    """

    invite_id: int
    code: str
    expires_ms: int
    uses_left: int


async def create_invite(
    database: Database, settings: Settings, actor: User | None, *, uses: int | None = None, hours: int | None = None
) -> NewInvite:
    """Make an invite.

    Args:
        actor: None: the operator, on the command line.
        uses: how many accounts it lets in.
        hours: how long it lasts.

    Raises:
        Forbidden: the actor is no admin.
        BrokenRule: too many uses or hours, or none.
        Conflict: too many invites are open.
        StorageUnavailable: not now; nothing was stored.
    """
    uses = _within("uses", uses, DEFAULT_USES, settings.invite_uses_max)
    hours = _within("hours", hours, DEFAULT_HOURS, settings.invite_hours_max)
    code, now_ms = new_code(), int(time.time() * 1000)
    expires_ms = now_ms + hours * _HOUR_MS
    async with admin_act(database, actor) as execute:
        invite_id = await invites.insert_invite(
            execute, code_hash=code_hash(code), created_by=actor, now_ms=now_ms, expires_ms=expires_ms, uses=uses,
            live_max=settings.invites_max,
        )  # fmt: skip
        if invite_id is None:
            raise Conflict(f"There are {settings.invites_max:,} open invites; revoke some first.", "too_many_invites")
        subject = f"invite {invite_id}, uses: {uses}, hours: {hours}"
        await insert_entry(execute, actor, "create_invite", subject=subject)
    return NewInvite(invite_id, code, expires_ms, uses)


async def list_invites(database: Database) -> list[Invite]:
    """Those that still let someone in, the newest first."""
    return await invites.list_invites(database, int(time.time() * 1000))


def described(invite: Invite) -> dict[str, object]:
    """An invite as admins and the operator are told of it."""
    return {
        "invite_id": invite.invite_id,
        "created_by": invite.created_by,
        "created": timestamp(invite.created_ms),
        "expires": timestamp(invite.expires_ms),
        "uses_left": invite.uses_left,
    }


async def revoke_invite(database: Database, actor: User | None, invite_id: int) -> None:
    """End an invite; accounts that it let in stay.

    Raises:
        Forbidden: the actor is no admin.
        Unknown: there is no such invite, or it is over.
        StorageUnavailable: not now; it goes on.
    """
    async with admin_act(database, actor) as execute:
        if not await invites.delete_invite(execute, invite_id, int(time.time() * 1000)):
            raise Unknown("There is no open invite with this number.", "unknown_invite")
        await insert_entry(execute, actor, "revoke_invite", subject=f"invite {invite_id}")


def _within(name: str, value: int | None, default: int, most: int) -> int:
    if value is None:
        return min(default, most)
    if not 1 <= value <= most:
        raise BrokenRule(f"The field {name} is a whole number from 1 to {most}.", "out_of_range")
    return value
