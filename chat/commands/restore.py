"""`restore`: puts a backup in the place of the database; the server must be stopped."""

from __future__ import annotations

import argparse
from pathlib import Path

from chat.commands.output import EXIT_OK, Commands, Progress, in_words, say, takes_json
from chat.settings import Settings
from chat.store.restore import restore


def add_to(commands: Commands, data_dir: argparse.ArgumentParser) -> None:
    parser = commands.add_parser(
        "restore",
        parents=[data_dir],
        help="put a backup in the place of the database; the server must be stopped",
        description="Examine FILE and put a copy of it in the place of the database. A database that is there is kept "
        "beside it under a name with the time. Sign-ins that the backup knows are valid again, also those that were "
        "ended since it was made.",
    )
    parser.add_argument("file", metavar="FILE", type=Path, help="a backup")
    parser.add_argument("--force", action="store_true", help="also when there is a database, which is then kept aside")
    takes_json(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace, settings: Settings) -> int:
    progress = Progress("Copying")
    try:
        restored = restore(arguments.file.absolute(), settings.data_dir, progress, force=arguments.force)
    finally:
        progress.end()
    counts, kept = restored.counts, restored.kept
    say(
        arguments,
        {"data_dir": str(settings.data_dir.absolute()), **counts._asdict(), "kept": kept and str(kept)},
        f"Restored {in_words(counts._asdict())}.",
        *([f"The database that was there is now {kept}"] if kept else []),
        "Start the server again.",
    )
    return EXIT_OK
