"""Carries an act out where it is safe: in the running server, by its control socket, or here when there is none."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import time
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

from chat.errors import ChatError, CommandRefused, DirectoryInUse, StorageUnavailable
from chat.fields import is_storable
from chat.protocol import encode_json
from chat.services.operator import ACTS, Operator
from chat.services.passwords import PasswordHasher
from chat.settings import Settings
from chat.store.data_directory import CONTROL_NAME, DATABASE_NAME, SERVER, control_address
from chat.store.opening import open_database

# A server that starts or stops, or another command, is done with the directory in less.
_PATIENCE_SECONDS = 10
_RETRY_SECONDS = 0.1
# Longer than a server waits for anything that an act needs.
_ANSWER_SECONDS = 30

Fields = Mapping[str, object]


class _NotListening(Exception):
    """Nobody listens on the control socket at the moment."""


def carry_out(settings: Settings, command: str, act: str, fields: Fields, *, makes_database: bool = False) -> Any:
    """Carry out one of `services.operator.ACTS`; its answer.

    Args:
        command: what the directory is held for, when no server runs.
        makes_database: whether it may be the first thing that is done with a new server.

    Raises:
        ChatError: it was refused, by the rules or because the directory stays in use.
    """
    for name, value in fields.items():
        if isinstance(value, str) and not is_storable(value):
            raise CommandRefused(f"The {name} is not valid text.")
    if not makes_database and not (settings.data_dir / DATABASE_NAME).exists():
        raise CommandRefused(
            f"There is no database in {settings.data_dir.absolute()}. Say with --data-dir where it is."
        )
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return json.loads(asyncio.run(_carry_out_here(settings, command, act, fields)))
        except DirectoryInUse as used:
            try:
                if used.holder == SERVER:
                    return _ask_server(settings.data_dir, act, fields)
            except _NotListening:
                pass
            if time.monotonic() > deadline:
                raise _still_in_use(settings, used) from None
        time.sleep(_RETRY_SECONDS)


async def _carry_out_here(settings: Settings, command: str, act: str, fields: Fields) -> str:
    async with open_database(settings, lambda: None, command) as database:
        hasher = PasswordHasher(workers=1, queue_max=0)
        try:
            return await ACTS[act](Operator(database, settings, hasher, None), fields)
        finally:
            hasher.close()


def _ask_server(directory: Path, act: str, fields: Fields) -> Any:
    connection = _ControlConnection(directory)
    try:
        connection.request(
            "POST", f"/{act}", encode_json(fields).encode(), {"Content-Type": "application/json; charset=utf-8"}
        )
        response = connection.getresponse()
        answer = json.loads(response.read())
    except (OSError, http.client.HTTPException, ValueError):
        raise StorageUnavailable("The server did not answer. Look whether the change was made.") from None
    finally:
        connection.close()
    if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise StorageUnavailable(answer["error"])
    if response.status != HTTPStatus.OK:
        raise ChatError(answer["error"], answer["code"])
    return answer


class _ControlConnection(http.client.HTTPConnection):
    """Speaks HTTP over the control socket of a data directory."""

    def __init__(self, directory: Path) -> None:
        super().__init__("control", timeout=_ANSWER_SECONDS)
        self._directory = directory

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(_ANSWER_SECONDS)
        try:
            with control_address(self._directory) as address:
                self.sock.connect(address)
        except OSError as error:
            raise _NotListening from error


def _still_in_use(settings: Settings, used: DirectoryInUse) -> CommandRefused:
    if used.holder != SERVER:
        return CommandRefused(used.sentence)
    socket_path = settings.data_dir / CONTROL_NAME
    return CommandRefused(f"A server is running but cannot be reached at {socket_path}. Stop it, then try again.")
