"""A real server in the test's own event loop, on a free port, with a real database file."""

from __future__ import annotations

import dataclasses
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from aiohttp import web

from chat.app import create_app, stop_serving
from chat.settings import Settings
from chat.store.data_directory import DATABASE_NAME
from chat.web.listener import Listener

# What a test would otherwise wait for; every other setting is as people run it.
QUICK: dict[str, Any] = {
    "presence_interval_seconds": 0.05,
    "checkpoint_idle_seconds": 0.05,
    "requests_per_user_at_once": 1_000_000,
    "frames_per_user_at_once": 1_000_000,
    "catch_up_pages_per_user_at_once": 1_000_000,
}


class RunningServer:
    """The server under test; it keeps its port and its data over a restart."""

    def __init__(self, data_dir: Path, **settings: Any) -> None:
        where: dict[str, Any] = {"host": "127.0.0.1", "port": 0, "data_dir": data_dir}
        self.settings = Settings(**(where | QUICK | settings))
        self._runner: web.AppRunner | None = None
        self._listener: Listener | None = None

    @property
    def app(self) -> web.Application:
        assert self._runner is not None
        return self._runner.app

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.settings.port}"

    @property
    def address(self) -> tuple[str, int]:
        return ("127.0.0.1", self.settings.port)

    @property
    def database_path(self) -> Path:
        return self.settings.data_dir / DATABASE_NAME

    def query(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Look into the database, or change it, behind the server's back."""
        with closing(sqlite3.connect(self.database_path)) as connection, connection:
            return connection.execute(sql, parameters).fetchall()

    async def start(self) -> None:
        settings = self.settings
        self._runner = web.AppRunner(
            create_app(settings),
            access_log=None,
            shutdown_timeout=settings.shutdown_seconds,
            keepalive_timeout=settings.keep_alive_seconds,
        )
        await self._runner.setup()
        assert self._runner.server is not None
        self._listener = Listener(self._runner.server, settings)
        await self._listener.start()
        self.settings = dataclasses.replace(settings, port=self._listener.port)

    async def stop(self) -> None:
        """Stop as SIGTERM does; harmless when stopped."""
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await stop_serving(runner, self._listener)
