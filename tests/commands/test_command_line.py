"""How commands are called, how they end, and that `serve` is what run.py does."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import chat
from tests.commands.running import refused, run
from tests.commands.stored import make_database
from tests.processes import ROOT, clean_environment


async def test_help_lists_the_commands() -> None:
    outcome = await run("--help")
    assert outcome.code == 0
    for name in ("serve", "user", "invite", "backup", "check", "restore", "export", "import", "version"):
        assert f"\n    {name} " in outcome.output


async def test_what_is_no_command_is_refused_with_one_sentence() -> None:
    for arguments in ((), ("fly",), ("backup",), ("backup", "a", "b"), ("user",), ("check", "--loudly")):
        sentence = await refused(*arguments)
        assert sentence.startswith("The command cannot be understood: ")
        assert sentence.endswith(" --help.")


async def test_a_wrong_variable_is_refused_as_by_the_server(data_dir: Path) -> None:
    outcome = await run("check", "--data-dir", data_dir, environment={"CHAT_PORT": "eighty"})
    assert (outcome.code, outcome.output) == (2, "")
    assert outcome.errors == "CHAT_PORT takes a whole number from 0 to 65535, not 'eighty'.\n"


async def test_version_says_which_for_people_and_programs() -> None:
    assert (await run("version")).output.startswith(f"chat {chat.__version__} (schema ")
    assert json.loads((await run("version", "--json")).output)["version"] == chat.__version__


async def test_the_folder_may_be_named_before_or_after_the_command(data_dir: Path) -> None:
    await make_database(data_dir)
    assert (await run("--data-dir", data_dir, "check")).code == 0
    assert (await run("check", "--data-dir", data_dir)).code == 0
    assert (await run("--data-dir", data_dir, "user", "list")).code == 0


async def test_serve_is_run_py_under_another_name(data_dir: Path) -> None:
    outcome = await run("serve", "--help")
    assert outcome.code == 0
    assert outcome.output.startswith("usage: python -m chat serve ")
    assert "--session-idle-seconds" in outcome.output
    outcome = await run("serve", "--data-dir", data_dir, "--prot", "1")
    assert outcome.code == 2
    assert outcome.errors.endswith("See python -m chat serve --help.\n")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "chat", "serve", "--port", "0", "--data-dir", data_dir, cwd=ROOT,
        env=clean_environment(), stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    while b"listening on" not in (line := await process.stderr.readline()):
        assert line, "it ended"
    process.terminate()
    await process.communicate()
    assert process.returncode == 0


async def test_a_reader_that_stops_reading_is_no_fault_with_a_stack() -> None:
    process = await asyncio.create_subprocess_exec(
        "bash", "-c", f"{sys.executable} -m chat version --json | true; echo ${{PIPESTATUS[0]}}", cwd=ROOT,
        env=clean_environment(), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, errors = await process.communicate()
    assert b"Traceback" not in errors
    assert b"BrokenPipe" not in errors
