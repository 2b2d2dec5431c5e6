"""The control socket: takes the operator's commands while the server runs, so that one process makes every change.

It is a Unix socket in the data directory, which only the user who runs the server can open; nothing of it is at the
address that people reach.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from chat.services.operator import ACTS, Operator
from chat.settings import Settings
from chat.store.data_directory import CONTROL_NAME, control_address
from chat.web.answers import answer_json
from chat.web.bodies import read_fields
from chat.web.keys import SETTINGS
from chat.web.middlewares import errors_as_json

log = logging.getLogger(__name__)

_OPERATOR = web.AppKey("_OPERATOR", Operator)
# A command asks one thing and is gone.
_KEEP_ALIVE_SECONDS = 5
_BACKLOG = 16


@asynccontextmanager
async def control_socket(settings: Settings, operator: Operator) -> AsyncIterator[None]:
    """Take commands for as long as the block runs; where there can be no such socket, say so and go on without."""
    path = settings.data_dir.absolute() / CONTROL_NAME
    try:
        listening = await asyncio.to_thread(_bind, path)
    except OSError as error:
        log.warning("control: no socket (%s): to use commands that change something, stop the server", error.strerror)
        yield
        return
    runner = web.AppRunner(
        _control_app(settings, operator),
        access_log=None,
        shutdown_timeout=settings.shutdown_seconds,
        keepalive_timeout=_KEEP_ALIVE_SECONDS,
    )
    await runner.setup()
    assert runner.server is not None  # noqa: S101  # for mypy; setup makes it
    server = await asyncio.get_running_loop().create_unix_server(runner.server, sock=listening, backlog=_BACKLOG)
    try:
        yield
    finally:
        server.close()
        await asyncio.to_thread(path.unlink, missing_ok=True)
        await runner.cleanup()


def _bind(path: Path) -> socket.socket:
    # What a killed server has left; we hold the directory, so nobody listens there.
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with control_address(path.parent) as address:
            listening.bind(address)
        path.chmod(0o600)  # before it listens, so nobody was let in before
    except OSError:
        listening.close()
        raise
    listening.setblocking(False)
    return listening


def _control_app(settings: Settings, operator: Operator) -> web.Application:
    app = web.Application(client_max_size=settings.frame_max_bytes, middlewares=[errors_as_json])
    app[SETTINGS], app[_OPERATOR] = settings, operator
    app.router.add_post("/{act}", _act)
    return app


async def _act(request: web.Request) -> web.Response:
    act = ACTS.get(request.match_info["act"])
    if act is None:
        raise web.HTTPNotFound
    return answer_json(await act(request.app[_OPERATOR], await read_fields(request)))
