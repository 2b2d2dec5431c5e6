"""The web page and its files."""

from __future__ import annotations

from aiohttp import ETag, hdrs, web

from chat.errors import NotSignedIn
from chat.web.keys import DOCS, OPENAPI
from chat.web.sessions import signed_in
from chat.web.static_files import StaticFile, read_site

SITE = read_site()


async def index(request: web.Request) -> web.Response:
    """The page; it says whether its visitor is signed in, so that it need not ask for what would be refused."""
    try:
        await signed_in(request)
    except NotSignedIn:
        response = _serve(request, SITE.index_signed_out)
    else:
        response = _serve(request, SITE.index)
    response.headers.add(hdrs.VARY, hdrs.COOKIE)
    return response


async def service_worker(request: web.Request) -> web.Response:
    """Stands at the root, because a service worker only sees what lies below its own address."""
    return _serve(request, SITE.service_worker)


async def manifest(request: web.Request) -> web.Response:
    return _serve(request, SITE.manifest)


async def static_file(request: web.Request) -> web.Response:
    """A file of the page, looked up among those there are: no path can lead out of the folder."""
    file = SITE.files.get(request.match_info["name"])
    if file is None:
        raise web.HTTPNotFound
    return _serve(request, file)


async def openapi(request: web.Request) -> web.Response:
    """The description of the API for programs."""
    return _serve(request, request.app[OPENAPI])


async def docs(request: web.Request) -> web.Response:
    """The description of the API for people."""
    return _serve(request, request.app[DOCS])


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether the client says so (RFC 9110, 12.5.3); one that says nothing may not know how."""
    quality = {}
    for choice in accept_encoding.lower().split(","):
        coding, _, weight = choice.partition(";")
        quality[coding.strip()] = _is_more_than_nothing(weight)
    return quality.get("gzip", quality.get("*", False))


def _is_more_than_nothing(weight: str) -> bool:
    name, _, value = weight.partition("=")
    return name.strip() != "q" or value.strip().strip("0.") != ""


def _serve(request: web.Request, file: StaticFile) -> web.Response:
    gzipped = file.gzipped if accepts_gzip(",".join(request.headers.getall(hdrs.ACCEPT_ENCODING, ()))) else None
    etag = file.etag if gzipped is None else f"{file.etag}-gzip"  # other bytes, another tag (RFC 9110, 8.8.3.3)
    known = {tag.value for tag in request.if_none_match or ()}
    if etag in known or "*" in known:
        response = web.Response(status=304)
    else:
        response = web.Response(body=gzipped or file.body, headers={hdrs.CONTENT_TYPE: file.content_type})
        if gzipped is not None:
            response.headers[hdrs.CONTENT_ENCODING] = "gzip"
    response.etag = ETag(etag)
    response.headers[hdrs.CACHE_CONTROL] = file.cache_control
    if file.gzipped is not None:
        response.headers[hdrs.VARY] = hdrs.ACCEPT_ENCODING
    return response
