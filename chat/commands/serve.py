"""`serve`: runs the server."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from chat.commands.output import Commands


def add_to(commands: Commands, _data_dir: argparse.ArgumentParser) -> None:
    # Its flags are the settings, which load_settings reads; here it is only listed.
    commands.add_parser("serve", help="run the server, as run.py does; its flags are the settings", add_help=False)


def run(flags: Sequence[str], program: str) -> int:
    """Serve until told to stop; the exit code."""
    from chat.serving import main  # noqa: PLC0415  # loads aiohttp, for which no other command should wait

    return main(flags, program)
