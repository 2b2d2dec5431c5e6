"""Whose turn it is, with a clock of the test's own: who asks for little never waits."""

from __future__ import annotations

from typing import Any

import pytest

from chat.errors import TooMany
from chat.models import User
from chat.services.pacing import Pacing
from chat.settings import Settings

ADA, BOB = User(1, "ada"), User(2, "bob")
HERE, NEXT_DOOR = "203.0.113.7", "203.0.113.8"


class Time:
    """Passes only while someone sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 2))


@pytest.fixture
def time() -> Time:
    return Time()


def pacing(time: Time, **settings: Any) -> Pacing:
    return Pacing(Settings(**settings), time, time.sleep)


async def test_what_comes_at_once_has_its_turn_at_once_and_what_follows_one_by_one(time: Time) -> None:
    turns = pacing(time, requests_per_user_at_once=3, requests_per_user_pace_per_second=10)
    for _ in range(5):
        await turns.request(ADA)
    assert time.slept == [0.1, 0.2]


async def test_nobody_waits_for_someone_else(time: Time) -> None:
    turns = pacing(time, requests_per_user_at_once=1, requests_per_user_pace_per_second=10)
    for _ in range(3):
        await turns.request(ADA)
    time.slept.clear()
    await turns.request(BOB)
    assert time.slept == []


async def test_who_keeps_the_pace_never_waits(time: Time) -> None:
    turns = pacing(time, requests_per_user_at_once=1, requests_per_user_pace_per_second=10)
    for _ in range(20):
        await turns.request(ADA)
        time.now += 0.1
    assert time.slept == []


async def test_what_would_wait_too_long_is_refused_and_does_not_count(time: Time) -> None:
    turns = pacing(time, requests_per_user_at_once=1, requests_per_user_pace_per_second=10, turn_wait_max_seconds=0.25)
    for _ in range(3):
        await turns.request(ADA)
    for _ in range(3):
        with pytest.raises(TooMany) as refused:
            await turns.request(ADA)
        assert refused.value.retry_after_seconds == pytest.approx(0.3, abs=0.01)
    time.now += 0.1
    time.slept.clear()
    await turns.request(ADA)
    assert time.slept == [0.2]


async def test_much_work_counts_for_several_requests(time: Time) -> None:
    turns = pacing(time, requests_per_user_at_once=10, requests_per_user_pace_per_second=10)
    await turns.request(ADA, 10)
    await turns.request(ADA)
    assert time.slept == [0.1]


async def test_a_listing_waits_by_its_length_and_is_never_refused(time: Time) -> None:
    turns = pacing(time, requests_per_user_at_once=5, requests_per_user_pace_per_second=10, turn_wait_max_seconds=0.4)
    await turns.listing(ADA, 500)
    assert time.slept == []
    for _ in range(3):
        await turns.listing(ADA, 250)
    assert time.slept == [0.2, 0.4, 0.4]


async def test_catch_up_pages_have_a_pace_of_their_own(time: Time) -> None:
    turns = pacing(time, catch_up_pages_per_user_at_once=2, catch_up_pages_per_user_per_second=10)
    for _ in range(4):
        await turns.catch_up_page(ADA)
    await turns.catch_up_page(BOB)
    await turns.request(ADA)
    assert time.slept == [0.1, 0.2]


async def test_refusals_of_one_address_are_told_one_by_one(time: Time) -> None:
    turns = pacing(time, refusals_per_address_at_once=1, refusals_per_address_per_second=10, turn_wait_max_seconds=0.25)
    for _ in range(6):
        await turns.refusal(HERE)
    assert time.slept == [0.1, 0.2, 0.25, 0.25, 0.25], "nobody is kept for ever"
    time.slept.clear()
    await turns.refusal(NEXT_DOOR)
    assert time.slept == []


@pytest.mark.parametrize("address", [None, "127.0.0.1", "::1"])
async def test_this_machine_is_told_of_refusals_at_once(time: Time, address: str | None) -> None:
    turns = pacing(time, refusals_per_address_at_once=1, refusals_per_address_per_second=10)
    for _ in range(5):
        await turns.refusal(address)
    assert time.slept == []


async def test_sockets_of_one_user_share_their_pace(time: Time) -> None:
    turns = pacing(time, frames_per_user_at_once=2, frames_per_user_pace_per_second=10)
    first, second = turns.frames(ADA), turns.frames(ADA)
    assert first.spend(time.now) <= 0
    assert second.spend(time.now) <= 0
    assert first.spend(time.now) == pytest.approx(0.1, abs=0.01)
    assert turns.frames(BOB).spend(time.now) <= 0


async def test_however_much_was_caught_up_with_nobody_waits_longer_for_it_afterwards(time: Time) -> None:
    turns = pacing(
        time, catch_up_pages_per_user_at_once=1, catch_up_pages_per_user_per_second=10, turn_wait_max_seconds=0.5
    )
    for _ in range(1000):
        await turns.catch_up_page(ADA)
    assert max(time.slept) == 0.5
    time.now += 0.6
    time.slept.clear()
    await turns.catch_up_page(ADA)
    assert time.slept == []
