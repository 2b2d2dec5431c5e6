"""What is not HTTP: refused in JSON like everything else, and a line in the log instead of a stack.

Such a request never becomes one: it has no route and passes no middleware. aiohttp answers it from a method of the
class that handles a connection, in plain text that quotes the client and names its own version, and logs a stack that
anyone can cause as often as they like. It has no setting for any of this, so the method is replaced.
"""

from __future__ import annotations

import logging
from http import HTTPStatus

from aiohttp import hdrs, web
from aiohttp.web_protocol import _ErrInfo

from chat import logs
from chat.errors import ChatError, Malformed
from chat.web.middlewares import FAULT, PROTECTION, REQUEST_ID_HEADER, error_response

log = logging.getLogger(__name__)


def install() -> None:
    """Answer for aiohttp from now on, in this process; harmless when done before."""
    web.RequestHandler.handle_error = _handle_error  # type: ignore[assignment,method-assign]
    logging.getLogger("aiohttp.server").addFilter(_is_no_broken_body)


def pass_on_broken_body(handler: web.RequestHandler) -> None:
    """Let whoever reads a body know at once that what came of it is broken.

    aiohttp tells it only to whoever would read the next request; the reader of this one would wait for its time.
    """
    waiting = handler._messages  # nothing public tells
    if not waiting or not isinstance(waiting[-1][0], _ErrInfo):
        return
    if len(waiting) > 1:
        body = waiting[-2][1]
    elif handler._current_request is not None:
        body = handler._current_request.content
    else:
        return
    if not body.is_eof():
        body.set_exception(web.RequestPayloadError("the chunks are broken"))


def _handle_error(
    handler: web.RequestHandler,  # noqa: ARG001  # the method's own signature
    request: web.BaseRequest,
    status: int = HTTPStatus.INTERNAL_SERVER_ERROR,
    exc: BaseException | None = None,
    message: str | None = None,  # noqa: ARG001
) -> web.StreamResponse:
    if request.writer.output_size > 0:
        raise ConnectionError("part of another answer is out already")
    error: ChatError = FAULT
    chosen = logs.request_id.get() or logs.begin_request(None)  # of a fault in aiohttp itself it has one already
    if status == HTTPStatus.BAD_REQUEST:
        log.info("not HTTP: refused a request from %s (%s)", request.remote, type(exc).__name__)
        error = Malformed("The request is not valid HTTP.")
    else:
        log.error("fault: outside of every handler", exc_info=exc)
    headers = {hdrs.SERVER: "chat", REQUEST_ID_HEADER: chosen, **PROTECTION}
    response = error_response(error, status, headers)
    response.force_close()
    return response


def _is_no_broken_body(record: logging.LogRecord) -> bool:
    """Whether the record is about something else than the rest of a body that was refused already."""
    return not (record.exc_info and isinstance(record.exc_info[1], web.RequestPayloadError))
