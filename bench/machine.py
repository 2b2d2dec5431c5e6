"""The machine under the benchmark: which core is whose, how many files may be open, and what to call it."""

from __future__ import annotations

import os
import platform
import re
import resource
import sqlite3
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Descriptors a process needs beside its sockets: database, event loop, log, what Python holds open.
_OTHER_FILES = 200
_FSYNC_TRIES = 50


def server_core() -> int:
    """The core on which every measured server runs."""
    return max(_cores())


def load_core() -> int:
    """The core on which the load runs; the server's own where the machine has only one."""
    return min(_cores())


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """Run on one core; a process started meanwhile, with all its threads, stays there."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def allow_many_sockets() -> int:
    """Take all the file descriptors the system grants; returns how many sockets one process may have."""
    _, granted = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (granted, granted))
    return granted - _OTHER_FILES


def describe(directory: Path) -> dict[str, str]:
    """What a reader needs to know to compare these figures with those of another machine."""
    return {
        "processor": f"{_processor()}, {len(_cores())} cores ({_siblings()})",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "system": f"{_distribution()}, Linux {platform.release()}",
        "Python": f"{platform.python_version()}, SQLite {sqlite3.sqlite_version}",
        "disk": f"{_file_system(directory)}; writing 4 KiB with fdatasync: {_fdatasync_ms(directory):.2f} ms (median)",
    }


def _cores() -> list[int]:
    return sorted(_ALLOWED)


def _processor() -> str:
    match = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return match[1] if match else platform.machine()


def _siblings() -> str:
    try:
        text = Path(f"/sys/devices/system/cpu/cpu{server_core()}/topology/thread_siblings_list").read_text()
    except OSError:
        return "whether they are threads of one core is not known"
    one_core = load_core() != server_core() and str(load_core()) in re.split("[,-]", text.strip())
    return "two threads of one core" if one_core else "each a core of its own, says the system"


def _distribution() -> str:
    return platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())


def _file_system(directory: Path) -> str:
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    around = [(len(point), kind) for _, point, kind, *_ in mounts if directory.resolve().is_relative_to(point)]
    return max(around)[1]


def _fdatasync_ms(directory: Path) -> float:
    path = directory / "fdatasync"
    file = os.open(path, os.O_WRONLY | os.O_CREAT)
    try:
        times = []
        for _ in range(_FSYNC_TRIES):
            start = time.perf_counter()
            os.write(file, bytes(4096))
            os.fdatasync(file)
            times.append(time.perf_counter() - start)
        return statistics.median(times) * 1000
    finally:
        os.close(file)
        path.unlink()


_ALLOWED = os.sched_getaffinity(0)
