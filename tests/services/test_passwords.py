from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from chat.errors import BrokenRule, Busy
from chat.services.passwords import (
    PASSWORD_MAX_CHARACTERS,
    PASSWORD_MIN_CHARACTERS,
    PasswordHasher,
    can_be_password,
    check_password,
    needs_rehash,
)
from tests.people import PASSWORD

pytestmark = pytest.mark.full_strength


@pytest.fixture
def hasher() -> Iterator[PasswordHasher]:
    hasher = PasswordHasher(workers=1, queue_max=1)
    yield hasher
    hasher.close()


@pytest.mark.parametrize(
    "password",
    ["zu9-Kqra", "z" * PASSWORD_MAX_CHARACTERS, "😀" * PASSWORD_MIN_CHARACTERS, "        ", "passwordpassword1!"],
)
def test_a_password_of_8_to_256_characters_may_be_chosen(password: str) -> None:
    assert check_password(password) == password
    assert can_be_password(password)


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("", "password_too_short"),
        ("zu9-Kqr", "password_too_short"),
        ("😀" * (PASSWORD_MIN_CHARACTERS - 1), "password_too_short"),
        ("z" * (PASSWORD_MAX_CHARACTERS + 1), "password_too_long"),
        ("password", "password_too_common"),
        ("PASSWORD", "password_too_common"),
        ("PassWord", "password_too_common"),
        ("12345678", "password_too_common"),
        ("iloveyou", "password_too_common"),
        ("Qwertyuiop", "password_too_common"),
    ],
)
def test_a_short_long_or_common_password_is_refused(password: str, code: str) -> None:
    with pytest.raises(BrokenRule) as refusal:
        check_password(password)
    assert refusal.value.code == code


@pytest.mark.parametrize("password", ["z" * (PASSWORD_MAX_CHARACTERS + 1), "nul\0nulnul", "half\ud800half"])
def test_what_no_account_can_have_is_known_without_hashing(password: str) -> None:
    assert not can_be_password(password)


async def test_a_hash_is_argon2id_with_today_s_numbers_and_its_own_salt(hasher: PasswordHasher) -> None:
    first, second = await hasher.hash(PASSWORD), await hasher.hash(PASSWORD)
    assert first.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert first != second
    assert PASSWORD not in first
    assert not needs_rehash(first)


async def test_only_the_right_password_fits_a_hash(hasher: PasswordHasher) -> None:
    password_hash = await hasher.hash(PASSWORD)
    assert await hasher.verify(PASSWORD, password_hash)
    assert not await hasher.verify(PASSWORD.upper(), password_hash)
    assert not await hasher.verify("", password_hash)


async def test_no_password_fits_the_hash_of_nobody(hasher: PasswordHasher) -> None:
    assert not await hasher.verify(PASSWORD, None)
    assert not await hasher.verify("", None)


async def test_a_hash_with_other_numbers_still_fits_but_needs_another(hasher: PasswordHasher) -> None:
    older = Argon2id(salt=b"s" * 16, length=32, iterations=1, lanes=1, memory_cost=8192)
    password_hash = older.derive_phc_encoded(PASSWORD.encode())
    assert await hasher.verify(PASSWORD, password_hash)
    assert needs_rehash(password_hash)


async def test_beyond_the_places_people_are_asked_to_come_back(hasher: PasswordHasher) -> None:
    # All four ask in one turn of the loop, before any hash can be ready; two have a place.
    outcomes = await asyncio.gather(
        hasher.hash(PASSWORD),
        hasher.verify(PASSWORD, None),  # an unknown user needs a place as well
        hasher.hash(PASSWORD),
        hasher.verify(PASSWORD, None),
        return_exceptions=True,
    )
    assert [isinstance(outcome, Busy) for outcome in outcomes] == [False, False, True, True]
    assert await hasher.hash(PASSWORD), "the places are free again"


async def test_the_loop_goes_on_while_a_password_is_hashed(hasher: PasswordHasher) -> None:
    hashing = asyncio.ensure_future(hasher.hash(PASSWORD))
    turns = 0
    while not hashing.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 10
    assert await hashing


async def test_closing_waits_for_the_hash_under_way_and_ends_the_threads() -> None:
    hasher = PasswordHasher(workers=2, queue_max=1)
    hashing = asyncio.ensure_future(hasher.hash(PASSWORD))
    await asyncio.sleep(0)
    await asyncio.to_thread(hasher.close)
    assert (await hashing).startswith("$argon2id$")
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("password")]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives threads priorities of their own")
async def test_hashing_gives_way_to_everything_else(hasher: PasswordHasher) -> None:
    own = os.getpriority(os.PRIO_PROCESS, 0)
    await hasher.hash("correct horse battery")
    workers = [thread for thread in threading.enumerate() if thread.name.startswith("password")]
    assert {os.getpriority(os.PRIO_PROCESS, thread.native_id or 0) for thread in workers} == {19}
    assert os.getpriority(os.PRIO_PROCESS, 0) == own


async def test_who_signs_in_while_the_server_ends_is_told_to_come_back() -> None:
    hasher = PasswordHasher(workers=1, queue_max=1)
    hasher.close()
    with pytest.raises(Busy) as refusal:
        await hasher.hash("correct horse battery")
    assert refusal.value.code == "stopping"
