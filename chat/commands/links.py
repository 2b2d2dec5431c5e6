"""Links that let someone in: whole where the address of the server is known, else a path."""

from __future__ import annotations

from collections.abc import Mapping


def link_in(answer: Mapping[str, str]) -> str:
    """What is printed of an answer that has a link."""
    return answer.get("link", answer["path"])


def what_is_missing(answer: Mapping[str, str]) -> str:
    """A sentence for whoever was given a path."""
    return "" if "link" in answer else " Put the address of your server before it."
