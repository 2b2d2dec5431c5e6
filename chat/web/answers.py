"""Successful answers: one JSON object each.

What a client has not taken lies in memory. So what may be long is handed to the connection piece by piece, each when
the one before it was taken; a connection that takes nothing is closed (`listener.py`).
"""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import hdrs, web

from chat.protocol import encode_answer

PIECE_BYTES = 64 * 1024
_JSON = "application/json; charset=utf-8"


def answer(fields: Mapping[str, object]) -> web.Response:
    """200 with the fields as a JSON object."""
    return answer_json(encode_answer(fields))


def answer_json(text: str) -> web.Response:
    """200 with an object that is JSON already."""
    return web.Response(text=text, content_type="application/json")


async def write_json(request: web.Request, body: bytes) -> web.StreamResponse:
    """200 with an object that is JSON already; returns when the client has taken it, but for the last pieces.

    Raises:
        ConnectionError: the client went away.
    """
    response = await begin_json(request, len(body))
    if request.method != hdrs.METH_HEAD:
        for start in range(0, len(body), PIECE_BYTES):
            await response.write(memoryview(body)[start : start + PIECE_BYTES])
    await response.write_eof()
    return response


async def begin_json(request: web.Request, length: int | None = None) -> web.StreamResponse:
    """200 with an object that is still to be written.

    Args:
        length: of the body; None: nobody knows, and it is sent in chunks.
    """
    response = web.StreamResponse(headers={hdrs.CONTENT_TYPE: _JSON})
    response.content_length = length
    await response.prepare(request)
    return response
