"""deploy/Dockerfile, as far as it can be tried without Docker: what goes into the image runs, and tells its health."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import sys
from pathlib import Path

from tests.people import PATIENCE_SECONDS
from tests.processes import ROOT, clean_environment, server_process

DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
IGNORED = (ROOT / "deploy" / "Dockerfile.dockerignore").read_text(encoding="utf-8").split()


def copied() -> set[str]:
    """What the image is made of."""
    copies: list[str] = re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
    return {name for copy in copies for name in copy.split()[:-1]}


def in_exec_form(instruction: str) -> list[str]:
    """The command of an instruction that stands alone in its line, for the Python of these tests."""
    (found,) = re.findall(rf"^(?:{instruction}) .*?(\[.+\])$", DOCKERFILE, re.MULTILINE)
    program, *arguments = json.loads(found)
    assert program == "python"
    return [sys.executable, *arguments]


def test_the_image_gets_what_it_copies_and_nothing_else() -> None:
    let_through = {name.removeprefix("!") for name in IGNORED if name.startswith("!")}
    assert "*" in IGNORED
    assert let_through == copied()
    for name in copied():
        assert (ROOT / name).exists(), name


async def test_the_server_runs_from_what_is_in_the_image(tmp_path: Path) -> None:
    image = tmp_path / "image"
    image.mkdir()
    for name in copied():
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, image / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, image / name)
    environment = clean_environment() | {
        "CHAT_HOST": "127.0.0.1", "CHAT_PORT": "0", "CHAT_DATA_DIR": str(tmp_path / "data"),
    }  # fmt: skip
    command = in_exec_form("CMD")
    process = await asyncio.create_subprocess_exec(*command, cwd=image, env=environment, stderr=asyncio.subprocess.PIPE)
    assert process.stderr is not None
    async with asyncio.timeout(PATIENCE_SECONDS):
        while b"listening on" not in (line := await process.stderr.readline()):
            assert line, "it ended"
        process.send_signal(signal.SIGTERM)
        await process.stderr.read()
        assert await process.wait() == 0


async def test_the_health_check_tells_a_server_that_is_there_from_one_that_is_not(data_dir: Path) -> None:
    command = in_exec_form("HEALTHCHECK")
    async with server_process(data_dir) as server:
        environment = os.environ | {"CHAT_PORT": str(server.address[1])}

        async def exit_code() -> int:
            process = await asyncio.create_subprocess_exec(*command, env=environment, stderr=asyncio.subprocess.DEVNULL)
            return await process.wait()

        assert await exit_code() == 0
        await server.kill()
        assert await exit_code() == 1


def test_nobody_is_root_in_the_image() -> None:
    (user,) = re.findall(r"^USER (\d+):\d+$", DOCKERFILE, re.MULTILINE)
    assert int(user) > 0
    assert f"--owner={user} " in DOCKERFILE
