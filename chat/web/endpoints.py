"""What each address takes and answers: plain data, one entry for each line of the table in routes.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chat.protocol import CLIENT_ID_MAX_CHARACTERS
from chat.web.schemas import (
    CURSOR,
    MESSAGE_ID,
    NEW_NAME,
    NEW_PASSWORD,
    NEXT_PASSWORD,
    PASSWORD,
    ROOM_ID,
    ROOM_NAME,
    SENTENCE,
    SESSION_ID,
    TIME,
    TOKEN_NAME,
    USER_ID,
    USERNAME,
    Field,
    Schema,
    SettingOf,
    exactly,
    listing,
    number,
    one,
    only_yes,
    text,
    yes_or_no,
)

_NAME_RULES = ("name_empty", "name_too_long", "name_spaces", "name_slash", "name_invisible")
_OF_EVERY_SOCKET = (
    "malformed", "wrong_type", "out_of_range", "foreign_origin", "upgrade_required", "too_many_sockets",
)  # fmt: skip
# What hashing a password may end in.
_HASHES = ("busy", "stopping")
_PASSWORD_RULES = ("password_too_short", "password_too_long", "password_too_common")

ACCOUNTS, SESSIONS, ROOMS, MESSAGES, SOCKETS, ADMINS, SERVER, PAGE = TAGS = (
    "Accounts", "Sessions and tokens", "Rooms", "Messages", "WebSocket", "Administration", "The server", "The page",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """What an address takes and answers.

    Args:
        does: one line.
        name: its operationId; "": the address says it.
        more: what else there is to know of it.
        takes: the fields of its body; None: it reads no body.
        query: the parameters of its query string, all of which may be left out.
        gives: of which type the answer is, and its schema where that is JSON.
        refusals: the codes of its own; those that all of its kind share are added.
        is_public: anyone may, without signing in.
        signs_in: the answer sets the cookie.
        uses_store: it cannot answer without the database.
        is_conditional: the answer has an ETag, by which it is not sent again.
    """

    tag: str
    does: str
    name: str = ""
    more: str = ""
    takes: Mapping[str, Field] | None = None
    query: Mapping[str, Schema] = field(default_factory=dict)
    gives: Mapping[str, Schema]
    refusals: tuple[str, ...] = ()
    is_public: bool = False
    is_for_admins: bool = False
    signs_in: bool = False
    uses_store: bool = True
    is_conditional: bool = False


def operation_id(path: str, endpoint: Endpoint) -> str:
    """What a program that is made from the description calls it."""
    return endpoint.name or path.strip("/")


def _json(schema: Schema) -> Mapping[str, Schema]:
    return {"application/json": schema}


def _is(schema: Schema) -> Field:
    return Field(schema)


def _maybe(schema: Schema, *, shown: bool = False) -> Field:
    return Field(schema, is_required=False, is_shown=shown)


def _file(tag: str, does: str, gives: Mapping[str, Schema], **more: Any) -> Endpoint:
    """What is made at the start, and answered from memory to everyone."""
    return Endpoint(tag=tag, does=does, gives=gives, is_public=True, uses_store=False, is_conditional=True, **more)


_DONE = _json(one("Done"))
_FILE: Schema = {"type": "string"}
_HTML = {"text/html": _FILE}
_ROOM = text("lobby", "in any case or Unicode form")
_MEANT_ROOM = text("lobby", "left out: the session's current room")
_PERSON = text("bob", "in any case or Unicode form")
_WEBSOCKET: Mapping[str, Schema] = {}
_RESUME = {"after": number(41, "a cursor: everything that came after it is sent first", least=0)}

_TALKS = (
    'One JSON object in each text frame. A minimal send is `{"message":"hi"}`; the sender\'s own `chat` frame is the '
    "acknowledgement, and it comes when the message is on disk. docs/protocol.md describes every frame and close code. "
    "What is refused is refused in the handshake, with the statuses below."
)

ENDPOINTS: Mapping[tuple[str, str], Endpoint] = {
    ("GET", "/registration"): Endpoint(
        tag=ACCOUNTS,
        does="Say who may make an account.",
        gives=_json(
            exactly(
                registration={
                    "type": "string",
                    "enum": ["open", "invite", "closed"],
                    "examples": ["open"],
                    "description": "open: everyone; invite: whoever has an invitation; closed: nobody, here",
                },
                has_admin=yes_or_no("whether the server has an admin; the first account becomes one", example=True),
            )
        ),
        is_public=True,
    ),
    ("POST", "/create_user"): Endpoint(
        tag=ACCOUNTS,
        does="Make an account and sign in to it.",
        more="The first account of a new server is an admin, and needs no invitation.",
        takes={
            "username": _is(NEW_NAME),
            "password": _is(NEW_PASSWORD),
            "invite": _maybe(text("the-code-of-the-link", "needed where `registration` is `invite`")),
        },
        gives=_json(exactly(info=text("Welcome, ada."), user_id=USER_ID, username=USERNAME)),
        refusals=(
            "invite_needed", "invite_invalid", "registration_closed", "name_taken", *_NAME_RULES, *_PASSWORD_RULES,
            *_HASHES, "too_many_sign_ups", "account_made",
        ),
        is_public=True,
        signs_in=True,
    ),
    ("POST", "/login"): Endpoint(
        tag=ACCOUNTS,
        does="Sign in.",
        more="Begins a session and sets its cookie; a session that the request came with ends.",
        takes={"username": _is(text("ada")), "password": _is(PASSWORD)},
        gives=_json(exactly(user_id=USER_ID, message=SENTENCE)),
        refusals=("wrong_credentials", "deactivated", *_HASHES, "too_many_sign_ins"),
        is_public=True,
        signs_in=True,
    ),
    ("POST", "/logout"): Endpoint(
        tag=ACCOUNTS,
        does="Sign out.",
        more="The session ends at once and its sockets close with 4401.",
        gives=_DONE,
        refusals=("cross_site",),
    ),
    ("GET", "/logout"): Endpoint(
        name="logout_by_link",
        tag=ACCOUNTS,
        does="Sign out, the same by GET.",
        more="HEAD says what GET would and changes nothing.",
        gives=_DONE,
        refusals=("cross_site",),
    ),
    ("POST", "/reset_password"): Endpoint(
        tag=ACCOUNTS,
        does="Choose a new password with the code of a reset link.",
        more="The code works once. All sessions and tokens of the user end.",
        takes={"reset": _is(text("the-code-of-the-link")), "password": _is(NEXT_PASSWORD)},
        gives=_json(exactly(username=USERNAME, message=SENTENCE)),
        refusals=("reset_invalid", *_PASSWORD_RULES, *_HASHES),
        is_public=True,
    ),
    ("POST", "/change_password"): Endpoint(
        tag=ACCOUNTS,
        does="Change the own password.",
        more="All other sessions end and their sockets close with 4401; tokens stay.",
        takes={"password": _is(PASSWORD), "new_password": _is(NEXT_PASSWORD)},
        gives=_DONE,
        refusals=("wrong_password", *_PASSWORD_RULES, *_HASHES, "too_many_sign_ins"),
    ),
    ("POST", "/delete_account"): Endpoint(
        tag=ACCOUNTS,
        does="Delete the own account.",
        more="Sessions, tokens and memberships end at once, and the name is free again. "
        "The last admin cannot go while others are there.",
        takes={
            "password": _is(PASSWORD),
            "messages": _maybe(
                {
                    "type": "string",
                    "enum": ["keep", "delete"],
                    "default": "keep",
                    "examples": ["keep"],
                    "description": "what becomes of the messages: they stay, as those of a deleted user, or go too",
                }
            ),
        },
        gives=_DONE,
        refusals=("wrong_password", "last_admin", "invalid_value", *_HASHES, "too_many_sign_ins"),
    ),
    ("GET", "/whoami"): Endpoint(
        tag=ACCOUNTS,
        does="Say who is signed in.",
        gives=_json(
            exactly(
                user_id=USER_ID,
                username=USERNAME,
                message_max_characters=number(4000, "the longest message"),
                admin=yes_or_no("whether the user is an admin", example=False),
            )
        ),
    ),
    ("GET", "/get_users"): Endpoint(
        tag=ACCOUNTS,
        does="List everyone who has an account, in the order they signed up.",
        gives=_json(exactly(users=listing("User"))),
    ),
    ("GET", "/get_sessions"): Endpoint(
        tag=SESSIONS,
        does="List the own sessions.",
        gives=_json(exactly(sessions=listing("Session"))),
    ),
    ("POST", "/end_session"): Endpoint(
        tag=SESSIONS,
        does="End one of the own sessions.",
        more="Its sockets close with 4401.",
        takes={"session_id": _is(SESSION_ID)},
        gives=_DONE,
        refusals=("unknown_session",),
    ),
    ("GET", "/get_tokens"): Endpoint(
        tag=SESSIONS,
        does="List the own API tokens.",
        gives=_json(exactly(tokens=listing("Token"))),
    ),
    ("POST", "/create_token"): Endpoint(
        tag=SESSIONS,
        does="Make an API token, for programs.",
        more="`Authorization: Bearer <token>` then does what the cookie does, on every address. It is shown this once, "
        "and works until it is revoked. The password is asked for, so that a stolen session cannot make one.",
        takes={"name": _is(TOKEN_NAME), "password": _is(PASSWORD)},
        gives=_json(
            exactly(
                token_id=SESSION_ID,
                name=TOKEN_NAME,
                token=text("chat_Zm9yIHRoZSBleGFtcGxlIG9ubHksIG5vdCByZWFs", pattern="^chat_[A-Za-z0-9_-]+$"),
            )
        ),
        refusals=("wrong_password", "too_many_tokens", *_NAME_RULES, *_HASHES, "too_many_sign_ins"),
    ),
    ("POST", "/revoke_token"): Endpoint(
        tag=SESSIONS,
        does="End one of the own API tokens.",
        more="Its sockets close with 4401.",
        takes={"token_id": _is(SESSION_ID)},
        gives=_DONE,
        refusals=("unknown_token",),
    ),
    ("POST", "/create_room"): Endpoint(
        tag=ROOMS,
        does="Make a room.",
        more="Whoever makes it is a member; the current room stays what it was.",
        takes={"room": _is(text("tea", "visible characters only", minLength=1, maxLength=64))},
        gives=_json(exactly(room_id=ROOM_ID, room_name=ROOM_NAME)),
        refusals=("name_taken", *_NAME_RULES, "too_many_rooms"),
    ),
    ("GET", "/get_rooms"): Endpoint(
        tag=ROOMS,
        does="List all rooms, in the order they were made.",
        more="Whoever subscribes to a room after `cursor` gets everything that the list does not count.",
        gives=_json(exactly(cursor=CURSOR, rooms=listing("Room"))),
    ),
    ("POST", "/join_room"): Endpoint(
        tag=ROOMS,
        does="Become a member of a room and make it the session's current one.",
        more="Harmless for a member.",
        takes={"room": _is(_ROOM)},
        gives=_json(one("NamedRoom")),
        refusals=("unknown_room",),
    ),
    ("POST", "/leave_room"): Endpoint(
        tag=ROOMS,
        does="Leave a room.",
        more="All sockets of the user are unsubscribed from it.",
        takes={"room": _is(_ROOM)},
        gives=_json(one("NamedRoom")),
        refusals=("not_joined", "unknown_room"),
    ),
    ("POST", "/send_message"): Endpoint(
        tag=MESSAGES,
        does="Send a message.",
        more="Answered when it is on disk. With a `client_id` it may be repeated: the answer is then the original "
        "message, whatever the repeat says.",
        takes={
            "message": _is(text("hi", minLength=1, maxLength=SettingOf("message_max_characters"))),
            "room": _maybe(_MEANT_ROOM),
            "client_id": _maybe(
                text("note-1", "the sender's own name for it", minLength=1, maxLength=CLIENT_ID_MAX_CHARACTERS)
            ),
        },
        gives=_json(
            exactly(
                "client_id",
                "deleted",
                message=text("hi"),
                id=MESSAGE_ID,
                room=ROOM_NAME,
                timestamp=TIME,
                cursor=number(42),
                client_id=text("note-1"),
                deleted=only_yes("there only when the original message is deleted"),
            )
        ),
        refusals=(
            "not_joined", "unknown_room", "missing_field", "message_empty", "message_too_long", "client_id_length",
            "busy",
        ),
    ),
    ("POST", "/list_message"): Endpoint(
        tag=MESSAGES,
        does="List the messages of a room, oldest first.",
        more="Without `limit` the whole room, streamed: if the database fails on the way, the body breaks off; so "
        "does a long page. With it a page, and `next` to go on from: as `after` if that was given, else as `before`.",
        takes={
            "room": _maybe(_MEANT_ROOM, shown=True),
            "before": _maybe(number(43, "an id, itself left out", least=0)),
            "after": _maybe(number(1, "an id, itself left out", least=0)),
            "limit": _maybe(number(50, "most messages on the page", most=SettingOf("page_max_messages")), shown=True),
        },
        gives=_json(
            exactly(
                "next",
                room=ROOM_NAME,
                cursor=CURSOR,
                messages=listing("Message"),
                next=number(42, "missing on the last page"),
            )
        ),
        refusals=("not_joined", "unknown_room", "missing_field", "out_of_range"),
    ),
    ("POST", "/delete_message"): Endpoint(
        tag=ADMINS,
        does="Delete a message.",
        more="Its place stays, without the text.",
        takes={"id": _is(number(42))},
        gives=_json(exactly(message=SENTENCE, id=MESSAGE_ID, room=ROOM_NAME, cursor=number(57))),
        refusals=("unknown_message", "out_of_range"),
        is_for_admins=True,
    ),
    ("POST", "/delete_room"): Endpoint(
        tag=ADMINS,
        does="Delete a room with all its messages.",
        more="Its name is free again.",
        takes={"room": _is(text("tea", "in any case or Unicode form"))},
        gives=_json(one("NamedRoom")),
        refusals=("unknown_room",),
        is_for_admins=True,
    ),
    ("GET", "/ws"): Endpoint(
        name="connect",
        tag=SOCKETS,
        does="Open a WebSocket that reads no room yet; each frame names its room.",
        more=_TALKS,
        query=_RESUME,
        gives=_WEBSOCKET,
        refusals=_OF_EVERY_SOCKET,
    ),
    ("GET", "/ws/chat/{room}"): Endpoint(
        name="connect_to_room",
        tag=SOCKETS,
        does="Open a WebSocket to a room; whoever opens it becomes a member.",
        more=_TALKS,
        query=_RESUME,
        gives=_WEBSOCKET,
        refusals=(*_OF_EVERY_SOCKET, "unknown_room"),
    ),
    ("GET", "/ws/chat/{room}/{user_id}"): Endpoint(
        name="connect_to_room_as",
        tag=SOCKETS,
        does="Open a WebSocket to a room, in the older form of the address.",
        more=f"`user_id` must be the own one. {_TALKS}",
        query=_RESUME,
        gives=_WEBSOCKET,
        refusals=(*_OF_EVERY_SOCKET, "not_your_user_id", "unknown_room"),
    ),
    ("POST", "/create_invite"): Endpoint(
        tag=ADMINS,
        does="Make an invitation to sign up.",
        more="The code is shown this once; `path` is the link to it on this server.",
        takes={
            "uses": _maybe(number(1, "accounts; 1 when left out", most=SettingOf("invite_uses_max")), shown=True),
            "hours": _maybe(number(168, "a week when left out", most=SettingOf("invite_hours_max")), shown=True),
        },
        gives=_json(
            exactly(
                invite_id=number(5),
                invite=text("the-code-of-the-link", minLength=1),
                expires=TIME,
                uses_left=number(1),
                path=text("/#invite=the-code-of-the-link", pattern="^/#invite="),
            )
        ),
        refusals=("out_of_range", "too_many_invites"),
        is_for_admins=True,
    ),
    ("GET", "/get_invites"): Endpoint(
        tag=ADMINS,
        does="List the invitations that still work.",
        gives=_json(exactly(invites=listing("Invite"))),
        is_for_admins=True,
    ),
    ("POST", "/revoke_invite"): Endpoint(
        tag=ADMINS,
        does="End an invitation.",
        takes={"invite_id": _is(number(5))},
        gives=_DONE,
        refusals=("unknown_invite", "out_of_range"),
        is_for_admins=True,
    ),
    ("POST", "/deactivate_user"): Endpoint(
        tag=ADMINS,
        does="Shut a user out.",
        more="Sessions and tokens end and sockets close with 4401, at once. Messages stay.",
        takes={"username": _is(_PERSON)},
        gives=_DONE,
        refusals=("unknown_user", "last_admin"),
        is_for_admins=True,
    ),
    ("POST", "/reactivate_user"): Endpoint(
        tag=ADMINS,
        does="Let a user sign in again.",
        takes={"username": _is(_PERSON)},
        gives=_DONE,
        refusals=("unknown_user",),
        is_for_admins=True,
    ),
    ("POST", "/create_password_reset"): Endpoint(
        tag=ADMINS,
        does="Make a link by which a user can choose a new password, once.",
        more="A new one takes the place of the last.",
        takes={"username": _is(_PERSON)},
        gives=_json(
            exactly(
                reset=text("the-code-of-the-link", minLength=1),
                expires=TIME,
                path=text("/#reset=the-code-of-the-link", pattern="^/#reset="),
            )
        ),
        refusals=("unknown_user",),
        is_for_admins=True,
    ),
    ("GET", "/get_audit"): Endpoint(
        tag=ADMINS,
        does="List what admins did, newest first.",
        more="Everyone who is signed in may read it.",
        query={
            "before": number(43, "an id, itself left out", least=0),
            "limit": number(50, "most entries on the page", most=SettingOf("audit_page_max_entries")),
        },
        gives=_json(exactly("next", entries=listing("AuditEntry"), next=number(9, "goes in as `before`"))),
        refusals=("wrong_type", "out_of_range"),
    ),
    ("GET", "/healthz"): Endpoint(
        tag=SERVER,
        does="Say whether the database answers.",
        gives=_json(exactly(status={"type": "string", "const": "ok", "examples": ["ok"]})),
        is_public=True,
    ),
    ("GET", "/readyz"): Endpoint(
        tag=SERVER,
        does="Say whether the server takes messages: the database can be written to and no stop is under way.",
        gives=_json(exactly(status={"type": "string", "const": "ready", "examples": ["ready"]})),
        refusals=("stopping",),
        is_public=True,
    ),
    ("GET", "/openapi.json"): _file(
        name="openapi",
        tag=SERVER,
        does="This description, for programs.",
        gives=_json({"type": "object"}),
    ),
    ("GET", "/docs"): _file(
        tag=SERVER,
        does="This description, for people.",
        gives=_HTML,
    ),
    ("GET", "/"): _file(
        name="page",
        tag=PAGE,
        does="The web page.",
        gives=_HTML,
        refusals=("too_many_requests",),
    ),
    ("GET", "/service_worker.js"): _file(
        name="service_worker",
        tag=PAGE,
        does="What opens the page without the server.",
        gives={"text/javascript": _FILE},
    ),
    ("GET", "/manifest.webmanifest"): _file(
        name="manifest",
        tag=PAGE,
        does="What a phone needs to keep the page like a program.",
        gives={"application/manifest+json": {"type": "object"}},
    ),
    ("GET", "/static/{name}"): _file(
        name="static_file",
        tag=PAGE,
        does="A file of the page.",
        more="`name` begins with the version of the page, a slash follows: such a file never changes.",
        gives={
            "text/css": _FILE,
            "text/html": _FILE,
            "text/javascript": _FILE,
            "image/svg+xml": _FILE,
            "image/png": _FILE,
        },
        refusals=("not_found",),
    ),
}  # fmt: skip
