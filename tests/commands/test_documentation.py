"""docs/commands.md tells the truth: its examples run as printed, and it leaves no command and no flag out."""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from chat.commands.command_line import make_parser
from tests.processes import ROOT, clean_environment

PAGE = ROOT / "docs" / "commands.md"

# What is different each time.
_VARIES = (
    (re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z|\d{8}T\d{6}"), "TIME"),
    (re.compile(r"(#reset=|#invite=)[\w-]{32}"), r"\1CODE"),
    (re.compile(r"[\d,]+ bytes"), "SIZE"),
    (re.compile(r"in [\d.]+ s\b"), "in SECONDS"),
    (re.compile(r"(Python|SQLite) [\d.]+"), r"\1 NUMBER"),
)


def examples() -> Iterator[tuple[str, str]]:
    """Each command of the page with what it prints."""
    for block in re.findall(r"^```console\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
        for example in block.removeprefix("$ ").split("\n$ "):
            command, _, shown = example.partition("\n")
            yield command, shown.rstrip("\n")


def without_what_varies(text: str) -> str:
    for pattern, word in _VARIES:
        text = pattern.sub(word, text)
    return text.rstrip("\n")


async def test_the_examples_do_what_the_page_shows(tmp_path: Path) -> None:
    folder = tmp_path / "chat"
    folder.mkdir()
    shown_commands = list(examples())
    assert len(shown_commands) > 12
    for command, shown in shown_commands:
        shell = await asyncio.create_subprocess_exec(
            "bash", "-c", command.replace(".venv/bin/python", sys.executable), cwd=folder,
            env=clean_environment() | {"PYTHONPATH": str(ROOT)}, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        output, errors = await shell.communicate()
        assert shell.returncode == 0, (command, errors)
        assert without_what_varies(output.decode()) == without_what_varies(shown), command


def commands(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Each command by how it is called, with what reads its arguments."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, command in action.choices.items():
                yield name, command
                yield from ((f"{name} {rest}", deeper) for rest, deeper in commands(command))


def test_the_page_names_every_command_and_every_flag() -> None:
    text = PAGE.read_text(encoding="utf-8")
    all_commands = dict(commands(make_parser()))
    assert {"user add", "backup", "import"} <= all_commands.keys()
    for name, command in all_commands.items():
        # `user` alone is no command, and two share a heading.
        called = f"python -m chat {name}" in text or f"`{name}`" in text or f"`{name} " in text
        assert called or name == "user", name
        for action in command._actions:
            for flag in action.option_strings:
                assert flag in ("-h", "--help") or flag in text, (name, flag)


def test_every_command_is_explained_by_its_help() -> None:
    for name, command in commands(make_parser()):
        for action in command._actions:
            is_explained = action.help or not action.option_strings
            assert is_explained, (name, action.option_strings)
