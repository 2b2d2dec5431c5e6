"""`version`: says which version of the program and of the schema this is."""

from __future__ import annotations

import argparse
import platform
import sqlite3

import chat
from chat.commands.output import EXIT_OK, Commands, say, takes_json
from chat.settings import Settings
from chat.store.migrations import current_version


def add_to(commands: Commands, data_dir: argparse.ArgumentParser) -> None:
    parser = commands.add_parser("version", parents=[data_dir], help="say which version this is")
    takes_json(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace, _settings: Settings) -> int:
    version, schema = chat.__version__, current_version()
    python, sqlite = platform.python_version(), sqlite3.sqlite_version
    say(
        arguments,
        {"version": version, "schema": schema, "python": python, "sqlite": sqlite},
        f"chat {version} (schema {schema}, Python {python}, SQLite {sqlite})",
    )
    return EXIT_OK
