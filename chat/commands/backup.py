"""`backup`: copies the database into one file, beside a running server or without one."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from chat.commands.output import EXIT_OK, Commands, Progress, in_words, say, takes_json
from chat.errors import CommandRefused
from chat.settings import Settings
from chat.store.backup import back_up
from chat.store.snapshots import open_directory


def add_to(commands: Commands, data_dir: argparse.ArgumentParser) -> None:
    parser = commands.add_parser(
        "backup",
        parents=[data_dir],
        help="copy the database into one file, also while the server runs",
        description="Copy the database as of one moment into FILE, examine the copy and open it once as a server "
        "would. It holds every message and the password hashes, so keep it to yourself. While it copies, the "
        "server's write-ahead log grows by what is written meanwhile.",
    )
    parser.add_argument("file", metavar="FILE", type=Path, help="where the copy goes; its folder must exist")
    parser.add_argument("--force", action="store_true", help="replace FILE when it exists")
    takes_json(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace, settings: Settings) -> int:
    final = arguments.file.absolute()
    started = time.monotonic()
    progress = Progress("Copying")
    with open_directory(settings.data_dir, "backup") as source:
        _check_target(final, settings.data_dir, force=arguments.force)
        try:
            counts, size = back_up(source, final, progress)
        finally:
            progress.end()
    seconds = time.monotonic() - started
    say(
        arguments,
        {"file": str(final), **counts._asdict(), "bytes": size, "seconds": round(seconds, 3)},
        f"Backed up {in_words(counts._asdict())} ({size:,} bytes) in {seconds:.1f} s: {arguments.file}",
        f"To restore it, stop the server and run: python -m chat restore {arguments.file}",
    )
    return EXIT_OK


def _check_target(final: Path, data_dir: Path, *, force: bool) -> None:
    if not final.parent.is_dir():
        raise CommandRefused(f"There is no folder {final.parent}. Make it first.")
    if final.parent.resolve() == data_dir.resolve():
        raise CommandRefused("A backup belongs outside the data directory, best on another disk.")
    if final.is_symlink() or (final.exists() and not final.is_file()):
        raise CommandRefused(f"{final} is there and is not a file.")
    if final.exists() and not force:
        raise CommandRefused(f"{final} exists. Give another name, or --force to replace it.")
