from __future__ import annotations

import tracemalloc
import unicodedata

import pytest
from hypothesis import given

from chat.errors import BrokenRule
from chat.services.names import NAME_MAX_CHARACTERS, check_name, look_key, name_key
from tests.examples import examples, storable_text


@pytest.mark.parametrize(
    "name",
    [
        "a",
        "Ada Lovelace",
        "O'Brien-Smith_3",
        "a.b",
        "ада",
        "李小龍",
        "مرحبا",
        "हिन्दी",
        "e\u0301",
        "❤️",
        "👩🏽",
        "%2F",
        "<b>",
        '"quoted"',
        "\\",
        "x" * NAME_MAX_CHARACTERS,
        "😀" * NAME_MAX_CHARACTERS,
    ],
)
def test_a_visible_name_is_kept_as_typed(name: str) -> None:
    assert check_name(name, "user name") == name


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("", "name_empty"),
        ("x" * (NAME_MAX_CHARACTERS + 1), "name_too_long"),
        (" ada", "name_spaces"),
        ("ada ", "name_spaces"),
        ("a  b", "name_spaces"),
        (" ", "name_spaces"),
        ("a\n", "name_spaces"),
        ("a/b", "name_slash"),
        ("/", "name_slash"),
        (".", "name_slash"),
        ("..", "name_slash"),
        ("a\nb", "name_invisible"),
        ("a\tb", "name_invisible"),
        ("a\x7fb", "name_invisible"),
        ("a\x85b", "name_invisible"),
        ("a\u00a0b", "name_invisible"),
        ("a\u00adb", "name_invisible"),
        ("a\u034fb", "name_invisible"),
        ("a\u115fb", "name_invisible"),
        ("a\u200bb", "name_invisible"),
        ("a\u200db", "name_invisible"),
        ("a\u200eb", "name_invisible"),
        ("a\u2028b", "name_invisible"),
        ("a\u202eb", "name_invisible"),
        ("a\u2066b", "name_invisible"),
        ("a\u2800b", "name_invisible"),
        ("a\u3000b", "name_invisible"),
        ("a\u3164b", "name_invisible"),
        ("a\ufe00b", "name_invisible"),
        ("a\ufeffb", "name_invisible"),
        ("a\U000e0041b", "name_invisible"),
        ("a\ue000b", "name_invisible"),
        ("a\ufffeb", "name_invisible"),
        ("\u0301a", "name_invisible"),
        ("\ufe0f", "name_invisible"),
    ],
    ids=ascii,
)
def test_a_name_that_cannot_be_seen_or_would_mislead_is_refused(name: str, code: str) -> None:
    with pytest.raises(BrokenRule, match="room name") as refusal:
        check_name(name, "room name")
    assert refusal.value.code == code


@given(storable_text)
@examples(300)
def test_any_text_is_a_name_that_can_be_seen_or_refused(text: str) -> None:
    try:
        name = check_name(text, "user name")
    except BrokenRule:
        return
    assert 1 <= len(name) <= NAME_MAX_CHARACTERS
    assert "/" not in name
    assert not {unicodedata.category(character) for character in name.replace(" ", "")} & {"Cc", "Cf", "Zl", "Zp", "Zs"}
    assert name_key(name)
    assert look_key(name)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ada", "ADA"),
        ("ada", "ａｄａ"),
        ("é", "e\u0301"),
        ("straße", "STRASSE"),
        ("ﬁsh", "fish"),
        ("Ⅳ", "iv"),
        ("ΣΑΣ", "σας"),
        ("❤️", "❤"),
        ("Å", "\u212b"),
    ],
)
def test_names_that_differ_in_case_or_unicode_form_are_one(one: str, other: str) -> None:
    assert name_key(one) == name_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ada", "аda"),  # Cyrillic а
        ("ADA", "АDA"),  # Cyrillic А
        ("bob", "bοb"),  # Greek omicron
        ("paypal", "раураl"),  # Cyrillic but for the l
        ("scope", "ѕсоре"),  # Cyrillic all through
        ("idle", "ıdle"),  # dotless i
        ("lobby", "lоbbу"),  # Cyrillic о and у
    ],
)
def test_names_that_look_alike_are_different_names_too_much_alike(one: str, other: str) -> None:
    assert name_key(one) != name_key(other)
    assert look_key(one) == look_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ada", "adda"),
        ("ada", "ad a"),
        ("ada", "ádá"),
        ("ada", "ада1"),
        ("bob", "bоb2"),
        ("rn", "m"),
        ("o", "0"),
        ("l", "1"),
    ],
)
def test_names_that_people_tell_apart_are_different(one: str, other: str) -> None:
    assert name_key(one) != name_key(other)
    assert look_key(one) != look_key(other)


def test_the_longest_name_is_found_with_its_accents_apart() -> None:
    name = "\u1ec7" * NAME_MAX_CHARACTERS
    apart = unicodedata.normalize("NFD", name)
    assert len(apart) == 3 * NAME_MAX_CHARACTERS
    assert name_key(apart) == name_key(name) == name


def test_what_is_too_long_for_any_spelling_of_a_name_is_not_normalized() -> None:
    assert name_key("e" + "\u0301\u0323" * 15_000) == ""


def test_names_too_long_to_exist_are_not_kept_in_memory() -> None:
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(20):
            name_key(f"{number}{'x' * 50_000}")
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 200_000
