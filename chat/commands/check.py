"""`check`: looks the database and the permissions over, beside a running server or without one."""

from __future__ import annotations

import argparse
import sqlite3
import time

from chat.commands.output import EXIT_FAULT, EXIT_OK, Commands, in_words, say, takes_json
from chat.errors import DirectoryInUse, StartRefused
from chat.settings import Settings
from chat.store.data_directory import restore_hint
from chat.store.examination import find_damage, find_open_doors, find_wrong_version, schema_version
from chat.store.snapshots import count, open_directory, open_snapshot


def add_to(commands: Commands, data_dir: argparse.ArgumentParser) -> None:
    parser = commands.add_parser(
        "check",
        parents=[data_dir],
        help="look for damage, also while the server runs",
        description="Read the whole database and look for damage, for rows that belong to nothing, and for "
        "permissions that let others in. Changes nothing. The exit code is 1 when something is wrong.",
    )
    takes_json(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace, settings: Settings) -> int:
    started = time.monotonic()
    version, counts, advice = 0, None, list[str]()
    try:
        with open_directory(settings.data_dir, "check") as source, open_snapshot(source) as snapshot:
            version = schema_version(snapshot)
            findings = find_wrong_version(version)
            if not findings:
                findings = find_damage(snapshot)
                advice = [restore_hint(settings.data_dir)] if findings else []
                counts = _counts(snapshot)
    except DirectoryInUse:
        raise
    except StartRefused as refusal:
        findings = [refusal.sentence]
    except sqlite3.DatabaseError as error:
        findings = [f"The database cannot be read: {error}."]
    findings += find_open_doors(settings.data_dir)
    seconds = time.monotonic() - started
    say(
        arguments,
        {"ok": not findings, "findings": findings, "schema": version, **(counts or {}), "seconds": round(seconds, 3)},
        *(findings or [f"No damage found in {seconds:.1f} s."]),
        *advice,
        *([f"It holds {in_words(counts)}."] if counts else []),
    )
    return EXIT_FAULT if findings else EXIT_OK


def _counts(snapshot: sqlite3.Connection) -> dict[str, int] | None:
    try:
        return count(snapshot)._asdict()
    except sqlite3.DatabaseError:
        return None  # the findings say why
