"""docs/operations.md tells of everything that an operator may meet: what stops a start, and what the log says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from chat import errors
from chat.settings import Settings

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
LOG_METHODS = {"info", "warning", "error", "critical", "exception"}
VALUE = "…"


def program() -> Iterator[tuple[Path, ast.AST]]:
    for path in sorted((ROOT / "chat").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            yield path, node


def written(node: ast.expr) -> str:
    """A text of the program, with a mark for each value that is put into it."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return re.sub(f"{VALUE}+", VALUE, "".join(written(part) for part in parts))
    return VALUE


def start_refusals() -> set[str]:
    """Every sentence with which a start can be refused."""
    refusals = {
        name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, errors.StartRefused)
    }
    sentences = set()
    for path, node in program():
        match node:
            case ast.Call(func=ast.Name(id=name), args=[sentence, *_]) if name in refusals:
                sentences.add(written(sentence))
            # Where a function of its own chooses the sentence.
            case ast.FunctionDef(name="_sentence") if path.name == "data_directory.py":
                sentences |= {
                    written(inner.value) for inner in ast.walk(node) if isinstance(inner, ast.Return) and inner.value
                }
    return sentences - {VALUE}


def log_lines() -> set[str]:
    """What the log can say: the constant beginning of each line."""
    lines = set()
    for _, node in program():
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="log"), attr=method), args=[text, *_]) if (
                method in LOG_METHODS
            ):
                lines.add(written(text))
    return lines


def told(section: str) -> list[str]:
    """The first column of the tables of a section."""
    _, _, rest = PAGE.partition(f"\n{section}\n")
    text = re.split(r"\n#{2,3} ", rest)[0]
    return [row for row in re.findall(r"^\| (.+?) \|", text, re.MULTILINE) if row != "---"]


def test_every_sentence_that_refuses_a_start_is_told_with_what_to_do() -> None:
    sentences = start_refusals()
    assert len(sentences) > 20
    rows = told("### It does not start")
    assert sentences - set(rows) == set()
    assert set(rows) - sentences == {"sentence"}, "the page tells of one that is gone"


def test_every_kind_of_log_line_is_told() -> None:
    beginnings = [beginning for row in told("## Log lines") for beginning in re.findall(r"`([^`]+)`", row)]
    lines = {re.sub(r"%[\d.]*[a-z]", VALUE, line) for line in log_lines()}
    assert len(lines) > 25
    lines.discard(f"storage: {VALUE} failed: {VALUE}: {VALUE}")
    lines |= {f"storage: {action} failed:" for action in ("read", "write", "checkpoint")}
    assert [
        line for line in lines if not any(line.startswith(begins.split(" SQLITE")[0]) for begins in beginnings)
    ] == []


@pytest.mark.parametrize("name", re.findall(r"CHAT_([A-Z_]+)", PAGE))
def test_every_variable_that_the_page_names_is_a_setting(name: str) -> None:
    if name != "NAME":
        assert name.lower() in {field.name for field in fields(Settings)}


def test_every_file_of_deploy_is_told_of_and_there() -> None:
    named = set(re.findall(r"deploy/([\w.-]+\w)", PAGE))
    there = {path.name for path in (ROOT / "deploy").iterdir()}
    assert named <= there
    assert there - named - {"Dockerfile", "Dockerfile.dockerignore"} == set()


def test_every_command_that_the_page_shows_is_one() -> None:
    commands = {path.stem.strip("_").removesuffix("s") for path in (ROOT / "chat" / "commands").glob("*.py")}
    shown = set(re.findall(r"(?:python -m chat|chat-admin) ([a-z]+)", PAGE))
    assert {"user", "invite", "backup", "restore", "check", "export", "import"} <= shown
    assert shown - commands - {"does"} == set()
