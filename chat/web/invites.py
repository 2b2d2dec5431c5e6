"""Handlers for invites: make, list and revoke them; for admins."""

from __future__ import annotations

import logging

from aiohttp import web

from chat.fields import optional_number, required_number
from chat.protocol import timestamp
from chat.services import invites
from chat.web.answers import answer
from chat.web.bodies import read_fields
from chat.web.keys import DATABASE, SETTINGS
from chat.web.sessions import signed_in_admin

log = logging.getLogger(__name__)


async def create_invite(request: web.Request) -> web.Response:
    """The answer is the only place where the code is ever shown."""
    admin, app = await signed_in_admin(request), request.app
    fields = await read_fields(request)
    uses, hours = optional_number(fields, "uses"), optional_number(fields, "hours")
    invite = await invites.create_invite(app[DATABASE], app[SETTINGS], admin, uses=uses, hours=hours)
    log.info("invite: %d made by user %d", invite.invite_id, admin.user_id)
    return answer(
        {
            "invite_id": invite.invite_id,
            "invite": invite.code,
            "expires": timestamp(invite.expires_ms),
            "uses_left": invite.uses_left,
            "path": f"/#invite={invite.code}",
        }
    )


async def get_invites(request: web.Request) -> web.Response:
    await signed_in_admin(request)
    found = await invites.list_invites(request.app[DATABASE])
    return answer({"invites": [invites.described(invite) for invite in found]})


async def revoke_invite(request: web.Request) -> web.Response:
    admin = await signed_in_admin(request)
    invite_id = required_number(await read_fields(request), "invite_id")
    await invites.revoke_invite(request.app[DATABASE], admin, invite_id)
    log.info("invite: %d revoked by user %d", invite_id, admin.user_id)
    return answer({"message": "The invite is revoked."})
