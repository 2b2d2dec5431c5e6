"""`export`: writes users, rooms and messages into files that any program can read."""

from __future__ import annotations

import argparse
from pathlib import Path

from chat.commands.output import EXIT_OK, Commands, Progress, in_words, say, takes_json
from chat.errors import CommandRefused
from chat.services.export import write_export
from chat.settings import Settings
from chat.store.examination import schema_version
from chat.store.migrations import current_version
from chat.store.snapshots import open_directory, open_snapshot


def add_to(commands: Commands, data_dir: argparse.ArgumentParser) -> None:
    parser = commands.add_parser(
        "export",
        parents=[data_dir],
        help="write users, rooms and messages as JSON lines, also while the server runs",
        description="Write users, rooms, memberships and messages as of one moment into files of JSON lines in DIR. "
        "Sign-ins, tokens, invites, reset links and the audit log are left out; a backup has them.",
    )
    parser.add_argument("folder", metavar="DIR", type=Path, help="a folder that is new or empty")
    parser.add_argument(
        "--with-password-hashes",
        action="store_true",
        help="so that people can sign in after an import with the passwords they have; whoever reads the files can "
        "try passwords on the hashes",
    )
    takes_json(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace, settings: Settings) -> int:
    progress = Progress("Writing", "lines")
    try:
        with open_directory(settings.data_dir, "export") as source, open_snapshot(source) as snapshot:
            if schema_version(snapshot) != current_version():
                raise CommandRefused(
                    "The database is of another version than this program. Start the server of this version once."
                )
            counts = write_export(
                snapshot, arguments.folder.absolute(), progress, with_password_hashes=arguments.with_password_hashes
            )
    finally:
        progress.end()
    say(
        arguments,
        {"folder": str(arguments.folder.absolute()), **counts},
        f"Exported {in_words(counts)}: {arguments.folder}",
    )
    return EXIT_OK
