"""The cookie that tells a browser from which a user has signed in before; it outlives the session on purpose."""

from __future__ import annotations

from aiohttp import web

from chat.models import Device, User
from chat.settings import Settings
from chat.web.keys import DEVICES, SETTINGS

_COOKIE_NAME = "chat_device"


def shown_device(request: web.Request) -> Device | None:
    """The device that the request comes from, when this server has signed its cookie."""
    cookie = request.cookies.get(_cookie_name(request.app[SETTINGS]))
    return request.app[DEVICES].recognise(cookie) if cookie else None


def remember_device(request: web.Request, response: web.StreamResponse, user: User) -> None:
    """Let the browser show next time that the user has signed in from it."""
    settings = request.app[SETTINGS]
    response.set_cookie(
        _cookie_name(settings),
        request.app[DEVICES].issue(user),
        max_age=settings.device_seconds,
        path="/",
        secure=settings.secure or request.secure,  # the second by the word of a trusted proxy
        httponly=True,
        samesite="Lax",
    )


def _cookie_name(settings: Settings) -> str:
    return f"__Host-{_COOKIE_NAME}" if settings.secure else _COOKIE_NAME
