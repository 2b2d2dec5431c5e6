"""Handlers for API tokens: list, make and revoke one's own."""

from __future__ import annotations

import logging

from aiohttp import web

from chat.fields import required_text
from chat.models import Session
from chat.protocol import timestamp
from chat.services import tokens
from chat.services.sessions import public_id_of
from chat.web.answers import answer
from chat.web.bodies import read_fields
from chat.web.keys import DATABASE, HASHER, LIMITS, SESSIONS
from chat.web.sessions import signed_in

log = logging.getLogger(__name__)


async def get_tokens(request: web.Request) -> web.Response:
    user = (await signed_in(request)).user
    own = request.app[SESSIONS].of_user(user.user_id, tokens=True)
    return answer({"tokens": [_described(listed) for listed in own]})


async def create_token(request: web.Request) -> web.Response:
    """The answer is the only place where the token is ever shown."""
    session, app = await signed_in(request), request.app
    user = session.user
    fields = await read_fields(request)
    name, password = required_text(fields, "name"), required_text(fields, "password")
    with app[LIMITS].confirmation(session):
        made, token = await tokens.create_token(
            app[DATABASE], app[HASHER], app[SESSIONS], user, name=name, password=password
        )
    log.info("token: user %d made %s", user.user_id, public_id_of(made))
    return answer({"token_id": public_id_of(made), "name": name, "token": token})


async def revoke_token(request: web.Request) -> web.Response:
    user, app = (await signed_in(request)).user, request.app
    public_id = required_text(await read_fields(request), "token_id")
    await app[SESSIONS].end([app[SESSIONS].find_own(user.user_id, public_id, tokens=True).key])
    log.info("token: user %d revoked %s", user.user_id, public_id)
    return answer({"message": "The token is revoked."})


def _described(token: Session) -> dict[str, object]:
    return {
        "token_id": public_id_of(token),
        "name": token.token_name,
        "created": timestamp(int(token.created * 1000)),
        "last_used": timestamp(int(token.last_used * 1000)),
    }
