"""The log: one line per event, for people or for machines, with the id of the request that it came from.

What others said is never trusted: a control character in a name or an address would let its sender forge lines or
command the terminal of whoever reads them (OWASP Logging Cheat Sheet, "Event collection").
"""

from __future__ import annotations

import json
import logging
import re
import secrets
import sys
from contextvars import ContextVar
from datetime import UTC, datetime

from chat.terminals import ACTING_BUT_C0

# The id of the request that is being handled; a task begun on its behalf inherits it.
request_id: ContextVar[str | None] = ContextVar("request_id", default=None)

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_MADE_ID_BYTES = 8
_UNPRINTABLE = re.compile(f"[\x00-\x1f{ACTING_BUT_C0}]")
_CONTINUATION = "\n    "


def begin_request(proposed: str | None) -> str:
    """Put an id on every log line of this request: the one its sender chose, when it is harmless, or a new one.

    Args:
        proposed: what the header X-Request-Id holds.
    """
    harmless = proposed is not None and _REQUEST_ID.fullmatch(proposed)
    chosen = proposed if harmless and proposed else new_request_id()
    request_id.set(chosen)
    return chosen


def new_request_id() -> str:
    """An id of our own making."""
    return secrets.token_hex(_MADE_ID_BYTES)


def configure(level: str, log_format: str) -> None:
    """Write the log to standard error from now on.

    Args:
        level: the least severe lines written.
        log_format: `text` or `json`.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if log_format == "json" else TextFormatter())
    handler.addFilter(_add_request_id)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # What aiosqlite says at debug is every statement with its values: messages, password hashes, names.
    logging.getLogger("aiosqlite").setLevel(max(logging.INFO, logging.getLogger().level))


class TextFormatter(logging.Formatter):
    """Time, level, message and, where there is one, the request id; a line each, the rest of a stack indented."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # the name logging gives it
        line = visible(super().formatMessage(record))
        found = getattr(record, "request_id", None)
        return line if found is None else f"{line} [{found}]"

    def formatException(self, ei: object) -> str:  # noqa: N802
        return _indented(super().formatException(ei))  # type: ignore[arg-type]

    def formatStack(self, stack_info: str) -> str:  # noqa: N802
        return _indented(stack_info)


class JsonFormatter(logging.Formatter):
    """One JSON object a line, in ASCII: `time` (ISO 8601 UTC), `level`, `logger`, `message`, and where there are any
    `request_id` and `exception`."""

    def format(self, record: logging.LogRecord) -> str:
        fields = {
            "time": _iso_time(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        found = getattr(record, "request_id", None)
        if found is not None:
            fields["request_id"] = found
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return json.dumps(fields)


def visible(text: str) -> str:
    """The text on one line, with what steers a terminal spelt out."""
    return _UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def _indented(lines: str) -> str:
    """Lines of a stack, none of which can pass for an entry of the log."""
    return _CONTINUATION[1:] + _CONTINUATION.join(visible(line) for line in lines.split("\n"))


def _iso_time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def _add_request_id(record: logging.LogRecord) -> bool:
    record.request_id = request_id.get()
    return True
