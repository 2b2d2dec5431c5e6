"""Serves: settings → application → serve until told to stop. What `run.py` and `python -m chat serve` do."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import resource
import signal
import sys
from collections.abc import Callable, Sequence

from aiohttp import web

from chat import logs
from chat.app import create_app, stop_serving
from chat.errors import StartRefused
from chat.settings import Settings, load_settings, unknown_variables
from chat.supervisor import own_supervisor
from chat.web.keys import BROKEN
from chat.web.listener import Listener

log = logging.getLogger(__name__)

# When the three generations are looked at: https://docs.python.org/3/library/gc.html#gc.set_threshold
_GC_NEW_OBJECTS, _GC_YOUNG_ROUNDS, _GC_MIDDLE_ROUNDS = 10_000, 20, 100

EXIT_OK, EXIT_BROKEN, EXIT_REFUSED = 0, 1, 2


def main(arguments: Sequence[str], program: str) -> int:
    """Serve; the exit code is 0 after a wanted stop, 1 after a fault a supervisor should answer with a restart,
    2 when the server could not start as it is set up.

    Args:
        arguments: the flags.
        program: how this was called, for the help.
    """
    os.umask(0o077)  # whatever this process makes is for its owner alone
    _allow_many_sockets()
    try:
        settings = load_settings(arguments, os.environ, program)
        logs.configure(settings.log_level, settings.log_format)
        for name in unknown_variables(os.environ):
            log.warning("start: %s names no setting; see %s --help", name, program)
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(serve(settings))
    except StartRefused as refusal:
        print(f"The server did not start: {refusal.sentence}", file=sys.stderr)
        return EXIT_REFUSED


async def serve(settings: Settings) -> int:
    """Serve until SIGTERM, SIGINT or a fault; returns the exit code.

    Raises:
        StartRefused: the address or the data directory cannot be used.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    supervisor = own_supervisor()
    app = create_app(settings)
    runner = web.AppRunner(
        app,
        access_log=None,
        shutdown_timeout=settings.shutdown_seconds,
        keepalive_timeout=settings.keep_alive_seconds,
    )
    listener = None
    watchdog = asyncio.create_task(supervisor.keep_watchdog())
    try:
        await runner.setup()
        listener = await _listen(runner, settings)
        _spare_the_garbage_collector()
        supervisor.ready(f"listening on {listener.url}")
        await _first_of(stop, app[BROKEN])
        log.info("stopping: no new connections, committing what was accepted")
    finally:
        supervisor.stopping("committing what was accepted, closing sockets")
        await stop_serving(runner, listener)
        watchdog.cancel()
    log.info("stopped")
    return EXIT_BROKEN if app[BROKEN].is_set() else EXIT_OK


async def _listen(runner: web.AppRunner, settings: Settings) -> Listener:
    assert runner.server is not None  # noqa: S101  # there is one from its setup on
    listener = Listener(runner.server, settings)
    try:
        await listener.start()
    except OSError as error:
        raise StartRefused(
            f"Cannot listen on {settings.host} port {settings.port}: {error.strerror or error}. "
            "Choose others with --host and --port."
        ) from None
    log.info("data in %s", settings.data_dir.absolute())
    log.info("listening on %s", listener.url)
    return listener


def _spare_the_garbage_collector() -> None:
    """Let it look at new objects less often, and never again at what the start has made.

    Nearly all that a message leaves behind is freed by its reference count. Python's own 700 new objects are made by
    a few dozen messages under way, and every now and then all sockets are looked through too: an eighth of the time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GC_NEW_OBJECTS, _GC_YOUNG_ROUNDS, _GC_MIDDLE_ROUNDS)


def _allow_many_sockets() -> None:
    """Take all the file descriptors the system grants: the usual soft limit is 1,024, a socket each."""
    _, granted = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):  # some systems grant less than they say
        resource.setrlimit(resource.RLIMIT_NOFILE, (granted, granted))


async def _first_of(*events: asyncio.Event) -> None:
    waits = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The faster event loop where it is installed (the extra `fast`)."""
    try:
        import uvloop  # noqa: PLC0415  # optional
    except ImportError:
        return None
    return uvloop.new_event_loop
