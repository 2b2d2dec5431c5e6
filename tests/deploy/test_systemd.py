"""The units in deploy/: systemd understands them, they close what they say, and the server lives within them."""

from __future__ import annotations

import asyncio
import ctypes
import os
import re
import signal
import sys
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.deploy.programs import needed
from tests.people import visiting
from tests.processes import ROOT, clean_environment, server_process

DEPLOY = Path(__file__).parent.parent.parent / "deploy"
UNITS = ("chat.service", "chat-backup.service", "chat-backup.timer")

# Kept over exec: prctl(2), by which no memory may become executable that was writable, and seccomp(2), by which of the
# calls of the system only those that are named are carried out.
_PR_SET_MDWE, _PR_GET_MDWE, _REFUSE_EXEC_GAIN = 65, 66, 1
_SECCOMP = "libseccomp.so.2"  # systemd itself needs it
_CONFINED = f"""
import ctypes, errno, os, sys
assert ctypes.CDLL(None).prctl({_PR_SET_MDWE}, {_REFUSE_EXEC_GAIN}, 0, 0, 0) == 0 or sys.argv[1] == "no mdwe"
seccomp = ctypes.CDLL("{_SECCOMP}")
seccomp.seccomp_init.restype = ctypes.c_void_p
rules = ctypes.c_void_p(seccomp.seccomp_init(0x00050000 | errno.EPERM))
for name in sys.argv[2].split():
    number = seccomp.seccomp_syscall_resolve_name(name.encode())
    assert number < 0 or seccomp.seccomp_rule_add(rules, 0x7FFF0000, number, 0) == 0
assert seccomp.seccomp_load(rules) == 0
os.execv(sys.argv[3], sys.argv[3:])
"""


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units, with a Python that is there in place of the one in /opt/chat."""
    for name in UNITS:
        text = (DEPLOY / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(text.replace("/opt/chat/.venv/bin/python", sys.executable), encoding="utf-8")
    return tmp_path


async def systemd_analyze(*arguments: str) -> tuple[int, str]:
    program = needed("systemd-analyze", "systemd")
    process = await asyncio.create_subprocess_exec(
        program, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()


async def test_systemd_finds_nothing_wrong_with_the_units(units: Path) -> None:
    assert await systemd_analyze("verify", *(str(units / name) for name in UNITS)) == (0, "")


@pytest.mark.parametrize(("unit", "most"), [("chat.service", 1.5), ("chat-backup.service", 1.0)])
async def test_the_units_leave_little_open(units: Path, unit: str, most: float) -> None:
    code, output = await systemd_analyze("security", "--offline=yes", str(units / unit))
    assert code == 0, output
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", output)
    assert found is not None
    assert 0 < float(found[1]) <= most


async def confined(unit: str) -> tuple[str, ...]:
    """What a program has to be started with to have as much of the kernel as the unit leaves it."""
    text = (DEPLOY / unit).read_text(encoding="utf-8")
    allowed: set[str] = set()
    for takes_away, names in re.findall(r"^SystemCallFilter=(~?)(.+)$", text, re.MULTILINE):
        calls = await system_calls(names.split())
        allowed = allowed - calls if takes_away else allowed | calls
    mdwe = "mdwe" if ctypes.CDLL(None).prctl(_PR_GET_MDWE, 0, 0, 0, 0) >= 0 else "no mdwe"  # Linux 6.3
    return sys.executable, "-c", _CONFINED, mdwe, " ".join(allowed)


async def system_calls(names: Iterable[str]) -> set[str]:
    """The calls that a filter names, those of its groups too."""
    groups = {name for name in names if name.startswith("@")}
    calls = set(names) - groups
    if groups:
        _, output = await systemd_analyze("syscall-filter", *groups)
        listed = {line.strip() for line in output.splitlines() if line.startswith(" ") and "#" not in line}
        calls |= await system_calls(listed)
    return calls


async def test_the_server_works_within_what_its_unit_leaves_it(data_dir: Path) -> None:
    under = await confined("chat.service")
    async with server_process(data_dir, program=under) as server, visiting(server, "ada") as ada:
        await ada.sign_up()
        await ada.joins()
        async with ada.live() as socket:
            await socket.send(message="hi")
            assert (await socket.next("chat"))["message"] == "hi"
        threads = [int(thread.name) for thread in Path(f"/proc/{server.process_id}/task").iterdir()]
        assert 19 in {os.getpriority(os.PRIO_PROCESS, thread) for thread in threads}
        server.send_signal(signal.SIGTERM)
        assert await server.exit_code() == 0


async def test_the_backup_of_the_timer_is_made_beside_a_running_server(data_dir: Path, tmp_path: Path) -> None:
    unit = (DEPLOY / "chat-backup.service").read_text(encoding="utf-8")
    (line,) = re.findall(r"^ExecStart=/bin/sh -c '(.+)'$", unit, re.MULTILINE)
    backups = tmp_path / "backups"
    backups.mkdir(mode=0o700)
    line = line.replace("%%", "%").replace("/opt/chat/.venv/bin/python", sys.executable)
    line = line.replace("/var/lib/chat-backups", str(backups))
    under = await confined("chat-backup.service")
    async with server_process(data_dir):
        environment = clean_environment() | {"CHAT_DATA_DIR": str(data_dir)}
        process = await asyncio.create_subprocess_exec(*under, "/bin/sh", "-c", line, cwd=ROOT, env=environment)
        assert await process.wait() == 0
    (backup,) = backups.iterdir()
    assert re.fullmatch(r"chat-\d{8}T\d{6}Z\.db", backup.name)
    assert backup.stat().st_mode & 0o777 == 0o600


async def test_of_older_backups_one_a_day_stays_for_two_weeks(tmp_path: Path) -> None:
    unit = (DEPLOY / "chat-backup.service").read_text(encoding="utf-8")
    (line,) = re.findall(r"^ExecStartPost=(.+)$", unit, re.MULTILINE)
    backups = tmp_path / "backups"
    backups.mkdir(mode=0o700)
    now = datetime.fromtimestamp(time.time(), UTC)
    made = [now - timedelta(hours=hours, minutes=5) for hours in range(20 * 24)]
    names = {moment: f"chat-{moment:%Y%m%dT%H%M%SZ}.db" for moment in made}
    for moment, name in names.items():
        (backups / name).touch()
        os.utime(backups / name, (moment.timestamp(), moment.timestamp()))
    (backups / "move.db").touch()
    os.utime(backups / "move.db", (0, 0))
    line = line.replace("/opt/chat", str(ROOT)).replace("/var/lib/chat-backups", str(backups))
    for _ in range(2):  # the second time there is nothing left to do
        process = await asyncio.create_subprocess_exec(*line.split())
        assert await process.wait() == 0
        left = {path.name for path in backups.iterdir()}
        of_the_last_day = {names[moment] for moment in made if now - moment < timedelta(days=1)}
        older = [moment for moment in made if timedelta(days=1) <= now - moment < timedelta(days=15)]
        first_of_each_day = {names[min(day)] for day in _by_day(older)}
        assert left == of_the_last_day | first_of_each_day | {"move.db"}
        assert len(left) < 45


def _by_day(moments: list[datetime]) -> list[list[datetime]]:
    days = {moment.date() for moment in moments}
    return [[moment for moment in moments if moment.date() == day] for day in sorted(days)]
