"""`check`: looks the database and the permissions over, beside a running server or without one."""

from __future__ import annotations

import argparse
import sqlite3
import time

from chat.commands.output import EXIT_FAULT, EXIT_OK, Commands, say, takes_json
from chat.errors import DirectoryInUse, StartRefused
from chat.settings import Settings
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
    known: dict[str, object] = {}
    try:
        with open_directory(settings.data_dir, "check") as source, open_snapshot(source) as snapshot:
            version = schema_version(snapshot)
            findings = find_wrong_version(version)
            if not findings:
                findings = find_damage(snapshot)
                known = {"schema": version, **_counts(snapshot)}
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
        {"ok": not findings, "findings": findings, **known, "seconds": round(seconds, 3)},
        *(findings or [f"No damage found in {seconds:.1f} s."]),
        *([", ".join(f"{value:,} {name}" for name, value in known.items() if name != "schema")] if known else []),
    )
    return EXIT_FAULT if findings else EXIT_OK


def _counts(snapshot: sqlite3.Connection) -> dict[str, object]:
    try:
        return count(snapshot)._asdict()
    except sqlite3.DatabaseError:
        return {}  # the findings say why
