"""What commands print: results on standard output, sentences and progress on standard error."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, TextIO

from chat.protocol import encode_json

EXIT_OK, EXIT_FAULT, EXIT_REFUSED, EXIT_INTERRUPTED = 0, 1, 2, 130

# What argparse gives for the place where commands are added; it has no public name.
Commands = Any

_QUIET_SECONDS = 1
_TERMINAL_INTERVAL_SECONDS = 0.1
_LOG_INTERVAL_SECONDS = 5
_MEBIBYTE = 1024 * 1024


class Progress:
    """Tells how far a command is: at once and on one line on a terminal, elsewhere now and then after a second.

    Args:
        what: what is being done, like "Copying".
        unit: what is counted; "MB" is given in bytes.
    """

    def __init__(
        self, what: str, unit: str = "MB", *, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._what = what
        self._unit = unit
        self._stream = stream or sys.stderr
        self._clock = clock
        self._is_terminal = self._stream.isatty()
        self._next = clock() + (0 if self._is_terminal else _QUIET_SECONDS)
        self._has_written = False

    def __call__(self, done: int, total: int | None = None) -> None:
        """Say it, unless it was said a moment ago."""
        now = self._clock()
        if now < self._next:
            return
        self._next = now + (_TERMINAL_INTERVAL_SECONDS if self._is_terminal else _LOG_INTERVAL_SECONDS)
        self._has_written = True
        self._stream.write(
            f"\r{self._line(done, total)}\x1b[K" if self._is_terminal else self._line(done, total) + "\n"
        )
        self._stream.flush()

    def end(self) -> None:
        """Leave the terminal's line to what comes next."""
        if self._is_terminal and self._has_written:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def _line(self, done: int, total: int | None) -> str:
        if total is None:
            return f"{self._what}: {self._amount(done)} {self._unit}"
        percent = 100 * done // total if total else 100
        return f"{self._what}: {percent} % of {self._amount(total)} {self._unit}"

    def _amount(self, number: int) -> str:
        return f"{number / _MEBIBYTE:,.1f}" if self._unit == "MB" else f"{number:,}"


def complain(sentence: str) -> None:
    """Say on standard error what went wrong."""
    print(sentence, file=sys.stderr)


def say(arguments: argparse.Namespace, fields: dict[str, object], *lines: str) -> None:
    """Print the outcome: for a program with --json, else for a person."""
    if arguments.json:
        print(encode_json(fields))
    else:
        for line in lines:
            print(line)


def counted(number: int, noun: str) -> str:
    """A number with its noun, like "1 user" or "2,000 users"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def in_words(counts: Mapping[str, int]) -> str:
    """How many users, rooms and messages, for a sentence."""
    users, rooms, messages = counts["users"], counts["rooms"], counts["messages"]
    return f"{counted(users, 'user')}, {counted(rooms, 'room')} and {counted(messages, 'message')}"


def takes_json(parser: argparse.ArgumentParser) -> None:
    """Give a command the flag --json."""
    parser.add_argument("--json", action="store_true", help="print the outcome as one JSON object")
