from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.errors import Busy, Forbidden, Taken, TooMany, WrongCredentials
from chat.models import Device, User
from chat.services.buckets import Bucket, Buckets, Rate
from chat.services.limits import Limits, counted_subnet
from chat.settings import Settings
from tests.examples import examples

ADA, BOB = User(1, "ada"), User(2, "bob")
HER_LAPTOP, HER_PHONE, HIS_PHONE = Device(1, "laptop"), Device(1, "phone"), Device(2, "phone")
HERE, THERE, ELSEWHERE = "203.0.113.7", "203.0.113.8", "2001:db8::1"
HOUR = 3600.0
# Exact in binary, and coarse beside what a bucket allows for rounding, so that the model below needs none.
TICK = Fraction(1, 64)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def strict(clock: Clock, **settings: Any) -> Limits:
    """Limits of which only those that are given matter."""
    generous: dict[str, Any] = {
        "sign_in_failures_per_name_and_address_per_hour": 10_000,
        "sign_in_failures_per_address_per_hour": 10_000,
        "sign_in_failures_per_name_per_hour": 10_000,
        "sign_in_failures_per_device_per_hour": 10_000,
    }
    return Limits(Settings(**(generous | settings)), clock)


def guess(
    limits: Limits, user: User | None = ADA, address: str | None = HERE, device: Device | None = None, name: str = "ada"
) -> None:
    """One wrong password."""
    with pytest.raises(WrongCredentials), limits.guess(name, user, address, device):
        raise WrongCredentials("wrong")


def sign_in(limits: Limits, user: User = ADA, address: str | None = HERE, device: Device | None = None) -> None:
    with limits.guess(user.username, user, address, device):
        pass


def refusal(act: Callable[[], None]) -> TooMany:
    with pytest.raises(TooMany) as refused:
        act()
    return refused.value


class Model:
    """A bucket as it is usually told: a number of tokens, and more of them as time goes by."""

    def __init__(self, rate: Rate) -> None:
        self.rate, self.tokens = rate, Fraction(rate.burst)

    def wait(self, ticks: int) -> None:
        self.tokens = min(Fraction(self.rate.burst), self.tokens + ticks * TICK * Fraction(self.rate.per_second))

    def take(self) -> bool:
        there = self.tokens >= 1
        self.tokens -= there
        return there

    def give_back(self) -> None:
        self.tokens = min(Fraction(self.rate.burst), self.tokens + 1)

    def spend(self, count: int) -> float:
        self.tokens -= count
        return float(max(Fraction(0), -self.tokens) / Fraction(self.rate.per_second))


rates = st.builds(Rate, st.integers(1, 12), st.sampled_from([1, 2, 8, 64]))
acts = st.lists(st.one_of(st.integers(0, 500), st.sampled_from(["take", "give_back", "spend", "spend 3"])), max_size=60)


@examples(300)
@given(rates, acts)
def test_a_bucket_does_what_counting_tokens_would(rate: Rate, acts: list[int | str]) -> None:
    bucket, model, now = Bucket(rate), Model(rate), Fraction(1_000_000)
    for act in acts:
        if isinstance(act, int):
            now += act * TICK
            model.wait(act)
        elif act == "take":
            wait = bucket.take(float(now))
            assert (wait == 0) == model.take()
            assert wait >= 0
        elif act.startswith("spend"):
            count = int(act.removeprefix("spend") or 1)
            wait = max(0.0, bucket.spend(float(now), count))
            assert wait == pytest.approx(model.spend(count), abs=0.011 / rate.per_second)
        else:
            bucket.give_back()
            model.give_back()
            bucket.whole_at = max(bucket.whole_at, float(now))  # a model that is full takes nothing back either


@examples(100)
@given(rates)
def test_who_waits_as_long_as_told_is_let_in(rate: Rate) -> None:
    bucket, now = Bucket(rate), 1000.0
    for _ in range(rate.burst):
        assert bucket.take(now) == 0
    for _ in range(3):
        wait = bucket.take(now)
        assert 0 < wait <= 1 / rate.per_second
        assert bucket.take(now + wait * 0.9) > 0
        now += wait + 1e-9
        assert bucket.take(now) == 0


def test_a_burst_is_never_a_token_short_however_long_the_machine_is_up() -> None:
    for now in (0.0, 12345.678, 1e8):
        bucket = Bucket(Rate(2000, 200))
        assert all(bucket.take(now) == 0 for _ in range(2000))
        assert bucket.take(now) > 0


def test_no_more_buckets_are_kept_than_the_bound() -> None:
    buckets: Buckets[int] = Buckets(Rate(10, 1), 100)
    for key in range(1000):
        buckets.of(key, 1000.0).take(1000.0)
        assert len(buckets) <= 100


def test_buckets_that_are_whole_again_go_first() -> None:
    buckets: Buckets[str] = Buckets(Rate(10, 1), 100)
    for number in range(60):
        buckets.of(f"old {number}", 0).take(0)
    for number in range(40):
        buckets.of(f"new {number}", 100).take(100)
    buckets.of("one more", 100)
    assert len(buckets) == 41


def test_ever_new_keys_do_not_make_a_limit_forget_a_bucket_that_is_used_up() -> None:
    buckets: Buckets[str] = Buckets(Rate(10, 0.001), 100)
    for _ in range(10):
        buckets.of("guesser", 0).take(0)
    for number in range(10_000):
        buckets.of(f"new {number}", 0).take(0)
    assert buckets.of("guesser", 0).take(0) > 0


def test_a_bucket_that_someone_holds_is_found_again_after_it_was_let_go() -> None:
    buckets: Buckets[str] = Buckets(Rate(10, 1), 8)
    held = buckets.of("held", 0)
    for number in range(1000):
        buckets.of(f"new {number}", 0).take(0)
    assert buckets.of("held", 0) is held


@pytest.mark.parametrize(
    ("one", "other", "are_one"),
    [
        ("203.0.113.7", "203.0.113.7", True),
        ("203.0.113.7", "203.0.113.8", False),
        ("203.0.113.7", "::ffff:203.0.113.7", True),
        ("2001:db8:1:2::7", "2001:db8:1:2:ffff::8", True),
        ("2001:db8:1:2::7", "2001:db8:1:3::7", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
    ],
)
def test_an_address_counts_as_what_one_customer_is_given(one: str, other: str, are_one: bool) -> None:
    assert counted_subnet(one) is not None
    assert (counted_subnet(one) == counted_subnet(other)) is are_one


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1", None])
def test_this_machine_is_not_counted(address: str | None, clock: Clock) -> None:
    limits = strict(clock, sign_in_failures_per_name_and_address_per_hour=1, sign_in_failures_per_address_per_hour=1)
    for _ in range(10):
        guess(limits, address=address)
    limits = strict(clock, sign_ups_per_address_per_hour=1)
    for _ in range(10):
        with limits.sign_up(address):
            pass


def test_guesses_at_one_name_from_one_address_are_limited(clock: Clock) -> None:
    limits = strict(clock, sign_in_failures_per_name_and_address_per_hour=3)
    for _ in range(3):
        guess(limits)
    refused = refusal(lambda: sign_in(limits))
    assert refused.code == "too_many_sign_ins"
    assert refused.retry_after_seconds == pytest.approx(HOUR / 3, rel=0.02)
    sign_in(limits, address=THERE)
    sign_in(limits, BOB)
    clock.now += refused.retry_after_seconds + 1
    sign_in(limits)


def test_guesses_at_many_names_from_one_address_are_limited(clock: Clock) -> None:
    limits = strict(clock, sign_in_failures_per_address_per_hour=3)
    for number in range(3):
        guess(limits, None, name=f"name {number}")
    assert refusal(lambda: sign_in(limits)).code == "too_many_sign_ins"
    sign_in(limits, address=THERE)
    clock.now += HOUR
    sign_in(limits)


def test_guesses_at_one_name_from_many_addresses_are_limited(clock: Clock) -> None:
    limits = strict(clock, sign_in_failures_per_name_per_hour=3)
    for address in (HERE, THERE, None):
        guess(limits, address=address)
    assert refusal(lambda: sign_in(limits, address=ELSEWHERE)).code == "too_many_sign_ins"
    sign_in(limits, BOB, ELSEWHERE)
    clock.now += HOUR
    sign_in(limits, address=ELSEWHERE)


def test_a_stranger_cannot_lock_out_a_device_that_its_owner_has_signed_in_from(clock: Clock) -> None:
    limits = strict(
        clock,
        sign_in_failures_per_name_and_address_per_hour=3,
        sign_in_failures_per_address_per_hour=3,
        sign_in_failures_per_name_per_hour=3,
    )
    for _ in range(3):
        guess(limits)
    refusal(lambda: sign_in(limits))
    sign_in(limits, device=HER_LAPTOP)
    refusal(lambda: sign_in(limits, device=HIS_PHONE))


def test_a_known_device_is_limited_by_itself(clock: Clock) -> None:
    limits = strict(clock, sign_in_failures_per_device_per_hour=3)
    for _ in range(3):
        guess(limits, device=HER_LAPTOP)
    assert refusal(lambda: sign_in(limits, device=HER_LAPTOP)).code == "too_many_sign_ins"
    sign_in(limits, device=HER_PHONE)
    sign_in(limits)
    clock.now += HOUR
    sign_in(limits, device=HER_LAPTOP)


def test_a_device_counts_for_the_name_it_was_signed_in_with_only(clock: Clock) -> None:
    limits = strict(clock, sign_in_failures_per_name_and_address_per_hour=1)
    guess(limits, device=HIS_PHONE)
    refusal(lambda: guess(limits, device=HIS_PHONE))
    guess(limits, None, device=HIS_PHONE, name="nobody")
    refusal(lambda: guess(limits, None, device=HIS_PHONE, name="nobody"))


def test_a_name_that_nobody_has_is_limited_in_the_same_words(clock: Clock) -> None:
    limits = strict(clock, sign_in_failures_per_name_and_address_per_hour=1)
    guess(limits)
    guess(limits, None, name="nobody")
    known, unknown = refusal(lambda: guess(limits)), refusal(lambda: guess(limits, None, name="nobody"))
    assert (known.sentence, known.code) == (unknown.sentence, unknown.code)
    assert known.retry_after_seconds == unknown.retry_after_seconds


def test_what_was_no_wrong_password_is_not_counted(clock: Clock) -> None:
    limits = strict(clock, sign_in_failures_per_name_and_address_per_hour=1)
    for _ in range(3):
        sign_in(limits)
        for other in (Busy("busy"), Forbidden("deactivated")):
            with pytest.raises(type(other)), limits.guess("ada", ADA, HERE, None):
                raise other
    guess(limits)


def test_guesses_made_at_once_do_not_all_pass(clock: Clock) -> None:
    limits = strict(clock, sign_in_failures_per_name_and_address_per_hour=2)
    with limits.guess("ada", ADA, HERE, None), limits.guess("ada", ADA, HERE, None):
        refusal(lambda: sign_in(limits))
    sign_in(limits)


def test_a_refused_guess_uses_nothing_up(clock: Clock) -> None:
    limits = strict(clock, sign_in_failures_per_name_and_address_per_hour=1, sign_in_failures_per_address_per_hour=2)
    guess(limits)
    for _ in range(10):
        refusal(lambda: guess(limits))
    guess(limits, BOB, name="bob")


def test_sign_ups_from_one_address_are_limited(clock: Clock) -> None:
    limits = strict(clock, sign_ups_per_address_per_hour=2)

    def sign_up(address: str = HERE) -> None:
        with limits.sign_up(address):
            pass

    for _ in range(5):
        with pytest.raises(Taken), limits.sign_up(HERE):
            raise Taken("a name that is refused makes no account")
    sign_up()
    sign_up()
    assert refusal(sign_up).code == "too_many_sign_ups"
    sign_up(THERE)
    clock.now += HOUR / 2
    sign_up()


def test_rooms_of_one_user_are_limited(clock: Clock) -> None:
    limits = strict(clock, rooms_per_user_per_hour=1)

    def make(user: User = ADA) -> None:
        with limits.new_room(user):
            pass

    for _ in range(5):
        with pytest.raises(Taken), limits.new_room(ADA):
            raise Taken("taken")
    make()
    assert refusal(make).code == "too_many_rooms"
    make(BOB)
    clock.now += HOUR
    make()


def test_requests_of_one_user_are_limited(clock: Clock) -> None:
    limits = strict(clock, requests_per_user_burst=3, requests_per_user_per_second=2)
    for _ in range(3):
        limits.request(ADA)
    refused = refusal(lambda: limits.request(ADA))
    assert refused.code == "too_many_requests"
    assert 0 < refused.retry_after_seconds <= 1
    limits.request(BOB)
    clock.now += 0.5
    limits.request(ADA)


def test_messages_over_http_and_frames_of_sockets_share_what_a_user_has(clock: Clock) -> None:
    limits = strict(clock, frames_per_user_burst=3, frames_per_user_per_second=1)
    frames = limits.frames(ADA)
    assert frames.spend(clock.now) <= 0
    limits.message(ADA)
    assert frames.spend(clock.now) <= 0
    assert refusal(lambda: limits.message(ADA)).code == "too_many_requests"
    assert frames.spend(clock.now) == pytest.approx(1, abs=0.02)
    limits.message(BOB)
    clock.now += 3
    limits.message(ADA)
