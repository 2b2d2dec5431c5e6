"""The description of the API for programs, in the form of OpenAPI 3.1 (https://spec.openapis.org/oas/v3.1.1).

Made at the start from the table of endpoints, so that what one entry there leaves out (the refusals that all share,
three kinds of body, two ways to sign in) is told everywhere alike.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

import chat
from chat.settings import Settings
from chat.web.endpoints import ENDPOINTS, TAGS, Endpoint, operation_id
from chat.web.schemas import NOUNS, Field, Schema, SettingOf, one

# Every code a client can be sent over HTTP, with its status and what it means.
CODES: Mapping[str, tuple[HTTPStatus, str]] = {
    "malformed": (HTTPStatus.BAD_REQUEST, "the body or the handshake cannot be understood"),
    "missing_field": (HTTPStatus.BAD_REQUEST, "a field that is needed is missing"),
    "wrong_type": (HTTPStatus.BAD_REQUEST, "a field is not of the type it must be"),
    "not_signed_in": (HTTPStatus.UNAUTHORIZED, "there is no session or token, or it has ended"),
    "wrong_credentials": (HTTPStatus.UNAUTHORIZED, "the user name and the password do not go together"),
    "cross_site": (HTTPStatus.FORBIDDEN, "the browser says that another site caused the request"),
    "deactivated": (HTTPStatus.FORBIDDEN, "an admin has shut this user out"),
    "foreign_origin": (HTTPStatus.FORBIDDEN, "the browser says that another site opens the socket"),
    "invite_invalid": (HTTPStatus.FORBIDDEN, "the invitation is unknown, used up or too old"),
    "invite_needed": (HTTPStatus.FORBIDDEN, "an account needs an invitation here"),
    "not_admin": (HTTPStatus.FORBIDDEN, "only an admin may do this"),
    "not_joined": (HTTPStatus.FORBIDDEN, "the user is not a member of the room"),
    "not_your_user_id": (HTTPStatus.FORBIDDEN, "the id in the address is another user's"),
    "registration_closed": (HTTPStatus.FORBIDDEN, "whoever runs the server makes the accounts"),
    "reset_invalid": (HTTPStatus.FORBIDDEN, "the reset link is unknown, used or too old"),
    "wrong_password": (HTTPStatus.FORBIDDEN, "the current password is another"),
    "not_found": (HTTPStatus.NOT_FOUND, "there is nothing at this address"),
    "unknown_invite": (HTTPStatus.NOT_FOUND, "there is no such invitation"),
    "unknown_message": (HTTPStatus.NOT_FOUND, "there is no message with this id"),
    "unknown_room": (HTTPStatus.NOT_FOUND, "there is no room of this name"),
    "unknown_session": (HTTPStatus.NOT_FOUND, "the user has no such session"),
    "unknown_token": (HTTPStatus.NOT_FOUND, "the user has no such token"),
    "unknown_user": (HTTPStatus.NOT_FOUND, "there is no user of this name"),
    "method_not_allowed": (HTTPStatus.METHOD_NOT_ALLOWED, "the address does not take this method"),
    "body_timeout": (HTTPStatus.REQUEST_TIMEOUT, "the body did not arrive in time"),
    "last_admin": (HTTPStatus.CONFLICT, "the server would be left without an admin"),
    "name_taken": (HTTPStatus.CONFLICT, "the name, or one that looks like it, exists"),
    "too_many_invites": (HTTPStatus.CONFLICT, "there are as many open invitations as there may be"),
    "too_many_tokens": (HTTPStatus.CONFLICT, "the user has as many tokens as one may have"),
    "too_large": (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the body is too large"),
    "unsupported_charset": (HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "the body is not in UTF-8"),
    "unsupported_encoding": (HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "the body is compressed"),
    "unsupported_media_type": (HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "the body is neither JSON nor a form"),
    "client_id_length": (HTTPStatus.UNPROCESSABLE_ENTITY, "a client_id is empty or too long"),
    "invalid_characters": (HTTPStatus.UNPROCESSABLE_ENTITY, "a text holds a NUL or half of a surrogate pair"),
    "invalid_value": (HTTPStatus.UNPROCESSABLE_ENTITY, "a value is none of those that are known"),
    "message_empty": (HTTPStatus.UNPROCESSABLE_ENTITY, "a message without a character"),
    "message_too_long": (HTTPStatus.UNPROCESSABLE_ENTITY, "a message is too long"),
    "name_empty": (HTTPStatus.UNPROCESSABLE_ENTITY, "a name without a character"),
    "name_invisible": (HTTPStatus.UNPROCESSABLE_ENTITY, "a name holds something that cannot be seen"),
    "name_slash": (HTTPStatus.UNPROCESSABLE_ENTITY, "a name holds a slash, or is nothing but dots"),
    "name_spaces": (HTTPStatus.UNPROCESSABLE_ENTITY, "a name begins or ends with a space, or has two in a row"),
    "name_too_long": (HTTPStatus.UNPROCESSABLE_ENTITY, "a name is too long"),
    "out_of_range": (HTTPStatus.UNPROCESSABLE_ENTITY, "a number is too small or too large"),
    "password_too_common": (HTTPStatus.UNPROCESSABLE_ENTITY, "one of the 3,000 commonest passwords"),
    "password_too_long": (HTTPStatus.UNPROCESSABLE_ENTITY, "a password is too long"),
    "password_too_short": (HTTPStatus.UNPROCESSABLE_ENTITY, "a password is too short"),
    "upgrade_required": (HTTPStatus.UPGRADE_REQUIRED, "the request does not ask for a WebSocket"),
    "too_many_requests": (HTTPStatus.TOO_MANY_REQUESTS, "the user asks too often"),
    "too_many_rooms": (HTTPStatus.TOO_MANY_REQUESTS, "the user has made too many rooms of late"),
    "too_many_sign_ins": (HTTPStatus.TOO_MANY_REQUESTS, "too many sign-ins have failed of late"),
    "too_many_sign_ups": (HTTPStatus.TOO_MANY_REQUESTS, "too many accounts were made from this address of late"),
    "too_many_sockets": (HTTPStatus.TOO_MANY_REQUESTS, "the user has as many sockets open as one may have"),
    "internal_error": (HTTPStatus.INTERNAL_SERVER_ERROR, "a fault in the server; its log says what"),
    "account_made": (HTTPStatus.SERVICE_UNAVAILABLE, "the account is there, but not signed in to: do so in a moment"),
    "busy": (HTTPStatus.SERVICE_UNAVAILABLE, "too many wait for the same"),
    "stopping": (HTTPStatus.SERVICE_UNAVAILABLE, "the server is about to stop"),
    "storage_unavailable": (HTTPStatus.SERVICE_UNAVAILABLE, "the database cannot do this now; nothing was changed"),
}

_OF_EVERY_BODY = (
    "malformed", "body_timeout", "too_large", "unsupported_charset", "unsupported_encoding", "unsupported_media_type",
    "cross_site",
)  # fmt: skip
_OF_EVERY_FIELD = ("wrong_type", "invalid_characters")
_LATER = (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS)

_IN_PATH = {"room": "lobby", "user_id": "7", "name": "0123456789abcdef/style.css"}
_ABOUT_A_VALUE = ("description", "examples", "default")
_COOKIE = {"description": "The session.", "required": True, "schema": {"type": "string"}}
_ETAG = {
    "ETag": {"description": "For `If-None-Match`.", "required": True, "schema": {"type": "string"}},
    "Cache-Control": {"required": True, "schema": {"type": "string"}},
}
_SECONDS = {"description": "In seconds.", "required": True, "schema": {"type": "integer", "minimum": 1}}

_ABOUT = """\
Rooms, messages and accounts of this server. What it says on a WebSocket, and the rules behind all this at length, are
in docs/protocol.md.

- The body of a POST is JSON, an urlencoded form or a multipart form, as you like; its text is UTF-8. What an endpoint
  does not know is ignored. In JSON, `null` is the same as leaving a field out, and a number may be written as text.
- Success is 200 with a JSON object. Every refusal is `{"error": "one sentence", "code": "slug"}`; the code stays.
- Sign in with `/login`, which sets a cookie, or send a token: `Authorization: Bearer <token>`. A request with that
  header is answered for the token alone: cookies are not looked at, and a token that does not work is 401.
- An address may end with a slash. HEAD is answered like GET. Another method than those named is 405 with `Allow`,
  another address 404, and what is not HTTP at all 400, in the same form as every refusal.
- Every answer has an `X-Request-Id`, which stands in the log of the server too.
- 429 and 503 say with `Retry-After`, in seconds, when to try again. Whoever has too many connections open is told so
  before anything is asked: 429 `too_many_connections`, or 503 when it is the server that has too many.
"""


def openapi_document(settings: Settings, routes: Iterable[tuple[str, str]], *, cookie_name: str) -> str:
    """The document as JSON.

    Args:
        settings: the limits that hold on this server.
        routes: method and path of each address that the server answers, as aiohttp writes them.

    Raises:
        KeyError: an address is not described.
    """
    described: dict[str, dict[str, Any]] = {}
    for method, path in routes:
        key = (method, re.sub(r":[^}]*}", "}", path))
        described.setdefault(key[1], {})[method.lower()] = _operation(*key, ENDPOINTS[key], settings)
    document = {
        "openapi": "3.1.1",
        "info": {"title": "Chat", "version": chat.__version__, "description": _ABOUT},
        "servers": [{"url": settings.origin or "/"}],
        "tags": [{"name": tag} for tag in TAGS],
        "paths": described,
        "components": {"schemas": NOUNS, "securitySchemes": _security_schemes(cookie_name)},
    }

    def resolved(value: object) -> object:
        if isinstance(value, SettingOf):
            return getattr(settings, value.name)
        raise TypeError(f"{value!r} is no JSON")

    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), default=resolved)


def refusal_codes(endpoint: Endpoint) -> set[str]:
    """Every code with which an endpoint may refuse."""
    codes = {*endpoint.refusals, "internal_error"}
    if endpoint.uses_store:
        codes.add("storage_unavailable")
    if not endpoint.is_public or endpoint.takes is not None:  # a token that is worth nothing has nobody's rights
        codes.add("not_signed_in")
    if not endpoint.is_public:
        codes.add("too_many_requests")
    if endpoint.is_for_admins:
        codes.add("not_admin")
    if endpoint.takes is not None:
        codes |= {*_OF_EVERY_BODY, *(_OF_EVERY_FIELD if endpoint.takes else ())}
        if any(field.is_required for field in endpoint.takes.values()):
            codes.add("missing_field")
    return codes


def _operation(method: str, path: str, endpoint: Endpoint, settings: Settings) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": operation_id(path, endpoint),
        "tags": [endpoint.tag],
        "summary": endpoint.does,
        "security": [] if endpoint.is_public else [{"cookie": []}, {"token": []}],
        "responses": dict(sorted(_responses(endpoint))),
        "x-codeSamples": [{"lang": "sh", "source": _sample(method, path, endpoint, settings)}],
    }
    if endpoint.more:
        operation["description"] = endpoint.more
    if parameters := list(_parameters(path, endpoint)):
        operation["parameters"] = parameters
    if endpoint.takes:
        operation["requestBody"] = _request_body(endpoint.takes)
    return operation


def _parameters(path: str, endpoint: Endpoint) -> Iterator[dict[str, Any]]:
    for name in re.findall(r"{(\w+)}", path):
        text = {"type": "string", "minLength": 1, "examples": [_IN_PATH[name]]}
        yield {"name": name, "in": "path", "required": True, "schema": text}
    for name, schema in endpoint.query.items():
        yield {"name": name, "in": "query", "required": False, "schema": schema}


def _request_body(fields: Mapping[str, Field]) -> dict[str, Any]:
    required = [name for name, field in fields.items() if field.is_required]
    json_properties = {name: _in_json(field) for name, field in fields.items()}
    form_properties = {name: _in_form(field) for name, field in fields.items()}
    form = {"type": "object", "properties": form_properties, "required": required}
    return {
        "required": bool(required),
        "content": {
            "application/json": {"schema": {**form, "properties": json_properties}},
            "application/x-www-form-urlencoded": {"schema": form},
            "multipart/form-data": {"schema": form},
        },
    }


def _in_json(field: Field) -> Schema:
    """The values that a field may have in JSON, where a number may be written as text and null means nothing."""
    choices: list[Schema] = [_rules(field.schema)]
    if field.schema["type"] == "integer":
        choices.append({"type": "string", "pattern": "^[0-9]{1,18}$" if field.is_required else "^[0-9]{0,18}$"})
    if not field.is_required:
        choices.append({"type": "null"})
    return _either(choices, field.schema)


def _in_form(field: Field) -> Schema:
    """The same in a form, where everything is text and an empty number counts as left out."""
    if field.is_required or field.schema["type"] != "integer":
        return field.schema
    return _either([_rules(field.schema), {"type": "string", "maxLength": 0}], field.schema)


def _either(choices: list[Schema], schema: Schema) -> Schema:
    about = {name: told for name, told in schema.items() if name in _ABOUT_A_VALUE}
    return {"anyOf": choices, **about} if len(choices) > 1 else schema


def _rules(schema: Schema) -> Schema:
    return {name: rule for name, rule in schema.items() if name not in _ABOUT_A_VALUE}


def _responses(endpoint: Endpoint) -> Iterator[tuple[str, dict[str, Any]]]:
    yield _success(endpoint)
    if endpoint.is_conditional:
        yield "304", {"description": "It is still what `If-None-Match` says the client has.", "headers": _ETAG}
    by_status: dict[HTTPStatus, list[str]] = {}
    for code in sorted(refusal_codes(endpoint)):
        by_status.setdefault(CODES[code][0], []).append(code)
    for status, codes in by_status.items():
        yield str(int(status)), _refusal(status, codes)


def _success(endpoint: Endpoint) -> tuple[str, dict[str, Any]]:
    if not endpoint.gives:
        return "101", {"description": "The connection speaks WebSocket from here on."}
    answer: dict[str, Any] = {
        "description": "Done.",
        "content": {kind: {"schema": schema} for kind, schema in endpoint.gives.items()},
    }
    if endpoint.signs_in:
        answer["headers"] = {"Set-Cookie": _COOKIE}
    elif endpoint.is_conditional:
        answer["headers"] = _ETAG
    return "200", answer


def _refusal(status: HTTPStatus, codes: list[str]) -> dict[str, Any]:
    code = {"type": "string", "enum": codes}
    refusal: dict[str, Any] = {
        "description": " ".join(f"`{code}`: {CODES[code][1]}." for code in codes),
        "content": {
            "application/json": {"schema": {"allOf": [one("Error"), {"properties": {"code": code}}]}},
        },
    }
    if status in _LATER:
        refusal["headers"] = {"Retry-After": _SECONDS}
    elif status is HTTPStatus.UPGRADE_REQUIRED:
        refusal["headers"] = {"Upgrade": {"required": True, "schema": {"type": "string", "const": "websocket"}}}
    return refusal


def _security_schemes(cookie_name: str) -> dict[str, Any]:
    return {
        "cookie": {
            "type": "apiKey",
            "in": "cookie",
            "name": cookie_name,
            "description": "Set by `/login` and `/create_user`; ended by `/logout`.",
        },
        "token": {
            "type": "http",
            "scheme": "bearer",
            "description": "Made by `/create_token`; ended by `/revoke_token`.",
        },
    }


def _sample(method: str, path: str, endpoint: Endpoint, settings: Settings) -> str:
    """How to ask from a shell; the file `jar` keeps the cookie."""
    server = settings.origin or f"http://localhost:{settings.port or 8000}"
    address = server + re.sub(r"{(\w+)}", lambda match: _IN_PATH[match[1]], path)
    if not endpoint.gives:
        return f'websocat {address.replace("http", "ws", 1)} -H "Cookie: $COOKIE"'
    words = ["curl"]
    if endpoint.signs_in:
        words.append("-c jar")
    if not endpoint.is_public:
        words.append("-b jar")
    shown = {name: field for name, field in (endpoint.takes or {}).items() if field.is_required or field.is_shown}
    for name, field in shown.items():
        example = f"{name}={field.schema['examples'][0]}"
        words.append(f"--data-urlencode {shlex.quote(example)}" if " " in example else f"-d {shlex.quote(example)}")
    if method == "POST" and not shown:
        words.append("-X POST")
    return " ".join([*words, shlex.quote(address)])
