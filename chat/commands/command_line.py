"""Finds the command that was asked for, runs it and says how it ended."""

from __future__ import annotations

import argparse
import io
import os
import sqlite3
import sys
from collections.abc import Sequence
from typing import NoReturn

from chat.commands import backup, check, export, import_, invites, restore, serve, users, version
from chat.commands.output import EXIT_FAULT, EXIT_INTERRUPTED, EXIT_REFUSED, complain
from chat.errors import Busy, ChatError, CommandRefused, StorageUnavailable
from chat.settings import load_settings

PROGRAM = "python -m chat"
_NOUNS = (serve, users, invites, backup, check, restore, export, import_, version)


def main(arguments: Sequence[str]) -> int:
    """Run one command; the exit code is 0 when it did what it says, 1 after a fault, 2 when it was refused."""
    os.umask(0o077)  # whatever this process makes is for its owner alone
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name that the terminal cannot show is no fault
    try:
        code = _run(arguments)
        sys.stdout.flush()  # here, where it can be told that nobody reads it
    except BrokenPipeError:
        _forget_output()
        return EXIT_FAULT
    except KeyboardInterrupt:
        complain("Stopped before it was done.")
        return EXIT_INTERRUPTED
    except ChatError as refusal:
        complain(refusal.sentence)
        return EXIT_FAULT if isinstance(refusal, (StorageUnavailable, Busy)) else EXIT_REFUSED
    except (OSError, sqlite3.Error) as error:
        complain(_fault(error))
        return EXIT_FAULT
    return code


def _run(arguments: Sequence[str]) -> int:
    if arguments[:1] == ["serve"]:
        return serve.run(arguments[1:], f"{PROGRAM} serve")
    parsed = make_parser().parse_args(arguments)
    flags = [] if parsed.data_dir is None else ["--data-dir", parsed.data_dir]
    return int(parsed.run(parsed, load_settings(flags, os.environ, PROGRAM)))


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One sentence, where argparse prints the usage first."""
        raise CommandRefused(f"The command cannot be understood: {message}. See {self.prog} --help.")


def make_parser() -> argparse.ArgumentParser:
    """What reads the arguments of every command."""
    data_dir = argparse.ArgumentParser(add_help=False)
    data_dir.add_argument(
        "--data-dir", metavar="FOLDER", default=argparse.SUPPRESS,
        help="folder of the database, as given to the server (default: CHAT_DATA_DIR, else data)",
    )  # fmt: skip
    parser = _Parser(
        prog=PROGRAM,
        allow_abbrev=False,
        description="Serve chat rooms, and look after a server. The commands are safe beside a running server: it "
        "makes the change itself, or they say that it must be stopped first.",
        epilog=f"{PROGRAM} COMMAND --help explains a command. The exit code is 0 when it was done, 1 after a fault "
        "or a finding, 2 when it was refused; then one sentence on standard error says why.",
    )
    parser.add_argument("--data-dir", metavar="FOLDER", help=argparse.SUPPRESS)
    commands = parser.add_subparsers(metavar="COMMAND", required=True, title="commands")
    for noun in _NOUNS:
        noun.add_to(commands, data_dir)
    return parser


def _fault(error: OSError | sqlite3.Error) -> str:
    if isinstance(error, sqlite3.Error):
        name = getattr(error, "sqlite_errorname", type(error).__name__)
        return f"The command failed: the database could not be read or written: {error} ({name})."
    where = f": {error.filename}" if error.filename else ""
    return f"The command failed: {error.strerror or error}{where}."


def _forget_output() -> None:
    # Nobody reads on; Python flushes standard output at its end, and would complain.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
