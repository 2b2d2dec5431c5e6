"""Successful answers: one JSON object each."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from chat.protocol import encode_answer


def answer(fields: Mapping[str, object]) -> web.Response:
    """200 with the fields as a JSON object."""
    return answer_json(encode_answer(fields))


def answer_json(text: str) -> web.Response:
    """200 with an object that is JSON already."""
    return web.Response(text=text, content_type="application/json")
