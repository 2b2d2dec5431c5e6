"""The web page and whether the server is well."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from aiohttp import ETag, hdrs, web

from chat.web.answers import answer
from chat.web.keys import DATABASE

STATIC_DIR = Path(__file__).parent.parent / "static"

# Spelt out: what the system's own table says of .js differs from machine to machine.
_CONTENT_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class _File:
    """A file of the page; all of them together are small, and read once."""

    body: bytes
    content_type: str
    etag: str


async def index(request: web.Request) -> web.Response:
    return _serve(request, _INDEX)


async def static_file(request: web.Request) -> web.Response:
    """A file of the page, looked up among those there are: no path can lead out of the folder."""
    file = _FILES.get(request.match_info["name"])
    if file is None:
        raise web.HTTPNotFound
    return _serve(request, file)


async def healthz(request: web.Request) -> web.Response:
    """200 when the store answers; a fault in it becomes 503 on the way out."""
    await request.app[DATABASE].read("SELECT 1 FROM room LIMIT 1")
    return answer({"status": "ok"})


def _serve(request: web.Request, file: _File) -> web.Response:
    known = {etag.value for etag in request.if_none_match or ()}
    if file.etag in known or "*" in known:
        response = web.Response(status=304)
    else:
        response = web.Response(body=file.body, content_type=file.content_type, charset="utf-8")
    response.etag = ETag(file.etag)
    # Kept by the browser but asked about each time, which an ETag answers in a few bytes: an upgrade shows at once.
    response.headers[hdrs.CACHE_CONTROL] = "no-cache"
    return response


def _read(path: Path) -> _File:
    body = path.read_bytes()
    return _File(body, _CONTENT_TYPES[path.suffix], hashlib.sha256(body).hexdigest()[:32])


_INDEX = _read(STATIC_DIR / "index.html")
_FILES = {path.name: _read(path) for path in STATIC_DIR.iterdir() if path.suffix in _CONTENT_TYPES.keys() - {".html"}}
