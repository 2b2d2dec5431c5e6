"""Reads the body of a request into fields: JSON, urlencoded and multipart forms alike, within a size and a time."""

from __future__ import annotations

import asyncio
import re
from urllib.parse import parse_qsl

from aiohttp import hdrs, web
from aiohttp.web_exceptions import HTTPRequestEntityTooLarge

from chat.errors import Malformed, TooLarge, Unsupported
from chat.fields import decode_object
from chat.web.keys import SETTINGS

# No endpoint takes more than a handful; a form of ten thousand is an attack on the parser.
FORM_FIELDS_MAX = 100

_PARAMETER = re.compile(r';\s*([^\s=;]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))')

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
        Unsupported: its type or character set is not read here, or it is compressed.
    """
    # aiohttp unpacks what it can, but takes a packed body that was cut short for whole.
    if request.headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
        raise Unsupported("Send the body as it is, not compressed.", "unsupported_encoding")
    body = await _read(request)
    if not body:
        return {}
    content_type = request.headers.get(hdrs.CONTENT_TYPE, "")
    match content_type.partition(";")[0].strip().lower():
        case "application/json":
            return decode_object(_decode(body, content_type))
        case "application/x-www-form-urlencoded":
            return _read_form(_decode(body, content_type))
        case "multipart/form-data":
            return _read_multipart(content_type, body)
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
        raise Malformed("The body is broken: its length or its chunks are not what the headers say.") from None


def _decode(body: bytes, content_type: str) -> str:
    charset = (_parameter(content_type, "charset") or "utf-8").lower()
    if charset not in ("utf-8", "utf8", "us-ascii", "ascii"):
        raise Unsupported("The character set must be UTF-8.", "unsupported_charset")
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise Malformed("The body is not valid UTF-8.") from None


def _read_form(text: str) -> Fields:
    try:
        return dict(parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=FORM_FIELDS_MAX))
    except ValueError:  # also broken UTF-8 behind the percent signs
        raise Malformed("The form is not valid: too many fields, or not UTF-8.") from None


def _read_multipart(content_type: str, body: bytes) -> Fields:
    """Split a multipart form (RFC 7578) into its parts.

    Python's email package reads mail: it nests, mends what is broken and fails in many ways on what is hostile.
    """
    boundary = _parameter(content_type, "boundary")
    if not boundary:
        raise Malformed("The multipart form names no boundary.")
    delimiter = b"\r\n--" + boundary.encode("utf-8", "surrogateescape")
    _, *parts = (b"\r\n" + body).split(delimiter, FORM_FIELDS_MAX + 1)
    if not parts or not parts.pop().startswith(b"--"):
        raise Malformed("The multipart form is cut short, or has too many fields.")
    return dict(_read_part(part) for part in parts)


def _read_part(part: bytes) -> tuple[str, str]:
    head, _, content = part.partition(b"\r\n\r\n")
    padding, *lines = head.decode("utf-8", "surrogateescape").split("\r\n")
    fields = (line.partition(":") for line in lines)
    headers = {field.strip().lower(): value for field, _, value in fields}
    name = _parameter(headers.get("content-disposition", ""), "name")
    if padding.strip(" \t") or name is None:
        raise Malformed("A part of the multipart form has no name.")
    if headers.get("content-transfer-encoding", "8bit").strip().lower() not in ("7bit", "8bit", "binary"):
        raise Malformed("A part of the multipart form is encoded; send it as it is (RFC 7578, 4.7).")
    return name, _decode(content, headers.get("content-type", ""))


def _parameter(header: str, name: str) -> str | None:
    """The value of a parameter, like the boundary, of a header (RFC 9110, 5.6.6)."""
    found = (match for match in _PARAMETER.finditer(header) if match[1].lower() == name)
    return next((match[2] if match[2] is not None else match[3] for match in found), None)
