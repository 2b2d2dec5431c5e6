from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.models import User
from chat.services.devices import Devices
from tests.examples import any_text, examples

ADA = User(1, "ada")
KEY = b"a key of this server alone, long enough"


def test_a_device_is_recognised_by_the_server_that_issued_it_and_by_no_other() -> None:
    text = Devices(KEY).issue(ADA)
    device = Devices(KEY).recognise(text)
    assert device is not None
    assert device.user_id == ADA.user_id
    assert Devices(b"another key").recognise(text) is None


def test_each_device_is_another() -> None:
    devices = Devices(KEY)
    assert devices.recognise(devices.issue(ADA)) != devices.recognise(devices.issue(ADA))


@pytest.mark.parametrize("position", [0, 5, 30, -1])
def test_what_was_changed_is_not_recognised(position: int) -> None:
    text = list(Devices(KEY).issue(User(7, "ada")))
    text[position] = "8" if text[position] != "8" else "9"
    assert Devices(KEY).recognise("".join(text)) is None


@examples(200)
@given(any_text | st.from_regex(r"[0-9.a-f]{0,100}", fullmatch=True))
def test_whatever_is_shown_is_a_stranger(text: str) -> None:
    assert Devices(KEY).recognise(text) is None
