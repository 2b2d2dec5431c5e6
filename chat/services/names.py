"""Names of people and rooms: which are allowed, and which count as the same.

Two names are the same when they differ in case or in Unicode form only (`name_key`), and too much alike when
they are built from characters that look like each other (`look_key`, UTS #39).
"""

from __future__ import annotations

import unicodedata
from functools import cache, lru_cache
from pathlib import Path

from chat.errors import BrokenRule

NAME_MAX_CHARACTERS = 64
# A letter with its accents apart is up to four characters. Anyone may ask for a name of any length, and to
# normalize 30,000 accents takes a second: the time grows with the square.
_SPELLING_MAX_CHARACTERS = 4 * NAME_MAX_CHARACTERS

_CONFUSABLES = Path(__file__).with_name("confusables.txt")
# Letters and symbols that draw nothing (https://www.unicode.org/reports/tr44/#Default_Ignorable_Code_Point);
# what is a control or format character is known from its category.
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0") | {chr(c) for c in range(0xFE00, 0xFE0F)}
# Asks for the coloured form of the emoji before it; drawn with it, so allowed, but it makes no name different.
_EMOJI_SELECTOR = "\ufe0f"


def check_name(name: str, what: str) -> str:
    """Return the name when it may be given.

    Args:
        what: the noun for the sentence, like "user name".

    Raises:
        BrokenRule: it is empty, too long, or holds something that cannot be seen or would mislead.
    """
    if not name:
        raise BrokenRule(f"A {what} needs at least one character.", "name_empty")
    if len(name) > NAME_MAX_CHARACTERS:
        raise BrokenRule(f"A {what} has at most {NAME_MAX_CHARACTERS} characters.", "name_too_long")
    if name != name.strip() or "  " in name:
        raise BrokenRule(f"A {what} neither starts nor ends with a space, nor has two in a row.", "name_spaces")
    if "/" in name or not name.strip("."):
        raise BrokenRule(f"A {what} has no slash and is more than dots.", "name_slash")
    if not all(_is_visible(character) for character in name) or unicodedata.category(name[0])[0] == "M":
        raise BrokenRule(f"A {what} has visible characters only: no control, invisible or direction marks.",
                         "name_invisible")  # fmt: skip
    return name


def name_key(name: str) -> str:
    """What two spellings of the same name share: compatibility form (NFKC), case folded; "" for no possible name."""
    return _name_key(name) if len(name) <= _SPELLING_MAX_CHARACTERS else ""


def look_key(name: str) -> str:
    """What two names that look alike share (UTS #39, section 4, without its ASCII mappings)."""
    decomposed = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", name.replace(_EMOJI_SELECTOR, "")))
    confusables = _confusables()
    return _fold("".join(confusables.get(character, character) for character in decomposed))


@lru_cache(maxsize=4096)
def _name_key(name: str) -> str:
    return _fold(name.replace(_EMOJI_SELECTOR, ""))


def _fold(text: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def _is_visible(character: str) -> bool:
    category = unicodedata.category(character)
    return character == " " or (category[0] not in "CZ" and character not in _INVISIBLE)


@cache
def _confusables() -> dict[str, str]:
    table = {}
    for line in _CONFUSABLES.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            source, *target = (chr(int(code_point, 16)) for code_point in line.split())
            table[source] = "".join(target)
    return table
