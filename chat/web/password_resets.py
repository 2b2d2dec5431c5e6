"""Handlers for password resets: an admin makes a link, whoever gets it chooses a new password."""

from __future__ import annotations

import logging

from aiohttp import web

from chat.errors import Forbidden
from chat.fields import required_text
from chat.protocol import timestamp
from chat.services import password_resets
from chat.web.answers import answer
from chat.web.bodies import read_fields
from chat.web.keys import DATABASE, HASHER, SESSIONS, SETTINGS
from chat.web.sessions import signed_in_admin

log = logging.getLogger(__name__)


async def create_password_reset(request: web.Request) -> web.Response:
    """The answer is the only place where the code is ever shown."""
    admin, app = await signed_in_admin(request), request.app
    username = required_text(await read_fields(request), "username")
    reset = await password_resets.create_password_reset(app[DATABASE], app[SETTINGS], admin, username)
    log.info("password reset: made for user %d by user %d", reset.user.user_id, admin.user_id)
    return answer({"reset": reset.code, "expires": timestamp(reset.expires_ms), "path": f"/#reset={reset.code}"})


async def reset_password(request: web.Request) -> web.Response:
    app, fields = request.app, await read_fields(request)
    code, password = required_text(fields, "reset"), required_text(fields, "password")
    try:
        user = await password_resets.reset_password(app[DATABASE], app[HASHER], app[SESSIONS], code, password)
    except Forbidden:
        log.warning("password reset: refused from %s", request.remote)
        raise
    log.info("password reset: used for user %d from %s", user.user_id, request.remote)
    return answer({"username": user.username, "message": "Your password is changed. Sign in with it."})
