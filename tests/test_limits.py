"""docs/limits.md lists every limit there is, with the default it has."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from chat.settings import Settings

PAGE = Path(__file__).parent.parent / "docs" / "limits.md"
ROW = re.compile(r"^\| `([a-z_]+)` \| ([^|]+) \|", re.MULTILINE)
# What a setting that bounds something is called.
LIMIT = re.compile(r"_max(_|$)|_per_.+_per_|_burst$|_at_once$")


def listed() -> dict[str, str]:
    rows = ROW.findall(PAGE.read_text(encoding="utf-8"))
    assert len(dict(rows)) == len(rows), "a limit is listed once"
    return dict(rows)


def test_the_page_lists_every_limit() -> None:
    limits = {field.name for field in fields(Settings) if LIMIT.search(field.name)}
    assert len(limits) > 20
    assert limits <= listed().keys()


def test_every_limit_on_the_page_is_a_setting_with_this_default() -> None:
    defaults = {field.name: str(field.default) for field in fields(Settings)}
    for name, default in listed().items():
        assert defaults.get(name) == default, name
