"""A data directory that cannot be used: the start is refused in one sentence, and nothing in it is touched."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from chat.store.data_directory import DATABASE_NAME, LOCK_NAME
from tests.faults.finding import Finding, Progress
from tests.faults.needs import need_tool
from tests.faults.stage import staged
from tests.processes import refused_start

_EXIT_REFUSED = 2
_REFUSAL = "The server did not start: "
_MESSAGES = 300
_NOBODY = 65534
# The lock is made by each start. The -shm neighbour is no data: SQLite makes it from the log at each opening, and
# leaves it, with an empty log, where the file was only read.
_LOG_NAME = f"{DATABASE_NAME}-wal"
_MAY_CHANGE = (LOCK_NAME, f"{DATABASE_NAME}-shm")

Harm = Callable[[Path], None]


def _empty(directory: Path) -> None:
    os.truncate(directory / DATABASE_NAME, 0)


def _cut_in_the_header(directory: Path) -> None:
    os.truncate(directory / DATABASE_NAME, 50)


def _cut_in_half(directory: Path) -> None:
    path = directory / DATABASE_NAME
    os.truncate(path, path.stat().st_size // 2)


def _cut_by_some_bytes(directory: Path) -> None:
    path = directory / DATABASE_NAME
    os.truncate(path, path.stat().st_size - 100)


def _overwrite_the_header(directory: Path) -> None:
    _overwrite(directory / DATABASE_NAME, 0, 100)


def _overwrite_the_first_page(directory: Path) -> None:
    _overwrite(directory / DATABASE_NAME, 100, 3900)


def _overwrite_pages(directory: Path) -> None:
    path = directory / DATABASE_NAME
    size = path.stat().st_size
    _overwrite(path, size // 8192 * 4096, size // 4)


def _overwrite(path: Path, start: int, count: int) -> None:
    with path.open("r+b") as file:
        file.seek(start)
        file.write(b"\xee" * count)


def _replace_with_text(directory: Path) -> None:
    directory.joinpath(DATABASE_NAME).write_text("not a database at all\n" * 1000)


def _replace_with_a_folder(directory: Path) -> None:
    directory.joinpath(DATABASE_NAME).unlink()
    directory.joinpath(DATABASE_NAME).mkdir()


def _replace_with_another_programs_database(directory: Path) -> None:
    directory.joinpath(DATABASE_NAME).unlink()
    with closing(sqlite3.connect(directory / DATABASE_NAME)) as connection:
        connection.execute("CREATE TABLE thing (id INTEGER PRIMARY KEY)")


def _make_it_newer(directory: Path) -> None:
    with closing(sqlite3.connect(directory / DATABASE_NAME)) as connection:
        connection.execute("PRAGMA user_version = 1000")


def _lose_the_database_but_not_its_log(directory: Path) -> None:
    path = directory / DATABASE_NAME
    path.rename(directory / _LOG_NAME)


def _make_everything_read_only(directory: Path) -> None:
    for path in directory.iterdir():
        path.chmod(0o400)
    directory.chmod(0o500)


def _make_the_directory_read_only(directory: Path) -> None:
    directory.joinpath(LOCK_NAME).unlink(missing_ok=True)
    directory.chmod(0o500)


def _give_to_someone_else(directory: Path) -> None:
    for path in (*directory.iterdir(), directory):
        os.chown(path, _NOBODY, _NOBODY)
        path.chmod(0o700)


_HARMS_OF_FILES: tuple[Harm, ...] = (
    _empty, _cut_in_the_header, _cut_in_half, _cut_by_some_bytes, _overwrite_the_header, _overwrite_the_first_page,
    _overwrite_pages, _replace_with_text, _replace_with_a_folder, _replace_with_another_programs_database,
    _make_it_newer, _lose_the_database_but_not_its_log,
)  # fmt: skip
_HARMS_OF_RIGHTS: tuple[Harm, ...] = (_make_everything_read_only, _make_the_directory_read_only, _give_to_someone_else)


# One of each kind; that the others are refused, tests/store/test_opening.py sees without a process for each.
A_FEW: tuple[Harm, ...] = (
    _empty, _cut_by_some_bytes, _overwrite_pages, _make_everything_read_only, _give_to_someone_else,
)  # fmt: skip
ALL: tuple[Harm, ...] = (*_HARMS_OF_FILES, *_HARMS_OF_RIGHTS)


async def each_damage(work: Path, *, harms: Sequence[Harm] = ALL, is_long: bool = False) -> Finding:
    """Harm a good data directory in one way at a time, and try to start on it."""
    work.mkdir()
    whole = await _whole(work / "whole")
    progress = Progress("damage", len(harms), is_shown=is_long)
    complaints: list[str] = []
    for harm in harms:
        directory = Path(shutil.copytree(whole, work / harm.__name__))
        harm(directory)
        complaints += await _refuses(directory, _powerless() if harm in _HARMS_OF_RIGHTS else ())
        progress.step()
    return Finding(
        "data directory damaged, or not ours",
        len(harms),
        "each refused with exit code 2 and one sentence, and all in it left as it was: "
        + ", ".join(_name(harm) for harm in harms),
        tuple(complaints),
    )


def _name(harm: Harm) -> str:
    return harm.__name__.strip("_").replace("_", " ")


async def _whole(directory: Path) -> Path:
    """A data directory with some history in which all is well."""
    async with staged(directory) as stage:
        async with stage.serving():
            await stage.invite(1)
            stage.add_talkers(2, padding=200)
            async with stage.talking():
                await stage.acknowledged(_MESSAGES)
                await stage.quiet()
        verdict = await stage.verdict()
    assert not verdict.complaints, verdict.complaints
    return directory


async def _refuses(directory: Path, program: tuple[str, ...]) -> list[str]:
    """What is wrong with how a start on this directory is refused."""
    before = _content(directory)
    code, said = await refused_start("--data-dir", str(directory), program=program)
    complaints = []
    if code != _EXIT_REFUSED:
        complaints.append(f"{directory.name}: ended with {code}")
    lines = [line for line in said.splitlines() if " INFO " not in line]
    if len(lines) != 1 or not lines[0].startswith(_REFUSAL) or str(directory) not in lines[0]:
        complaints.append(f"{directory.name}: said {said}")
    after = _content(directory)
    complaints += [
        f"{directory.name}: touched {name}"
        for name in before.keys() | after.keys()
        if before.get(name) != after.get(name)
    ]
    return complaints


def _content(directory: Path) -> dict[str, tuple[int, bytes]]:
    """Mode and bytes of all that is in a directory."""
    content = {
        path.name: (path.stat().st_mode, path.read_bytes() if path.is_file() else b"")
        for path in directory.iterdir()
        if path.name not in _MAY_CHANGE
    }
    if not content.get(_LOG_NAME, (0, b""))[1]:
        content.pop(_LOG_NAME, None)
    return content


def _powerless() -> tuple[str, ...]:
    """What makes root ask for permission like everyone else; others do anyway."""
    if os.geteuid() != 0:
        return ()
    return (need_tool("setpriv", "util-linux"), "--bounding-set=-dac_override,-dac_read_search,-fowner")
