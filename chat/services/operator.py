"""What whoever runs the server can do on its command line: a table of acts, the same beside a server and without one.

The audit log has no name for the operator, so their entries have no actor.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from chat.errors import BrokenRule
from chat.fields import optional_number, required_number, required_text
from chat.protocol import encode_json, timestamp
from chat.services import accounts, admins, invites, password_resets
from chat.services.passwords import PasswordHasher
from chat.services.sessions import Sessions
from chat.settings import Settings
from chat.store.database import Database

log = logging.getLogger(__name__)

Fields = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Operator:
    """What the acts need.

    Args:
        sessions: None where no server runs in this process.
    """

    database: Database
    settings: Settings
    hasher: PasswordHasher
    sessions: Sessions | None


# Takes named values and answers with a JSON object; raises what the services raise.
Act = Callable[[Operator, Fields], Awaitable[str]]


async def add_user(operator: Operator, fields: Fields) -> str:
    username, is_admin = required_text(fields, "username"), _flag(fields, "admin")
    password = required_text(fields, "password")
    user = await accounts.create_user(operator.database, operator.hasher, None, username, password)
    if is_admin:
        await admins.make_admin(operator.database, None, username)
    log.info("account: user %d made by the operator", user.user_id)
    return encode_json({"user_id": user.user_id, "username": user.username})


async def list_users(operator: Operator, _fields: Fields) -> str:
    return f'{{"users":{await accounts.list_users_json(operator.database)}}}'


async def create_password_reset(operator: Operator, fields: Fields) -> str:
    username = required_text(fields, "username")
    reset = await password_resets.create_password_reset(operator.database, operator.settings, None, username)
    log.info("password reset: made for user %d by the operator", reset.user.user_id)
    link = _link(operator, f"/#reset={reset.code}")
    return encode_json({"username": reset.user.username, **link, "expires": timestamp(reset.expires_ms)})


async def deactivate_user(operator: Operator, fields: Fields) -> str:
    username = required_text(fields, "username")
    user = await admins.deactivate_user(operator.database, operator.sessions, None, username)
    log.info("account: user %d deactivated by the operator", user.user_id)
    return encode_json({"username": user.username})


async def reactivate_user(operator: Operator, fields: Fields) -> str:
    user = await admins.reactivate_user(operator.database, None, required_text(fields, "username"))
    log.info("account: user %d reactivated by the operator", user.user_id)
    return encode_json({"username": user.username})


async def make_admin(operator: Operator, fields: Fields) -> str:
    user = await admins.make_admin(operator.database, None, required_text(fields, "username"))
    log.info("account: user %d made an admin by the operator", user.user_id)
    return encode_json({"username": user.username})


async def remove_admin(operator: Operator, fields: Fields) -> str:
    user = await admins.remove_admin(operator.database, None, required_text(fields, "username"))
    log.info("account: user %d no longer an admin, by the operator", user.user_id)
    return encode_json({"username": user.username})


async def create_invite(operator: Operator, fields: Fields) -> str:
    uses, hours = optional_number(fields, "uses"), optional_number(fields, "hours")
    invite = await invites.create_invite(operator.database, operator.settings, None, uses=uses, hours=hours)
    log.info("invite: %d made by the operator", invite.invite_id)
    return encode_json(
        {
            "invite_id": invite.invite_id,
            **_link(operator, f"/#invite={invite.code}"),
            "expires": timestamp(invite.expires_ms),
            "uses_left": invite.uses_left,
        }
    )


async def list_invites(operator: Operator, _fields: Fields) -> str:
    found = await invites.list_invites(operator.database)
    return encode_json({"invites": [invites.described(invite) for invite in found]})


async def revoke_invite(operator: Operator, fields: Fields) -> str:
    invite_id = required_number(fields, "invite_id")
    await invites.revoke_invite(operator.database, None, invite_id)
    log.info("invite: %d revoked by the operator", invite_id)
    return encode_json({"invite_id": invite_id})


def _link(operator: Operator, path: str) -> dict[str, str]:
    """The path, and the whole link where the address of the server is known."""
    origin = operator.settings.origin
    return {"path": path} | ({"link": origin + path} if origin else {})


def _flag(fields: Fields, name: str) -> bool:
    value = fields.get(name, False)
    if not isinstance(value, bool):
        raise BrokenRule(f"The field {name} is true or false.")
    return value


_ALL = (
    add_user,
    list_users,
    create_password_reset,
    deactivate_user,
    reactivate_user,
    make_admin,
    remove_admin,
    create_invite,
    list_invites,
    revoke_invite,
)
ACTS: Mapping[str, Act] = {act.__name__: act for act in _ALL}
