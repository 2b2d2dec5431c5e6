"""GET /metrics, on an address of its own: nothing there asks who is asking."""

from __future__ import annotations

import asyncio
from functools import partial

from aiohttp import hdrs, web

from chat.metrics import CONTENT_TYPE, Readings
from chat.store.data_directory import file_bytes
from chat.web.keys import HASHER, HUB, METRICS, SESSIONS, SETTINGS
from chat.web.middlewares import errors_as_json, identify, protect


def metrics_app(chat: web.Application) -> web.Application:
    """The application of the second address; it tells about the first."""
    app = web.Application(middlewares=[identify, errors_as_json])
    app[SETTINGS] = chat[SETTINGS]
    app.on_response_prepare.append(protect)
    app.router.add_get("/metrics", partial(_metrics, chat))
    return app


async def _metrics(chat: web.Application, _request: web.Request) -> web.Response:
    hub = chat[HUB]
    database_bytes, wal_bytes = await asyncio.to_thread(file_bytes, chat[SETTINGS].data_dir)
    readings = Readings(
        sockets=hub.open_sockets,
        rooms_live=hub.live_rooms,
        users_online=hub.users_online,
        catch_ups=hub.catch_ups,
        catching_up=hub.catching_up,
        password_queue=chat[HASHER].pending,
        sessions=len(chat[SESSIONS]),
        database_bytes=database_bytes,
        wal_bytes=wal_bytes,
    )
    page = await asyncio.to_thread(chat[METRICS].exposition, readings)
    return web.Response(body=page, headers={hdrs.CONTENT_TYPE: CONTENT_TYPE})
