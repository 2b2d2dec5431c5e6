"""Whether the server is well: for supervisors, load balancers and monitors."""

from __future__ import annotations

from aiohttp import web

from chat.errors import Busy, StorageUnavailable
from chat.web.answers import answer
from chat.web.keys import BROKEN, COMMITS, DATABASE, STOPPING


async def healthz(request: web.Request) -> web.Response:
    """200 when the store answers; a fault in it becomes 503 on the way out."""
    await request.app[DATABASE].read("SELECT 1 FROM room LIMIT 1")
    return answer({"status": "ok"})


async def readyz(request: web.Request) -> web.Response:
    """200 when messages can be sent: the store takes writes and the server is not stopping.

    Raises:
        Busy: it is stopping.
        StorageUnavailable: the store takes no writes.
    """
    app = request.app
    if app[STOPPING].is_set() or app[BROKEN].is_set() or app[COMMITS].has_ended:
        raise Busy("The server is stopping.", "stopping")
    if not await app[DATABASE].takes_writes():
        raise StorageUnavailable("The message store takes no writes right now; reading goes on.")
    return answer({"status": "ready"})
