"""Runs the chat server; the same as `python -m chat serve`."""

from __future__ import annotations

import sys

from chat.serving import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], program="run.py"))
