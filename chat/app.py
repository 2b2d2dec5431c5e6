"""Puts the parts together: what is started in which order, and stopped in reverse."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

import aiohttp_session
from aiohttp import web

from chat.errors import StartRefused
from chat.live.heartbeat import keep_alive
from chat.live.hub import Hub
from chat.metrics import Metrics
from chat.models import Message
from chat.protocol import CLOSE_GOING_AWAY, CLOSE_INTERNAL_ERROR
from chat.services.devices import KEY_PURPOSE, Devices
from chat.services.limits import Limits
from chat.services.operator import Operator
from chat.services.pacing import Pacing
from chat.services.passwords import PasswordHasher
from chat.services.purge import Purge
from chat.services.read_marks import ReadMarks
from chat.services.sessions import Sessions
from chat.settings import Settings
from chat.store.accounts import has_accounts
from chat.store.database import Database
from chat.store.group_commit import GroupCommit
from chat.store.messages import last_cursor, list_changes
from chat.store.opening import open_database
from chat.store.secrets import secret_key
from chat.store.sessions import list_sessions
from chat.web import parser_errors
from chat.web.control import control_socket
from chat.web.description import describe
from chat.web.keys import (
    BROKEN,
    COMMITS,
    DATABASE,
    DEVICES,
    DOCS,
    HASHER,
    HUB,
    LIMITS,
    METRICS,
    OPENAPI,
    PACING,
    PURGE,
    READ_MARKS,
    SESSIONS,
    SETTINGS,
    STOPPING,
)
from chat.web.listener import Listener
from chat.web.metrics import metrics_app
from chat.web.middlewares import errors_as_json, guard, identify, protect
from chat.web.proxies import believe_proxies
from chat.web.routes import route_definitions
from chat.web.sessions import SessionStorage

log = logging.getLogger(__name__)


def create_app(settings: Settings) -> web.Application:
    """The whole application; everything in it lives from its start-up to its clean-up.

    `app[BROKEN]` is set when the process should end and be started afresh.
    """
    parser_errors.install()
    app = web.Application(
        client_max_size=settings.frame_max_bytes,
        middlewares=[
            identify,
            errors_as_json,
            *([believe_proxies(settings.trusted_networks)] if settings.trusted_proxies else []),
            guard,
            aiohttp_session.session_middleware(SessionStorage(settings)),
        ],
    )
    app[SETTINGS] = settings
    app[METRICS] = Metrics()
    app[BROKEN], app[STOPPING] = asyncio.Event(), asyncio.Event()
    app[OPENAPI], app[DOCS] = describe(settings)
    app.add_routes(route_definitions())
    app.on_response_prepare.append(protect)
    app.cleanup_ctx.append(_running)
    return app


async def _running(app: web.Application) -> AsyncIterator[None]:
    settings, broken = app[SETTINGS], app[BROKEN]
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(open_database(settings, broken.set))
        hasher = PasswordHasher(workers=settings.password_workers, queue_max=settings.password_queue_max)
        stack.push_async_callback(asyncio.to_thread, hasher.close)
        cursor = await last_cursor(database)
        pacing = Pacing(settings, asyncio.get_running_loop().time)
        hub = Hub(settings, partial(_read_changes, database), cursor, pacing.catch_up_page)
        commits = _group_commit(database, hub, settings, cursor, app[METRICS])
        read_marks = ReadMarks(database, hub, settings)
        sessions = Sessions(
            database,
            settings,
            await list_sessions(database),
            on_ended=hub.close_session,
            is_connected=hub.is_connected,
        )
        purge = Purge(database, commits, settings)
        await stack.enter_async_context(
            _background(
                [
                    database.keep_checkpointed(),
                    sessions.keep_saved(),
                    keep_alive(hub, settings),
                    read_marks.run(),
                    purge.run(),
                    commits.run(),
                ],
                broken,
            )
        )
        stack.push_async_callback(sessions.try_to_save)
        stack.push_async_callback(read_marks.flush)
        stack.push_async_callback(commits.drain)
        app[DEVICES] = Devices(await secret_key(database, KEY_PURPOSE))
        app[LIMITS] = Limits(settings, asyncio.get_running_loop().time)
        app[PACING] = pacing
        app[DATABASE], app[HASHER], app[HUB] = database, hasher, hub
        app[COMMITS], app[READ_MARKS], app[SESSIONS] = commits, read_marks, sessions
        app[PURGE] = purge
        if settings.metrics_port:
            await stack.enter_async_context(_background([app[METRICS].watch_loop()], broken))
            await stack.enter_async_context(_metrics_site(app))
        await _log_first_account(database, settings)
        await stack.enter_async_context(control_socket(settings, Operator(database, settings, hasher, sessions)))
        yield


async def _log_first_account(database: Database, settings: Settings) -> None:
    if await has_accounts(database):
        return
    if settings.registration == "closed":
        log.info("no account yet: make one, which becomes the admin, with python -m chat user add")
    else:
        log.info("no account yet: the first one to sign up becomes its admin")


def _group_commit(database: Database, hub: Hub, settings: Settings, cursor: int, metrics: Metrics) -> GroupCommit:
    return GroupCommit(
        database,
        hub.publish,
        first_id=cursor + 1,
        queue_max_messages=settings.commit_queue_max_messages,
        queue_max_bytes=settings.commit_queue_max_bytes,
        batch_max_messages=settings.commit_batch_max_messages,
        batch_max_bytes=settings.commit_batch_max_bytes,
        changes_max=settings.commit_changes_max,
        on_commit=metrics.on_commit if settings.metrics_port else None,
    )


@asynccontextmanager
async def _metrics_site(app: web.Application) -> AsyncIterator[None]:
    """Serve /metrics, which must not be where the proxy in front lets everyone in.

    Raises:
        StartRefused: the address cannot be used.
    """
    settings = app[SETTINGS]
    runner = web.AppRunner(metrics_app(app), access_log=None, shutdown_timeout=settings.shutdown_seconds)
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.metrics_host, settings.metrics_port)
        try:
            await site.start()
        except OSError as error:
            raise StartRefused(
                f"Cannot listen for metrics on {settings.metrics_host} port {settings.metrics_port}: "
                f"{_reason(error)}. Choose others with --metrics-host and --metrics-port."
            ) from None
        log.info("metrics on %s/metrics", site.name)
        yield
    finally:
        await runner.cleanup()


def _reason(error: OSError) -> str:
    """The system's own word for it: the event loop names the address before it, which the sentence does already."""
    if error.errno is not None and error.errno in errno.errorcode:
        return os.strerror(error.errno)
    return error.strerror or str(error)


async def _read_changes(database: Database, room_id: int, after: int, up_to: int, limit: int) -> list[Message]:
    return await list_changes(database, room_id, after=after, up_to=up_to, limit=limit)


@asynccontextmanager
async def _background(coroutines: Iterable[Coroutine[Any, Any, None]], broken: asyncio.Event) -> AsyncIterator[None]:
    """Run tasks beside the handlers; one that dies takes the server with it rather than leave it half alive."""
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    for task in tasks:
        task.add_done_callback(partial(_report_death, broken))
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _report_death(broken: asyncio.Event, task: asyncio.Task[None]) -> None:
    if not task.cancelled():
        log.critical("fault: a background task died; stopping", exc_info=task.exception())
        broken.set()


async def stop_serving(runner: web.AppRunner, listener: Listener | None) -> None:
    """Stop as people may rely on: let nobody in, commit what was accepted, tell every socket, then end the rest.

    The sockets are closed before aiohttp's own shutdown begins: from then on it throws away all that clients
    send, their answers to our close frames too.
    """
    app = runner.app
    app[STOPPING].set()
    if listener is not None:
        listener.stop()
    if HUB in app:  # not when the start was refused
        await app[COMMITS].drain()
        broken = app[BROKEN].is_set()
        code, reason = (CLOSE_INTERNAL_ERROR, "storage failed") if broken else (CLOSE_GOING_AWAY, "server is stopping")
        await app[HUB].close_all(code, reason, app[SETTINGS].close_seconds)
    await runner.cleanup()
