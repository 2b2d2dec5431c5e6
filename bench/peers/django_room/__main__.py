"""Starts the Django Channels peer as its deployment guide does: migrate, then hand the process to daphne."""

from __future__ import annotations

import os
import sys

import django
from django.core.management import call_command


def main() -> None:
    port, directory = sys.argv[1:]
    os.environ["ROOM_DIRECTORY"] = directory
    os.environ["DJANGO_SETTINGS_MODULE"] = "bench.peers.django_room.settings"
    django.setup()
    call_command("migrate", verbosity=0)
    os.execv(sys.executable, [sys.executable, "-m", "daphne", *daphne_options(int(port))])


def daphne_options(port: int) -> list[str]:
    # Verbosity 0 is what turns daphne's access log off; the connect timeout is raised since in a storm of a thousand
    # handshakes the last one waits for the rest.
    endpoint = f"tcp:port={port}:interface=127.0.0.1:backlog=4096"
    options = ["-e", endpoint, "-v", "0", "--websocket_connect_timeout", "60"]
    return [*options, "bench.peers.django_room.asgi:application"]


if __name__ == "__main__":
    main()
