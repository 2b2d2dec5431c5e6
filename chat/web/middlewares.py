"""What holds for every request: errors are JSON, browsers are protected, other sites cannot act for a user."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Mapping
from http import HTTPStatus

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from chat import errors, logs
from chat.protocol import encode_answer
from chat.settings import Settings
from chat.web.bodies import BodyTimeout
from chat.web.keys import METRICS, PACING, SETTINGS
from chat.web.sessions import uses_token

log = logging.getLogger(__name__)

STATUS_OF: Mapping[type[errors.ChatError], HTTPStatus] = {
    BodyTimeout: HTTPStatus.REQUEST_TIMEOUT,
    errors.Malformed: HTTPStatus.BAD_REQUEST,
    errors.NotSignedIn: HTTPStatus.UNAUTHORIZED,
    errors.WrongCredentials: HTTPStatus.UNAUTHORIZED,
    errors.Forbidden: HTTPStatus.FORBIDDEN,
    errors.Unknown: HTTPStatus.NOT_FOUND,
    errors.Taken: HTTPStatus.CONFLICT,
    errors.Conflict: HTTPStatus.CONFLICT,
    errors.TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.Unsupported: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    errors.BrokenRule: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.TooMany: HTTPStatus.TOO_MANY_REQUESTS,
    errors.Busy: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.StorageUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}
RETRY_AFTER_SECONDS = 2
REQUEST_ID_HEADER = "X-Request-Id"

# What the router and aiohttp itself refuse, in our own words.
_SENTENCES = {
    HTTPStatus.BAD_REQUEST: (
        "malformed",
        "The request is not valid HTTP, or not a valid WebSocket handshake.",
    ),
    HTTPStatus.NOT_FOUND: ("not_found", "There is nothing at this address."),
    HTTPStatus.METHOD_NOT_ALLOWED: (
        "method_not_allowed",
        "This address does not take this method; see Allow.",
    ),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ("too_large", "The body is too large."),
    HTTPStatus.UPGRADE_REQUIRED: (
        "upgrade_required",
        "This address speaks WebSocket; connect with a WebSocket client.",
    ),
}
FAULT = errors.ChatError("Something went wrong inside the server; its log says what.", "internal_error")

# OWASP HTTP Headers and Content Security Policy Cheat Sheets: nothing but our own files, no framing. No string becomes
# code either: the one policy, `chat` (chat/static/shell.js), lets through the address of the service worker alone.
_CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types chat"
)
# What the page never asks for, a script that got into it should not get either.
_PERMISSIONS_POLICY = (
    "camera=(), display-capture=(), geolocation=(), hid=(), microphone=(), midi=(), payment=(), serial=(), usb=()"
)
PROTECTION = {
    "Content-Security-Policy": _CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": _PERMISSIONS_POLICY,
    "Cache-Control": "no-store",
}


def error_response(error: errors.ChatError, status: int, headers: Mapping[str, str] | None = None) -> web.Response:
    """A refusal as JSON, with Retry-After where trying again may help."""
    response = web.json_response(
        {"error": error.sentence, "code": error.code}, status=status, headers=headers, dumps=encode_answer
    )
    if isinstance(error, errors.TooMany):
        response.headers[hdrs.RETRY_AFTER] = str(math.ceil(error.retry_after_seconds))
    elif status == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers[hdrs.RETRY_AFTER] = str(RETRY_AFTER_SECONDS)
    return response


@web.middleware
async def identify(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give the request an id, for its log lines and its answer; at debug level, one line when it is done."""
    logs.begin_request(request.headers.get(REQUEST_ID_HEADER))
    started, status = time.perf_counter(), "none"
    try:
        response = await handler(request)
        status = str(response.status)
    except web.HTTPException as redirection:
        status = str(redirection.status)
        raise
    else:
        return response
    finally:
        if log.isEnabledFor(logging.DEBUG):
            milliseconds = (time.perf_counter() - started) * 1000
            log.debug("request: %s %s %s, %.1f ms", request.method[:20], _route(request), status, milliseconds)


@web.middleware
async def errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn whatever a handler raises into JSON with the right status; the inside stays in the log."""
    try:
        return await handler(request)
    except errors.ChatError as error:
        # It leads to frames that hold the error: a circle, and of a flood of refusals so much garbage of this kind that
        # collecting it would hold everyone up for a tenth of a second. Nobody reads where a refusal came from.
        error.__traceback__ = None
        response = _refuse(request, error, _status_of(error))
        if response.status == HTTPStatus.UNAUTHORIZED and hdrs.AUTHORIZATION in request.headers:
            response.headers[hdrs.WWW_AUTHENTICATE] = "Bearer"  # RFC 9110, 15.5.2
        if isinstance(error, BodyTimeout) or request.content.exception() is not None:
            response.force_close()  # nobody can tell where the next request would begin
        return response
    except web.HTTPException as refusal:
        if refusal.status < HTTPStatus.BAD_REQUEST:
            raise
        refusal.__traceback__ = None
        return _aiohttp_refusal(request, refusal)
    except ConnectionError:
        raise  # the client went away; there is nobody to answer
    except Exception:
        log.exception("fault: %s %s", request.method[:20], _route(request))
        return _refuse(request, FAULT, HTTPStatus.INTERNAL_SERVER_ERROR)


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what another site makes a browser do, and let an address that is refused again and again wait for it.

    One middleware for both, because each that a WebSocket goes through is half a kilobyte for as long as it is open.
    Comes after what finds out the address behind a proxy.
    """
    try:
        _refuse_cross_site(request)
        return await handler(request)
    except (errors.ChatError, web.HTTPException) as refusal:
        if not isinstance(refusal, web.HTTPException) or refusal.status >= HTTPStatus.BAD_REQUEST:
            await request.app[PACING].refusal(request.remote)
        raise


def _refuse_cross_site(request: web.Request) -> None:
    """Refuse what changes something; GET of a harmless address is nobody's secret.

    A request with a token is let through: a browser adds cookies by itself, but never that.

    Raises:
        Forbidden: the browser says that the request comes from elsewhere.
        NotSignedIn: it has a token that is worth nothing.
    """
    changes_state = request.method not in (hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS)
    signs_out = request.path.rstrip("/") == "/logout"
    if (changes_state or signs_out) and not uses_token(request):
        check_same_site(request)


def check_same_site(request: web.Request) -> None:
    """Refuse a request that a browser marks as coming from another site (OWASP CSRF Prevention Cheat Sheet).

    Raises:
        Forbidden: it does.
    """
    fetch_site = request.headers.get("Sec-Fetch-Site")
    is_foreign = fetch_site not in ("same-origin", "none") if fetch_site is not None else not has_own_origin(request)
    if is_foreign:
        raise errors.Forbidden("This request comes from another site.", "cross_site")


def has_own_origin(request: web.Request) -> bool:
    """Whether the Origin header, if there is one, names this server (RFC 6455, 10.2; RFC 6454)."""
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is None:
        return True
    own: Settings = request.app[SETTINGS]
    if own.origin:
        return origin.lower() == own.origin
    scheme, _, host = origin.lower().partition("://")
    return scheme in ("http", "https") and host == request.host.lower()


async def protect(request: web.Request, response: web.StreamResponse) -> None:
    """Add to every answer the headers that keep browsers safe, and say nothing of the software behind it."""
    response.headers.pop(hdrs.SERVER, None)
    response.headers[REQUEST_ID_HEADER] = logs.request_id.get() or logs.begin_request(None)
    if response.status == HTTPStatus.SWITCHING_PROTOCOLS:
        return
    for name, value in PROTECTION.items():
        response.headers.setdefault(name, value)
    if request.app[SETTINGS].secure:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")


def _route(request: web.Request) -> str:
    """The address as the table of routes has it: the one that was asked for may hold anything."""
    resource = request.match_info.route.resource
    return "nowhere" if resource is None else resource.canonical


def _status_of(error: errors.ChatError) -> int:
    return next((STATUS_OF[kind] for kind in type(error).__mro__ if kind in STATUS_OF), HTTPStatus.BAD_REQUEST)


def _refuse(
    request: web.Request, error: errors.ChatError, status: int, headers: Mapping[str, str] | None = None
) -> web.Response:
    metrics = request.app.get(METRICS)
    if metrics is not None:
        metrics.refused(error.code)
    return error_response(error, status, headers)


def _aiohttp_refusal(request: web.Request, refusal: web.HTTPException) -> web.Response:
    try:
        code, sentence = _SENTENCES[HTTPStatus(refusal.status)]
    except (KeyError, ValueError):
        code, sentence = "refused", "The request was refused."
    kept = {str(name): refusal.headers[name] for name in (hdrs.ALLOW, hdrs.UPGRADE) if name in refusal.headers}
    return _refuse(request, errors.ChatError(sentence, code), refusal.status, kept)
