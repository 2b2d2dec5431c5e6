"""Handlers for accounts: sign up, in, out, who there is, and what everyone can do about their own account."""

from __future__ import annotations

import logging

from aiohttp import hdrs, web

from chat.errors import BrokenRule, Forbidden, WrongCredentials
from chat.fields import optional_text, required_text
from chat.models import Session
from chat.protocol import timestamp
from chat.services import accounts
from chat.services.sessions import public_id_of
from chat.web.answers import answer, write_json
from chat.web.bodies import read_fields
from chat.web.devices import shown_device
from chat.web.keys import DATABASE, HASHER, HUB, LIMITS, PACING, PURGE, SESSIONS, SETTINGS
from chat.web.sessions import sign_in, sign_out, signed_in

log = logging.getLogger(__name__)


async def registration(request: web.Request) -> web.Response:
    mode = request.app[SETTINGS].registration
    return answer({"registration": mode, "has_admin": await accounts.has_admin(request.app[DATABASE])})


async def create_user(request: web.Request) -> web.Response:
    fields = await read_fields(request)
    username, password = required_text(fields, "username"), required_text(fields, "password")
    app, invite = request.app, optional_text(fields, "invite")
    with app[LIMITS].sign_up(request.remote):
        credentials = await accounts.sign_up(
            app[DATABASE], app[HASHER], app[SETTINGS], username=username, password=password, invite=invite
        )
    await sign_in(request, credentials, is_new=True)
    user = credentials.user
    log.info("account: user %d created from %s", user.user_id, request.remote)
    return answer({"info": f"Welcome, {user.username}.", "user_id": user.user_id, "username": user.username})


async def login(request: web.Request) -> web.Response:
    fields = await read_fields(request)
    username, password = required_text(fields, "username"), required_text(fields, "password")
    try:
        credentials = await accounts.authenticate(
            request.app[DATABASE], request.app[HASHER], request.app[LIMITS], username, password,
            address=request.remote, device=shown_device(request),
        )  # fmt: skip
    except (WrongCredentials, Forbidden):
        log.warning("sign-in: refused from %s", request.remote)
        raise
    await sign_in(request, credentials)
    user = credentials.user
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
    return answer(
        {
            "user_id": user.user_id,
            "username": user.username,
            "admin": await accounts.is_admin(request.app[DATABASE], user.user_id),
            "message_max_characters": request.app[SETTINGS].message_max_characters,
        }
    )


async def get_users(request: web.Request) -> web.StreamResponse:
    user = (await signed_in(request)).user
    async with request.app[PACING].long_answer(user):
        users = await accounts.list_users_json(request.app[DATABASE])
        body = f'{{"users":{users}}}'.encode()
        del users  # it may be megabytes, and the client may take its time
        return await write_json(request, body)


async def change_password(request: web.Request) -> web.Response:
    session, app = await signed_in(request), request.app
    fields = await read_fields(request)
    password, new_password = required_text(fields, "password"), required_text(fields, "new_password")
    with app[LIMITS].confirmation(session):
        await accounts.change_password(
            app[DATABASE], app[HASHER], app[SESSIONS], session.user,
            password=password, new_password=new_password, current_key=session.key,
        )  # fmt: skip
    log.info("account: user %d changed the password", session.user.user_id)
    return answer({"message": "Your password is changed, and you are signed out everywhere else."})


async def get_sessions(request: web.Request) -> web.Response:
    session = await signed_in(request)
    own = request.app[SESSIONS].of_user(session.user.user_id, tokens=False)
    return answer({"sessions": [_described(listed) | {"current": listed is session} for listed in own]})


async def end_session(request: web.Request) -> web.Response:
    session, app = await signed_in(request), request.app
    public_id = required_text(await read_fields(request), "session_id")
    ending = app[SESSIONS].find_own(session.user.user_id, public_id, tokens=False)
    if ending is session:
        await sign_out(request)  # takes the cookie back, too
    else:
        await app[SESSIONS].end([ending.key])
    log.info("sign-out: user %d", session.user.user_id)
    return answer({"message": "The session has ended."})


async def delete_account(request: web.Request) -> web.Response:
    session, app = await signed_in(request), request.app
    fields = await read_fields(request)
    password, messages = required_text(fields, "password"), optional_text(fields, "messages") or "keep"
    if messages not in ("keep", "delete"):
        raise BrokenRule("The field messages is keep or delete.")
    with app[LIMITS].confirmation(session):
        await accounts.delete_account(
            app[DATABASE], app[HASHER], app[SESSIONS], app[HUB], session.user,
            password=password, messages_go=messages == "delete",
        )  # fmt: skip
    app[PURGE].wake()
    await sign_out(request)
    log.info("account: user %d deleted", session.user.user_id)
    return answer({"message": "Your account is deleted."})


def _described(session: Session) -> dict[str, object]:
    return {
        "session_id": public_id_of(session),
        "user_agent": session.user_agent,
        "created": timestamp(int(session.created * 1000)),
        "last_used": timestamp(int(session.last_used * 1000)),
    }
