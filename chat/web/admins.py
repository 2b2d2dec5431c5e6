"""Handlers for what admins do about people, and for the log of it, which everyone may read."""

from __future__ import annotations

import logging

from aiohttp import web

from chat.errors import BrokenRule
from chat.fields import optional_number, required_text
from chat.protocol import timestamp
from chat.services import admins
from chat.web.answers import answer
from chat.web.bodies import read_fields
from chat.web.keys import DATABASE, SESSIONS, SETTINGS
from chat.web.sessions import signed_in, signed_in_admin

log = logging.getLogger(__name__)


async def deactivate_user(request: web.Request) -> web.Response:
    admin, app = await signed_in_admin(request), request.app
    username = required_text(await read_fields(request), "username")
    user = await admins.deactivate_user(app[DATABASE], app[SESSIONS], admin, username)
    log.info("account: user %d deactivated by user %d", user.user_id, admin.user_id)
    return answer({"message": f"{user.username} is signed out and cannot sign in."})


async def reactivate_user(request: web.Request) -> web.Response:
    admin = await signed_in_admin(request)
    username = required_text(await read_fields(request), "username")
    user = await admins.reactivate_user(request.app[DATABASE], admin, username)
    log.info("account: user %d reactivated by user %d", user.user_id, admin.user_id)
    return answer({"message": f"{user.username} can sign in again."})


async def get_audit(request: web.Request) -> web.Response:
    await signed_in(request)
    before, limit = optional_number(request.query, "before"), optional_number(request.query, "limit")
    most = request.app[SETTINGS].audit_page_max_entries
    if limit is not None and not 1 <= limit <= most:
        raise BrokenRule(f"The field limit is a whole number from 1 to {most}.", "out_of_range")
    entries, following = await admins.list_audit(request.app[DATABASE], before=before, limit=limit or most)
    listed = [
        {
            "id": entry.entry_id,
            "timestamp": timestamp(entry.created_ms),
            "actor": entry.actor,
            "action": entry.action,
            "user": entry.username,
            "subject": entry.subject,
        }
        for entry in entries
    ]
    return answer({"entries": listed} | ({} if following is None else {"next": following}))
