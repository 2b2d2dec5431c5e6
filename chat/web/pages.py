"""The web page and whether the server is well."""

from __future__ import annotations

from pathlib import Path

from aiohttp import hdrs, web

from chat.web.answers import answer
from chat.web.keys import DATABASE

STATIC_DIR = Path(__file__).parent.parent / "static"
# Kept by the browser but asked about each time (an ETag answers in a few bytes): an upgrade shows at once.
_REVALIDATE = {hdrs.CACHE_CONTROL: "no-cache"}


async def index(_request: web.Request) -> web.FileResponse:
    return web.FileResponse(STATIC_DIR / "index.html", headers=_REVALIDATE)


async def static_file(request: web.Request) -> web.FileResponse:
    """A file of the page; its name is looked up among those there are, so no path can lead out of the folder."""
    name = request.match_info["name"]
    if name not in _STATIC_NAMES:
        raise web.HTTPNotFound
    return web.FileResponse(STATIC_DIR / name, headers=_REVALIDATE)


async def healthz(request: web.Request) -> web.Response:
    """200 when the store answers; a fault in it becomes 503 on the way out."""
    await request.app[DATABASE].read("SELECT 1 FROM room LIMIT 1")
    return answer({"status": "ok"})


_STATIC_NAMES = frozenset(path.name for path in STATIC_DIR.iterdir() if path.is_file() and path.name != "index.html")
