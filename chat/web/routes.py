"""The whole URL table. Each address is also taken with a slash at its end, and HEAD where GET is."""

from __future__ import annotations

from collections.abc import Iterator

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.typedefs import Handler

from chat.web import accounts, admins, health, invites, messages, pages, password_resets, rooms, sockets, tokens

ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/registration", accounts.registration),
    ("POST", "/create_user", accounts.create_user),
    ("POST", "/login", accounts.login),
    ("GET", "/logout", accounts.logout),
    ("POST", "/logout", accounts.logout),
    ("GET", "/whoami", accounts.whoami),
    ("GET", "/get_users", accounts.get_users),
    ("POST", "/change_password", accounts.change_password),
    ("GET", "/get_sessions", accounts.get_sessions),
    ("POST", "/end_session", accounts.end_session),
    ("GET", "/get_tokens", tokens.get_tokens),
    ("POST", "/create_token", tokens.create_token),
    ("POST", "/revoke_token", tokens.revoke_token),
    ("POST", "/delete_account", accounts.delete_account),
    ("POST", "/create_invite", invites.create_invite),
    ("GET", "/get_invites", invites.get_invites),
    ("POST", "/revoke_invite", invites.revoke_invite),
    ("POST", "/create_password_reset", password_resets.create_password_reset),
    ("POST", "/reset_password", password_resets.reset_password),
    ("POST", "/deactivate_user", admins.deactivate_user),
    ("POST", "/reactivate_user", admins.reactivate_user),
    ("GET", "/get_audit", admins.get_audit),
    ("POST", "/create_room", rooms.create_room),
    ("GET", "/get_rooms", rooms.get_rooms),
    ("POST", "/join_room", rooms.join_room),
    ("POST", "/leave_room", rooms.leave_room),
    ("POST", "/delete_room", rooms.delete_room),
    ("POST", "/send_message", messages.send_message),
    ("POST", "/list_message", messages.list_message),
    ("POST", "/delete_message", messages.delete_message),
    ("GET", "/ws", sockets.connect),
    ("GET", "/ws/chat/{room}", sockets.connect),
    ("GET", "/ws/chat/{room}/{user_id}", sockets.connect),
    ("GET", "/", pages.index),
    ("GET", "/service_worker.js", pages.service_worker),
    ("GET", "/manifest.webmanifest", pages.manifest),
    ("GET", "/static/{name:.*[^/]}", pages.static_file),
    ("GET", "/healthz", health.healthz),
    ("GET", "/readyz", health.readyz),
    ("GET", "/openapi.json", pages.openapi),
    ("GET", "/docs", pages.docs),
)


def route_definitions() -> Iterator[web.RouteDef]:
    """The table as aiohttp wants it; it adds HEAD to each GET by itself."""
    for method, path, handler in ROUTES:
        for spelling in {path, path.rstrip("/") + "/"}:
            yield web.route(method, spelling, handler, expect_handler=_continue)


async def _continue(request: web.Request) -> None:
    """Let a client that asks first send its body; other expectations may be ignored (RFC 9110, 10.1.1)."""
    if request.version >= HttpVersion11 and request.headers.get(hdrs.EXPECT, "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # the answer itself has not begun
