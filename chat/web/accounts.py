"""Handlers for accounts: sign up, in, out, and who there is."""

from __future__ import annotations

import logging

from aiohttp import hdrs, web

from chat.errors import WrongCredentials
from chat.fields import required_text
from chat.services import accounts
from chat.web.answers import answer, answer_json
from chat.web.bodies import read_fields
from chat.web.devices import shown_device
from chat.web.keys import DATABASE, HASHER, LIMITS, SETTINGS
from chat.web.sessions import sign_in, sign_out, signed_in

log = logging.getLogger(__name__)


async def create_user(request: web.Request) -> web.Response:
    fields = await read_fields(request)
    username, password = required_text(fields, "username"), required_text(fields, "password")
    with request.app[LIMITS].sign_up(request.remote):
        user = await accounts.create_user(request.app[DATABASE], request.app[HASHER], username, password)
    await sign_in(request, user)
    log.info("account: user %d created from %s", user.user_id, request.remote)
    return answer({"info": f"Welcome, {user.username}.", "user_id": user.user_id, "username": user.username})


async def login(request: web.Request) -> web.Response:
    fields = await read_fields(request)
    username, password = required_text(fields, "username"), required_text(fields, "password")
    try:
        user = await accounts.authenticate(
            request.app[DATABASE], request.app[HASHER], request.app[LIMITS], username, password,
            address=request.remote, device=shown_device(request),
        )  # fmt: skip
    except WrongCredentials:
        log.warning("sign-in: refused from %s", request.remote)
        raise
    await sign_in(request, user)
    log.info("sign-in: user %d from %s", user.user_id, request.remote)
    return answer({"user_id": user.user_id, "message": f"Signed in as {user.username}."})


async def logout(request: web.Request) -> web.Response:
    """Sign out; HEAD, which programs that check links send, says what GET would and changes nothing."""
    session = await signed_in(request)
    if request.method != hdrs.METH_HEAD:
        await sign_out(request)
        log.info("sign-out: user %d", session.user.user_id)
    return answer({"message": "Signed out."})


async def whoami(request: web.Request) -> web.Response:
    user = (await signed_in(request)).user
    longest = request.app[SETTINGS].message_max_characters
    return answer({"user_id": user.user_id, "username": user.username, "message_max_characters": longest})


async def get_users(request: web.Request) -> web.Response:
    await signed_in(request)
    users = await accounts.list_users_json(request.app[DATABASE])
    return answer_json(f'{{"users":{users}}}')
