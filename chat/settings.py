"""Every setting and every limit: one frozen dataclass, one line each with its reason.

A field named `some_limit_bytes` is the flag `--some-limit-bytes` and the variable
`CHAT_SOME_LIMIT_BYTES`; a flag wins over a variable, a variable over the default.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, NoReturn

from chat.errors import StartRefused

ENVIRONMENT_PREFIX = "CHAT_"
KIB = 1024
MIB = 1024 * KIB
DAY_SECONDS = 24 * 60 * 60
PORT_MAX = 65535

_ORIGIN = re.compile(r"https?://([a-z0-9._-]+|\[[0-9a-f:.]+])(:(?P<port>[0-9]{1,5}))?")

# A character outside the BMP written as a surrogate pair of JSON escapes, or as four
# percent-encoded bytes, takes 12 bytes: the most that any accepted encoding needs.
MAX_BYTES_PER_CHARACTER = 12
# Room for the other fields of a request or frame at their longest, and for multipart headers.
ENVELOPE_BYTES = 16 * KIB


def _setting(
    default: Any, why: str, *, least: float = -math.inf, most: float = math.inf, choices: tuple[str, ...] = ()
) -> Any:
    metadata = {"why": why, "least": least, "most": most, "choices": choices}
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What an operator can turn; each number carries its unit in its name."""

    host: str = _setting("127.0.0.1", "address to listen on; 0.0.0.0 lets the whole network in")
    port: int = _setting(8000, "port to listen on; 0 takes a free one and says which", least=0, most=PORT_MAX)
    data_dir: Path = _setting(Path("data"), "folder for the database; made with mode 0700 when missing")
    origin: str = _setting(
        "",
        "address people open in the browser behind a TLS proxy, like https://chat.example.org; with https "
        "the cookie is marked Secure; empty: the Host header of each request is the origin",
    )
    trusted_proxies: str = _setting(
        "",
        "addresses or networks of the proxies in front, with commas between: theirs alone is the "
        "X-Forwarded-For and -Proto that is believed, like 127.0.0.1,10.0.0.0/8",
    )
    log_level: str = _setting("info", "least severe log line written", choices=("debug", "info", "warning", "error"))
    log_format: str = _setting(
        "text", "text for people to read, json for programs: one object a line", choices=("text", "json")
    )

    metrics_port: int = _setting(
        0, "port for GET /metrics, in the format of Prometheus; 0: no metrics", least=0, most=PORT_MAX
    )
    metrics_host: str = _setting("127.0.0.1", "address for GET /metrics; whoever reaches it may read them")

    message_max_characters: int = _setting(4000, "longest message", least=1, most=1_000_000)
    page_max_messages: int = _setting(500, "most messages one page of history may hold", least=1, most=10_000)

    registration: str = _setting(
        "open",
        "who may make an account: anyone who reaches the server, whoever has an invite, or nobody but the operator",
        choices=("open", "invite", "closed"),
    )
    invite_uses_max: int = _setting(1000, "accounts that one invite may let in", least=1, most=1_000_000)
    invite_hours_max: int = _setting(365 * 24, "how long an invite may last", least=1, most=100 * 365 * 24)
    invites_max: int = _setting(1000, "invites that may be open at a time: bounds the list of them", least=1)
    password_reset_seconds: int = _setting(
        DAY_SECONDS, "a link to choose a new password works this long: it is worth as much as the password", least=60
    )
    tokens_per_user_max: int = _setting(50, "API tokens one person may have; they do not expire", least=1)
    audit_page_max_entries: int = _setting(200, "most entries of the audit log in one answer", least=1, most=10_000)

    session_idle_seconds: int = _setting(14 * DAY_SECONDS, "a session not used this long ends", least=60)
    session_absolute_seconds: int = _setting(
        90 * DAY_SECONDS, "a session ends this long after the sign-in, used or not", least=60
    )
    session_save_seconds: float = _setting(
        60, "how often the times sessions were last used are written down: one small commit", least=0.05
    )
    sessions_per_user_max: int = _setting(
        50, "sessions one person may have; the longest unused ends when a new one needs its place", least=1
    )
    password_workers: int = _setting(
        1,
        "passwords hashed at once, each on a thread of its own with 19 MiB; about thirty a second each",
        least=1,
        most=64,
    )
    password_queue_max: int = _setting(
        128, "sign-ins that may wait for a worker (about 5 s of work); more are asked to come back", least=0
    )

    sign_in_failures_per_name_and_address_per_hour: int = _setting(
        20, "wrong passwords for one name from one address: more than anyone mistypes", least=1
    )
    sign_in_failures_per_address_per_hour: int = _setting(
        100, "wrong passwords from one address, for all names: a whole school may sit behind it", least=1
    )
    sign_in_failures_per_name_per_hour: int = _setting(
        200, "wrong passwords for one name, from all addresses: slows guessing from thousands of machines", least=1
    )
    sign_in_failures_per_device_per_hour: int = _setting(
        20, "wrong passwords on a device its user has signed in from, which the limits above leave alone", least=1
    )
    device_seconds: int = _setting(
        365 * DAY_SECONDS, "how long a browser shows that its user has signed in from it before", least=60
    )
    sign_ups_per_address_per_hour: int = _setting(
        60, "accounts made from one address: a class signs up in one lesson", least=1
    )
    rooms_per_user_per_hour: int = _setting(300, "rooms one person may make: a script that sets up a team", least=1)
    requests_per_user_per_second: float = _setting(
        50, "requests of one signed-in person: a page asks for five when it opens", least=0.01
    )
    requests_per_user_burst: int = _setting(2000, "the same at once: a script that brings a history over", least=1)
    frames_per_user_per_second: float = _setting(
        200, "frames of one person over all sockets, and messages over HTTP: faster than any page or bridge", least=0.01
    )
    frames_per_user_burst: int = _setting(
        2000, "the same at once: what piled up while there was no connection", least=1
    )
    requests_per_user_at_once: int = _setting(
        10, "requests of one person that are carried out as they come; what comes faster waits for its turn", least=1
    )
    requests_per_user_pace_per_second: float = _setting(
        50, "how fast those have their turn: four people who do their worst take a tenth of a core or two", least=0.01
    )
    frames_per_user_at_once: int = _setting(
        32, "frames of one person that are acted on as they come; what comes faster waits for its turn", least=1
    )
    frames_per_user_pace_per_second: float = _setting(200, "how fast those have their turn", least=0.01)
    catch_up_pages_per_user_at_once: int = _setting(
        100, "pages of what a person's sockets have missed that are sent as they can be; more wait", least=1
    )
    catch_up_pages_per_user_per_second: float = _setting(50, "how fast those are sent", least=0.01)
    refusals_per_address_at_once: int = _setting(
        40,
        "refusals that one address is told as they come: a school opens the page; more wait for their turn",
        least=1,
    )
    refusals_per_address_per_second: float = _setting(20, "how fast those are told", least=0.01)
    turn_wait_max_seconds: float = _setting(
        5, "longest wait of a request for its turn, which holds a task and its body; more are refused", least=0.01
    )
    long_answers_per_user_max: int = _setting(
        8,
        "lists of messages, rooms or people that one person may be sent at once, each up to some megabytes in memory "
        "until it is read; more wait for their turn",
        least=1,
    )
    frames_per_turn_max: int = _setting(
        256, "frames of one socket that are acted on before the others have a turn: a few milliseconds", least=1
    )
    sockets_per_user_max: int = _setting(
        2000, "sockets one person may have open: a bridge has one for each room", least=1
    )
    limit_keys_max: int = _setting(
        10_000,
        "addresses or names that each limit above remembers, about 300 bytes each; the fullest go first",
        least=1,
    )

    reader_connections: int = _setting(
        4, "database connections for reading, a thread and up to 8 MiB of cache each", least=1, most=64
    )
    commit_queue_max_messages: int = _setting(
        10_000, "accepted messages that may wait for the disk; senders wait beyond it", least=1
    )
    commit_queue_max_bytes: int = _setting(
        32 * MIB, "the same in bytes of text, so that long messages cannot fill the memory", least=MIB
    )
    commit_batch_max_messages: int = _setting(
        1000, "most messages in one commit: bounds how long a newcomer waits behind it", least=1, most=10_000
    )
    commit_batch_max_bytes: int = _setting(
        MIB, "the same in bytes: also the most that one write to a socket can hold", least=KIB
    )
    commit_changes_max: int = _setting(
        1000, "deletions that may wait for the disk; each takes its turn between two commits, more are refused", least=1
    )
    purge_batch_messages: int = _setting(
        200,
        "messages of a deleted room or account that go in one commit: bounds how long everyone else waits behind it",
        least=1,
        most=10_000,
    )
    purge_pause_seconds: float = _setting(
        0.02, "pause between two such commits, so that the disk is mostly there for what people say", least=0
    )
    accept_wait_seconds: float = _setting(
        5, "how long an HTTP sender may wait for a place in the queue before 503", least=0.1
    )
    synchronous: str = _setting(
        "full",
        "full: who has seen a message can pull the plug and it is still there; normal: only the process may die",
        choices=("full", "normal"),
    )
    busy_timeout_seconds: float = _setting(
        4, "how long a write waits for another process that locks the database", least=0.1, most=60
    )
    checkpoint_idle_seconds: float = _setting(
        0.5, "the write-ahead log is folded in after this long without a write", least=0.01
    )
    checkpoint_wal_max_bytes: int = _setting(
        64 * MIB, "and at the latest when about this much was written to it", least=MIB
    )
    directory_wait_seconds: float = _setting(
        60,
        "how long a start waits for a command that has the data directory: a moment, but for a backup of a large one",
        least=0,
    )
    start_check_seconds: float = _setting(
        0.25, "how long the database is examined at the start, about 100 MB on a laptop; 0 leaves it out", least=0
    )

    unsent_max_bytes: int = _setting(
        256 * KIB, "bytes waiting for one slow socket before it is fed from the database instead", least=KIB
    )
    catch_up_page_messages: int = _setting(64, "messages read at once for a socket that catches up", least=1, most=1000)
    catch_ups_at_once: int = _setting(
        8,
        "catching-up sockets that may hold a page in memory at the same time: bounds a reconnect storm",
        least=1,
    )
    catch_up_kept_bytes: int = _setting(
        4 * MIB, "pages kept for others who missed the same: after an outage everybody did", least=0
    )
    sends_in_flight_max: int = _setting(
        256, "messages of one socket that may wait for the disk before its reading pauses", least=1
    )
    subscriptions_max: int = _setting(500, "rooms one socket may subscribe to", least=1)
    unread_max: int = _setting(100, "unread messages of a room are counted up to this number", least=1, most=10_000)
    unread_looked_at_max: int = _setting(
        300,
        "newest messages looked at to find those of others among them: bounds what listing the rooms costs",
        least=1,
        most=100_000,
    )
    read_mark_interval_seconds: float = _setting(
        0.2, "what people have read is gathered this long and stored by one commit", least=0.01
    )
    read_marks_pending_max: int = _setting(
        5000, "most marks in one such commit, about one for each reader of a busy room; more wait for it", least=1
    )
    heartbeat_seconds: float = _setting(
        30, "a silent socket is pinged after this long and closed after one and a half times this", least=0.1
    )
    stalled_reader_seconds: float = _setting(
        600,
        "a socket whose machine answers but whose program reads nothing is closed after this long",
        least=0.1,
    )
    close_seconds: float = _setting(
        1.5, "how long a closing socket may take to answer the close frame", least=0.05, most=60
    )
    presence_interval_seconds: float = _setting(
        1, "who came, left or types is gathered this long and sent once", least=0.01
    )
    presence_names_max: int = _setting(100, "rooms with more people online are told their number alone", least=0)

    body_seconds: float = _setting(15, "how long a request body may take to arrive", least=0.05)
    answer_seconds: float = _setting(
        60,
        "a connection that takes nothing of its answer for this long, at most twice that, is closed: as long as nginx "
        "waits",
        least=0.05,
    )
    keep_alive_seconds: float = _setting(
        75, "an idle HTTP connection, or one that never finishes its headers, is closed after this", least=0.1
    )
    listen_backlog: int = _setting(
        4096,
        "connections the kernel may hold for us: a whole company reconnecting at once",
        least=1,
        most=65535,
    )
    connections_max: int = _setting(
        50_000,
        "connections the server holds at once, as far as the system's limit of open files goes; more are answered 503",
        least=1,
    )
    connections_per_address_max: int = _setting(
        1000,
        "the same for one address, of IPv6 one /64; those of this machine and of trusted proxies stand for many "
        "people and are not counted",
        least=1,
    )
    accepts_at_once: int = _setting(
        1, "new connections taken in before others get a turn: bounds what a crowd at the door costs them", least=1
    )
    shutdown_seconds: float = _setting(
        1, "how long answers under way may take once the server is asked to stop", least=0, most=60
    )

    @property
    def frame_max_bytes(self) -> int:
        """Largest WebSocket frame or HTTP body: the longest message in its widest encoding."""
        return self.message_max_characters * MAX_BYTES_PER_CHARACTER + ENVELOPE_BYTES

    @property
    def trusted_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """Where the trusted proxies are."""
        return _networks(self.trusted_proxies)

    @property
    def secure(self) -> bool:
        """Whether people reach the server over TLS."""
        return self.origin.startswith("https://")


def load_settings(arguments: Sequence[str], environment: Mapping[str, str], program: str = "run.py") -> Settings:
    """Read the settings from flags and `CHAT_*` variables.

    Args:
        program: how it was called, for the help.

    Raises:
        StartRefused: a flag does not exist, or a value is not what its setting takes.
    """
    parser = _parser(program)
    flags = vars(parser.parse_args(arguments))
    values: dict[str, Any] = {}
    for field in dataclasses.fields(Settings):
        variable = ENVIRONMENT_PREFIX + field.name.upper()
        if flags[field.name] is not None:
            values[field.name] = _value(field, _flag(field), flags[field.name])
        elif variable in environment:
            values[field.name] = _value(field, variable, environment[variable])
    return Settings(**values)


def unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """The `CHAT_*` variables that name no setting: most likely misspelt."""
    known = {ENVIRONMENT_PREFIX + field.name.upper() for field in dataclasses.fields(Settings)}
    return sorted(name for name in environment if name.startswith(ENVIRONMENT_PREFIX) and name not in known)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One sentence, where argparse prints the names of all flags first."""
        raise StartRefused(f"The flags cannot be understood: {message}. See {self.prog} --help.")


def _parser(program: str) -> argparse.ArgumentParser:
    parser = _Parser(
        prog=program,
        allow_abbrev=False,  # what is short for one flag today may be short for two tomorrow
        description="Serve chat rooms to browsers, curl and websocat. Each flag is also a variable: "
        "--data-dir is CHAT_DATA_DIR.",
    )
    for field in dataclasses.fields(Settings):
        default = str(field.default) or "empty"
        choices = "".join(f"; one of {', '.join(field.metadata['choices'])}" if field.metadata["choices"] else "")
        parser.add_argument(
            _flag(field),
            metavar=_kind(field).upper(),
            help=f"{field.metadata['why']}{choices} (default: {default})".replace("%", "%%"),
        )
    return parser


def _flag(field: dataclasses.Field[Any]) -> str:
    return "--" + field.name.replace("_", "-")


def _kind(field: dataclasses.Field[Any]) -> str:
    return {"Path": "folder", "int": "number", "float": "number"}.get(str(field.type), "text")


def _value(field: dataclasses.Field[Any], source: str, text: str) -> Any:
    if field.name == "origin":
        return _origin(source, text)
    if field.name == "trusted_proxies":
        return _proxies(source, text)
    if field.type == "Path":
        return _folder(source, text)
    if field.type == "str":
        return _choice(field, source, text)
    return _number(field, source, text)


def _number(field: dataclasses.Field[Any], source: str, text: str) -> int | float:
    convert = int if field.type == "int" else float
    least, most = field.metadata["least"], field.metadata["most"]
    try:
        number = convert(text)
    except ValueError:
        number = math.nan
    if not least <= number <= most or math.isinf(number):
        wanted = "a whole number" if convert is int else "a number"
        bounds = f" of at least {least}" if math.isinf(most) else f" from {least} to {most}"
        raise StartRefused(f"{source} takes {wanted}{bounds}, not {text[:100]!r}.")
    return number


def _proxies(source: str, text: str) -> str:
    try:
        _networks(text)
    except ValueError:
        raise StartRefused(f"{source} takes addresses like 127.0.0.1,10.0.0.0/8, not {text[:100]!r}.") from None
    return text


def _networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(part.strip(), strict=False) for part in text.split(",") if part.strip())


def _folder(source: str, text: str) -> Path:
    if not text or "\0" in text:
        raise StartRefused(f"{source} takes the name of a folder, not {text[:100]!r}.")
    return Path(text)


def _choice(field: dataclasses.Field[Any], source: str, text: str) -> str:
    choices = field.metadata["choices"]
    if choices and text not in choices:
        raise StartRefused(f"{source} takes one of {', '.join(choices)}, not {text[:100]!r}.")
    if not text:
        raise StartRefused(f"{source} is empty; leave it out to have the default {field.default!r}.")
    return text


def _origin(source: str, text: str) -> str:
    if not text:
        return ""
    origin = text.rstrip("/").lower()
    match = _ORIGIN.fullmatch(origin)
    if not match or not 0 < int(match["port"] or 1) <= PORT_MAX:
        raise StartRefused(f"{source} takes an address like https://chat.example.org, not {text[:100]!r}.")
    # Browsers leave the usual port out, and what they send is compared with this.
    return origin.removesuffix(":443" if origin.startswith("https:") else ":80")
