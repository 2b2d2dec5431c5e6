"""`import`: takes an export in; the server must be stopped."""

from __future__ import annotations

import argparse
from pathlib import Path

from chat.commands.output import EXIT_OK, Commands, Progress, in_words, say, takes_json
from chat.services.import_ import import_export
from chat.settings import Settings


def add_to(commands: Commands, data_dir: argparse.ArgumentParser) -> None:
    parser = commands.add_parser(
        "import",
        parents=[data_dir],
        help="take an export in; the server must be stopped",
        description="Take the users, rooms, memberships and messages of an export in, under the same ids. Nothing is "
        "changed unless everything in it is right and goes beside what is there. The same export can be taken in "
        "again: what is there stays. Who has no password hash in the export can sign in after a reset link was made.",
    )
    parser.add_argument("folder", metavar="DIR", type=Path, help="a folder that export wrote")
    takes_json(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace, settings: Settings) -> int:
    checking, storing = Progress("Checking", "lines"), Progress("Storing", "lines")
    try:
        found, new = import_export(arguments.folder.absolute(), settings, checking, storing)
    finally:
        checking.end()
        storing.end()
    say(
        arguments,
        {"found": found, "new": new},
        f"The export has {in_words(found)}; new of that: {in_words(new)}.",
    )
    return EXIT_OK
