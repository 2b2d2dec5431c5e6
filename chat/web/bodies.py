"""Reads the body of a request into fields: JSON, urlencoded and multipart forms alike, within a size and a time."""

from __future__ import annotations

import asyncio
from email.message import Message
from email.parser import BytesParser
from urllib.parse import parse_qsl

from aiohttp import web
from aiohttp.web_exceptions import HTTPRequestEntityTooLarge

from chat.errors import Malformed, TooLarge, Unsupported
from chat.fields import decode_object
from chat.web.keys import SETTINGS

# No endpoint takes more than a handful; a form of ten thousand is an attack on the parser.
FORM_FIELDS_MAX = 100

Fields = dict[str, object]


class BodyTimeout(Malformed):
    """The body did not arrive in time."""

    code = "body_timeout"


async def read_fields(request: web.Request) -> Fields:
    """The fields of the body, whatever kind of body it is; none when there is no body.

    Raises:
        Malformed: the body is not what its type says.
        BodyTimeout: it came too slowly.
        TooLarge: it is larger than the longest message needs.
        Unsupported: its type or character set is not read here.
    """
    body = await _read(request)
    if not body:
        return {}
    match request.content_type:
        case "application/json":
            return decode_object(_decode(request, body))
        case "application/x-www-form-urlencoded":
            return _read_form(_decode(request, body))
        case "multipart/form-data":
            return _read_multipart(request, body)
    raise Unsupported("Send application/json, application/x-www-form-urlencoded or multipart/form-data.")


async def _read(request: web.Request) -> bytes:
    seconds = request.app[SETTINGS].body_seconds
    try:
        async with asyncio.timeout(seconds):
            return await request.read()
    except TimeoutError:
        raise BodyTimeout(f"The body did not arrive within {seconds:g} seconds.") from None
    except HTTPRequestEntityTooLarge:
        limit = request.app[SETTINGS].frame_max_bytes
        raise TooLarge(f"The body is larger than {limit:,} bytes.") from None
    except web.RequestPayloadError:
        raise Malformed("The body is broken: its length, chunks or compression are not what the headers say.") from None


def _decode(request: web.Request, body: bytes) -> str:
    charset = (_charset(request) or "utf-8").lower()
    if charset not in ("utf-8", "utf8", "us-ascii", "ascii"):
        raise Unsupported("The character set must be UTF-8.", "unsupported_charset")
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise Malformed("The body is not valid UTF-8.") from None


def _charset(request: web.Request) -> str | None:
    header = Message()
    header["Content-Type"] = request.headers.get("Content-Type", "").encode("ascii", "replace").decode()
    charset = header.get_param("charset")
    return charset if isinstance(charset, str) else None


def _read_form(text: str) -> Fields:
    try:
        return dict(parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=FORM_FIELDS_MAX))
    except ValueError:  # also broken UTF-8 behind the percent signs
        raise Malformed("The form is not valid: too many fields, or not UTF-8.") from None


def _read_multipart(request: web.Request, body: bytes) -> Fields:
    # The header goes first because a MIME message (RFC 7578 builds on it) carries its boundary there.
    header = request.headers["Content-Type"].encode("utf-8", "replace").replace(b"\n", b"")
    form = BytesParser().parsebytes(b"Content-Type: " + header + b"\r\n\r\n" + body)
    parts = form.get_payload()
    if not form.is_multipart() or not isinstance(parts, list) or len(parts) > FORM_FIELDS_MAX:
        raise Malformed("The multipart form is not valid.")
    return dict(_read_part(part) for part in parts if isinstance(part, Message))


def _read_part(part: Message) -> tuple[str, str]:
    name = part.get_param("name", header="Content-Disposition")
    content = part.get_payload(decode=True)
    if not isinstance(name, str) or not isinstance(content, bytes):
        raise Malformed("A part of the multipart form has no name, or is not text.")
    try:
        return name, content.decode()
    except UnicodeDecodeError:
        raise Malformed("A part of the multipart form is not valid UTF-8.") from None
