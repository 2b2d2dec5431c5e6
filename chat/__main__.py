"""Lets `python -m chat …` run the commands."""

from __future__ import annotations

import sys

from chat.commands.command_line import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
