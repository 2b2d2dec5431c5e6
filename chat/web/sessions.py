"""The cookie and the token: an opaque random id and nothing else; what it is worth stands in the store."""

from __future__ import annotations

import logging
import secrets

import aiohttp_session
from aiohttp import hdrs, web

from chat.errors import NotSignedIn, StorageUnavailable
from chat.models import Room, Session, User
from chat.services.admins import check_admin
from chat.services.codes import code_hash
from chat.settings import Settings
from chat.store.accounts import Credentials
from chat.web.devices import remember_device
from chat.web.keys import DATABASE, LIMITS, PACING, SESSIONS

log = logging.getLogger(__name__)

_ID_BYTES = 32  # OWASP Session Management Cheat Sheet asks for at least 16
_COOKIE_NAME = "chat_session"

_USER_ID, _USERNAME, _ROOM_ID, _ROOM_NAME = "user_id", "username", "room_id", "room_name"
# Of the password that was given, only on its way from `sign_in` to the store, in this process.
_PASSWORD_HASH = "password_hash"  # noqa: S105  # the name of a field
_IS_NEW = "is_new"
_TOKEN_SCHEME = "bearer"  # noqa: S105  # RFC 6750, 2.1; without case (RFC 9110, 11.1)


_NOT_SIGNED_IN_YET = StorageUnavailable("Your account is made. Sign in to it in a moment.", "account_made")


def cookie_name(settings: Settings) -> str:
    """What the cookie is called; with TLS its name binds it to the host (RFC 6265bis, 4.1.3.2)."""
    return f"__Host-{_COOKIE_NAME}" if settings.secure else _COOKIE_NAME


class SessionStorage(aiohttp_session.AbstractStorage):
    """Keeps sessions in the store, under the hash of the id that the cookie holds.

    Args:
        settings: with TLS the cookie is Secure and bound to the host by its `__Host-` name.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__(
            cookie_name=cookie_name(settings),
            max_age=settings.session_absolute_seconds,
            path="/",
            secure=settings.secure,
            httponly=True,
            samesite="Lax",
        )

    async def load_session(self, request: web.Request) -> aiohttp_session.Session:
        found = self._find(request)
        if found is None:
            return aiohttp_session.Session(None, data=None, new=True)
        data = aiohttp_session.SessionData(created=int(found.created), session=_to_mapping(found))
        return aiohttp_session.Session(found.key, data=data, new=False)

    async def save_session(
        self, request: web.Request, response: web.StreamResponse, session: aiohttp_session.Session
    ) -> None:
        if session.new and not session.empty:
            await self._start(request, response, session)
        elif session.empty:
            await self._end(request, response)
        elif _ROOM_ID in session:
            room = Room(session[_ROOM_ID], session[_ROOM_NAME])
            await request.app[SESSIONS].set_room(str(session.identity), room)

    async def _start(
        self, request: web.Request, response: web.StreamResponse, session: aiohttp_session.Session
    ) -> None:
        session_id = secrets.token_urlsafe(_ID_BYTES)
        user = User(session[_USER_ID], session[_USERNAME])
        replaced = None if uses_token(request) else self._find(request)
        user_agent, password_hash = request.headers.get(hdrs.USER_AGENT, ""), session[_PASSWORD_HASH]
        try:
            await request.app[SESSIONS].start(code_hash(session_id), user, user_agent, password_hash=password_hash)
        except StorageUnavailable:
            if session[_IS_NEW]:
                raise _NOT_SIGNED_IN_YET from None
            raise
        self.save_cookie(response, session_id, max_age=self.max_age)
        if request.secure:  # by the word of a trusted proxy, also when nobody set `origin`
            response.cookies[self.cookie_name]["secure"] = True
        remember_device(request, response, user)
        if replaced is not None:
            try:
                await request.app[SESSIONS].end([replaced.key])
            except StorageUnavailable:
                log.warning("sessions: one that was replaced goes on until it expires, of user %d", user.user_id)

    async def _end(self, request: web.Request, response: web.StreamResponse) -> None:
        found = self._find(request)
        if found is not None:
            await request.app[SESSIONS].end([found.key])
        if hdrs.AUTHORIZATION in request.headers:
            return  # the cookie, if one came along, had no part in this
        params = self.cookie_params
        response.del_cookie(
            self.cookie_name, path=params["path"], secure=params["secure"], httponly=True, samesite="Lax"
        )

    def _find(self, request: web.Request) -> Session | None:
        """Raises NotSignedIn for a token that is worth nothing: its sender means nobody else."""
        if hdrs.AUTHORIZATION in request.headers:
            return request.app[SESSIONS].find(_token_session(request).key)
        session_id = self.load_cookie(request)
        found = request.app[SESSIONS].find(code_hash(session_id)) if session_id else None
        return found if found is not None and found.token_name is None else None


def uses_token(request: web.Request) -> bool:
    """Whether the request is signed in by an API token; what cookies say is then passed over.

    Raises:
        NotSignedIn: it has an Authorization header, and that is worth nothing.
    """
    if hdrs.AUTHORIZATION not in request.headers:
        return False
    _token_session(request)
    return True


async def sign_in(request: web.Request, credentials: Credentials, *, is_new: bool = False) -> None:
    """Give the answer to this request a new session, in place of any that the request came with.

    Args:
        is_new: whether the account was made by this request, which then is no reason to say that nothing was stored.
    """
    session = await aiohttp_session.new_session(request)
    user = credentials.user
    session[_USER_ID], session[_USERNAME] = user.user_id, user.username
    session[_PASSWORD_HASH] = credentials.password_hash
    session[_IS_NEW] = is_new


async def sign_out(request: web.Request) -> None:
    """End the session of this request: the cookie and its sockets are dead before the answer is sent."""
    (await aiohttp_session.get_session(request)).invalidate()


async def signed_in(request: web.Request, *, count: int = 1) -> Session:
    """The living session of the request, when it is its turn.

    Args:
        count: how many requests it counts for among those that wait for their turn.

    Raises:
        NotSignedIn: there is none.
        TooMany: its user asks for more than any page does.
    """
    identity = (await aiohttp_session.get_session(request)).identity
    user = _living_session(request, identity).user
    await request.app[PACING].request(user, count)
    request.app[LIMITS].request(user)
    return _living_session(request, identity)  # it may have ended while the request waited


def _living_session(request: web.Request, identity: str | None) -> Session:
    session = request.app[SESSIONS].find(identity) if identity is not None else None
    if session is None:
        raise NotSignedIn("Sign in first: POST /login with username and password.")
    return session


async def signed_in_admin(request: web.Request) -> User:
    """The person of the request, who is an admin at this moment; the act itself looks again.

    Raises:
        NotSignedIn: there is no session.
        Forbidden: the person is no admin.
        StorageUnavailable: not now.
    """
    user = (await signed_in(request)).user
    await check_admin(request.app[DATABASE], user)
    return user


def forget_session(request: web.Request) -> None:
    """Let go of what a WebSocket needs no more once it is open: half a kilobyte for as long as it is."""
    request.pop(aiohttp_session.SESSION_KEY, None)


async def set_current_room(request: web.Request, room: Room) -> None:
    """Make a room the one that requests without a room mean."""
    session = await aiohttp_session.get_session(request)
    session[_ROOM_ID], session[_ROOM_NAME] = room.room_id, room.name


def _to_mapping(session: Session) -> dict[str, object]:
    mapping: dict[str, object] = {_USER_ID: session.user.user_id, _USERNAME: session.user.username}
    if session.room is not None:
        mapping |= {_ROOM_ID: session.room.room_id, _ROOM_NAME: session.room.name}
    return mapping


def _token_session(request: web.Request) -> Session:
    scheme, _, token = ",".join(request.headers.getall(hdrs.AUTHORIZATION)).partition(" ")
    found = request.app[SESSIONS].find(code_hash(token.strip())) if scheme.lower() == _TOKEN_SCHEME else None
    if found is None or found.token_name is None:
        raise NotSignedIn("The Authorization header needs to be Bearer and a token that has not been revoked.")
    return found
