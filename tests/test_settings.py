from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import pytest

from chat.errors import StartRefused
from chat.settings import Settings, load_settings, unknown_variables

Field = dataclasses.Field[Any]

FIELDS = dataclasses.fields(Settings)
NUMBERS = [field for field in FIELDS if field.type in ("int", "float")]
each_setting = pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
each_number = pytest.mark.parametrize("field", NUMBERS, ids=lambda field: field.name)


def flag(field: Field) -> str:
    return "--" + field.name.replace("_", "-")


def variable(field: Field) -> str:
    return "CHAT_" + field.name.upper()


def another_value(field: Field) -> Any:
    """A value that the setting takes and that is not its default."""
    if field.name == "origin":
        return "https://chat.example.org"
    if field.name == "trusted_proxies":
        return "127.0.0.1,10.0.0.0/8"
    if field.metadata["choices"]:
        return next(choice for choice in field.metadata["choices"] if choice != field.default)
    if field.type == "str":
        return "chat.example.org"
    if field.type == "Path":
        return Path("elsewhere")
    default: Any = field.default
    return default + 1 if default < field.metadata["most"] else default - 1


def squeezed(text: str) -> str:
    """Without the line breaks that depend on the width of the terminal."""
    return "".join(text.split())


def refusal(arguments: list[str], environment: dict[str, str] | None = None) -> str:
    with pytest.raises(StartRefused) as refused:
        load_settings(arguments, environment or {})
    sentence = refused.value.sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


def test_without_flags_and_variables_every_setting_has_its_default() -> None:
    assert load_settings([], {"PATH": "/bin", "CHATTER": "1"}) == Settings()


@each_setting
def test_a_setting_is_a_flag_and_a_variable_and_the_flag_wins(field: Field) -> None:
    value = another_value(field)
    by_flag = load_settings([flag(field), str(value)], {variable(field): str(field.default)})
    by_variable = load_settings([], {variable(field): str(value)})
    assert by_flag == by_variable == dataclasses.replace(Settings(), **{field.name: value})
    assert isinstance(
        getattr(by_flag, field.name), {"int": int, "float": float, "Path": Path}.get(str(field.type), str)
    )


@each_setting
def test_help_tells_what_a_setting_is_for_and_its_default(field: Field, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        load_settings(["--help"], {})
    assert end.value.code == 0
    shown = squeezed(capsys.readouterr().out.rpartition(f" {flag(field)} ")[2].partition(" --")[0])
    default = str(field.default) or "empty"
    assert len(field.metadata["why"]) > 10
    for expected in (field.metadata["why"], *field.metadata["choices"], f"(default: {default})"):
        assert squeezed(expected) in shown


@each_number
def test_a_number_below_above_or_none_at_all_stops_the_start(field: Field) -> None:
    least, most = field.metadata["least"], field.metadata["most"]
    assert not math.isinf(least), "a number without a least value"
    wrong = ["", "many", "nan", "inf", "-inf", "1e999", "9" * 5000, str(least - 1)]
    if field.type == "int":
        wrong.append("1.5")
    if not math.isinf(most):
        wrong.append(str(most + 1))
    for text in wrong:
        assert refusal([f"{flag(field)}={text}"]).startswith(flag(field) + " takes ")
        assert refusal([], {variable(field): text}).startswith(variable(field) + " takes ")


@each_number
def test_a_number_may_be_as_small_and_as_large_as_its_bounds(field: Field) -> None:
    bounds = (bound for bound in (field.metadata["least"], field.metadata["most"]) if not math.isinf(bound))
    for bound in bounds:
        assert getattr(load_settings([flag(field), str(bound)], {}), field.name) == bound


def test_the_sentence_names_the_bounds_in_figures_that_can_be_typed() -> None:
    assert refusal(["--port", "65536"]) == "--port takes a whole number from 0 to 65535, not '65536'."
    sentence = refusal(["--commit-queue-max-bytes", "1"])
    assert sentence == "--commit-queue-max-bytes takes a whole number of at least 1048576, not '1'."
    assert "from 0.1 to 60" in refusal([], {"CHAT_BUSY_TIMEOUT_SECONDS": "0"})


def test_a_bad_value_is_quoted_only_in_part() -> None:
    assert len(refusal(["--port", "x" * 10_000])) < 200


@pytest.mark.parametrize("name", ["log-level", "synchronous"])
@pytest.mark.parametrize("text", ["", "loud", "FULL"])
def test_a_choice_that_is_not_offered_stops_the_start(name: str, text: str) -> None:
    assert refusal([f"--{name}", text]).startswith(f"--{name} takes one of ")


@pytest.mark.parametrize("text", ["", "a\0b"])
def test_a_folder_needs_a_name_that_can_be_one(text: str) -> None:
    assert refusal(["--data-dir", text]).startswith("--data-dir takes the name of a folder")


def test_an_empty_host_stops_the_start() -> None:
    assert refusal([], {"CHAT_HOST": ""}).startswith("CHAT_HOST is empty")


@pytest.mark.parametrize(
    ("text", "origin", "secure"),
    [
        ("", "", False),
        ("https://chat.example.org", "https://chat.example.org", True),
        ("https://chat.example.org/", "https://chat.example.org", True),
        ("HTTPS://Chat.Example.Org", "https://chat.example.org", True),
        ("https://chat.example.org:8443", "https://chat.example.org:8443", True),
        ("https://chat.example.org:443", "https://chat.example.org", True),
        ("https://chat.example.org:80", "https://chat.example.org:80", True),
        ("http://127.0.0.1:80", "http://127.0.0.1", False),
        ("http://[::1]:8000", "http://[::1]:8000", False),
    ],
)
def test_an_origin_is_kept_as_browsers_send_it(text: str, origin: str, secure: bool) -> None:
    settings = load_settings(["--origin", text], {})
    assert (settings.origin, settings.secure) == (origin, secure)


@pytest.mark.parametrize(
    "text",
    [
        "chat.example.org",
        "ftp://chat.example.org",
        "https://",
        "https:///",
        "https://:443",
        "https://chat.example.org/room",
        "https://chat.example.org?x=1",
        "https://ada@chat.example.org",
        "https://chat.example.org:0",
        "https://chat.example.org:65536",
        "https://chat.example.org:x",
        "https://chat example.org",
        "https://[::1",
        "null",
        "*",
    ],
)
def test_an_origin_that_no_browser_would_send_stops_the_start(text: str) -> None:
    assert refusal(["--origin", text]).startswith("--origin takes an address like https://")


@pytest.mark.parametrize("arguments", [["--prot", "8000"], ["--po", "8000"], ["--port"], ["8000"]], ids=" ".join)
def test_flags_that_cannot_be_understood_stop_the_start(arguments: list[str]) -> None:
    assert arguments[0] in refusal(arguments)


def test_variables_that_name_no_setting_are_found() -> None:
    environment = {"CHAT_PORT": "1", "CHAT_PROT": "2", "CHAT_": "3", "chat_port": "4", "PATH": "/bin"}
    assert unknown_variables(environment) == ["CHAT_", "CHAT_PROT"]


@pytest.mark.parametrize("characters", [1, 4000, 1_000_000])
def test_the_largest_body_holds_the_longest_message_in_its_widest_form(characters: int) -> None:
    escaped = len("\\ud83d\\ude00") * characters
    assert Settings(message_max_characters=characters).frame_max_bytes > escaped + 1000


@pytest.mark.parametrize("text", ["proxy", "127.0.0.1 10.0.0.0/8", "10.0.0.0/33", "1.2.3.4:80"])
def test_proxies_that_are_no_addresses_stop_the_start(text: str) -> None:
    assert refusal(["--trusted-proxies", text]).startswith("--trusted-proxies takes addresses like 127.0.0.1,")
