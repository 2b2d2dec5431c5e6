"""Limits on how often: token buckets for sign-ins, sign-ups, new rooms, requests and frames.

All of it is in memory, and a restart forgets it. What a limit refuses is refused before the work it saves; what was
taken for something that then was not done is given back.

Failed sign-ins are counted so that a stranger who guesses cannot lock the owner out (OWASP Authentication Cheat
Sheet; OWASP, "Slow down online guessing attacks with device cookies"): a device from which the owner has signed in
before has a bucket of its own, which nobody else can empty, and is not subject to the others.
"""

from __future__ import annotations

import hashlib
import ipaddress
import time
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager

from chat.errors import ChatError, TooMany, WrongCredentials
from chat.models import Device, Session, User
from chat.services.buckets import Bucket, Buckets, Rate
from chat.settings import Settings

_HOUR_SECONDS = 3600
_NAME_DIGEST_BYTES = 16
_IPV6_SUBNET_BYTES = 8  # a /64 is the least that one customer is given (RFC 6177), and holds more addresses than anyone


class Limits:
    """Every limit on how often.

    Args:
        clock: seconds that only ever grow; the same as sockets use for `frames`.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._frames_per_second = settings.frames_per_user_per_second

        def buckets(burst: int, per_second: float) -> Buckets[Hashable]:
            return Buckets(Rate(burst, per_second), settings.limit_keys_max)

        def per_hour(count: int) -> Buckets[Hashable]:
            return buckets(count, count / _HOUR_SECONDS)

        self._guesses_by_name_and_address = per_hour(settings.sign_in_failures_per_name_and_address_per_hour)
        self._guesses_by_address = per_hour(settings.sign_in_failures_per_address_per_hour)
        self._guesses_by_name = per_hour(settings.sign_in_failures_per_name_per_hour)
        self._guesses_by_device = per_hour(settings.sign_in_failures_per_device_per_hour)
        self._sign_ups = per_hour(settings.sign_ups_per_address_per_hour)
        self._rooms = per_hour(settings.rooms_per_user_per_hour)
        self._requests = buckets(settings.requests_per_user_burst, settings.requests_per_user_per_second)
        self._frames = buckets(settings.frames_per_user_burst, settings.frames_per_user_per_second)

    @contextmanager
    def guess(self, name_key: str, user: User | None, address: str | None, device: Device | None) -> Iterator[None]:
        """Try a password in the block; WrongCredentials out of it counts, nothing else does.

        It counts before the answer is known, so that guesses made at once do not all pass.

        Args:
            user: whose name it is; None: nobody's, which changes nothing but that no device can be known.
            address: where the request comes from; None when it has none.
            device: what the request shows of an earlier sign-in.

        Raises:
            TooMany: no password may be tried now.
        """
        now = self.clock()
        if device is not None and user is not None and device.user_id == user.user_id:
            buckets = [self._guesses_by_device.of(device, now)]
        else:
            name = hashlib.blake2b(name_key.encode(), digest_size=_NAME_DIGEST_BYTES).digest()
            buckets = [self._guesses_by_name.of(name, now)]
            if (subnet := counted_subnet(address)) is not None:
                buckets.append(self._guesses_by_address.of(subnet, now))
                buckets.append(self._guesses_by_name_and_address.of((name, subnet), now))
        with _counting_guesses(_take_all(buckets, now, _too_many_guesses())):
            yield

    @contextmanager
    def confirmation(self, session: Session) -> Iterator[None]:
        """Try the password of someone who is signed in, in the block: a stolen session must not be good for guessing.

        Each session has a bucket of its own, so that a stolen one does not keep the owner from changing the password.

        Raises:
            TooMany: no password may be tried now.
        """
        now = self.clock()
        buckets = [self._guesses_by_device.of(Device(session.user.user_id, session.key), now)]
        with _counting_guesses(_take_all(buckets, now, _too_many_guesses())):
            yield

    @contextmanager
    def sign_up(self, address: str | None) -> Iterator[None]:
        """Make an account in the block; one that is refused there does not count.

        Raises:
            TooMany: too many were made from this address.
        """
        subnet, now = counted_subnet(address), self.clock()
        buckets = [] if subnet is None else [self._sign_ups.of(subnet, now)]
        refusal = TooMany("Too many accounts were made from your network. Try again later.", "too_many_sign_ups")
        with _counting(_take_all(buckets, now, refusal)):
            yield

    @contextmanager
    def new_room(self, user: User) -> Iterator[None]:
        """Make a room in the block; one that is refused there does not count.

        Raises:
            TooMany: the user has made too many.
        """
        now = self.clock()
        buckets = [self._rooms.of(user.user_id, now)]
        refusal = TooMany("You have made too many rooms. Try again later.", "too_many_rooms")
        with _counting(_take_all(buckets, now, refusal)):
            yield

    def request(self, user: User) -> None:
        """Count a request of someone who is signed in.

        Raises:
            TooMany: they ask for more than any page does.
        """
        now = self.clock()
        _take_all([self._requests.of(user.user_id, now)], now, _too_many_requests())

    def message(self, user: User) -> None:
        """Count a message over HTTP as a frame.

        Raises:
            TooMany: they send more than a frame's worth.
        """
        now = self.clock()
        _take_all([self.frames(user)], now, _too_many_requests())

    def frames(self, user: User) -> Bucket:
        """What a user may send over all sockets and requests together; the same for as long as someone holds it."""
        return self._frames.of(user.user_id, self.clock())

    def too_many_frames(self) -> TooMany:
        """What a socket is told when it has used up its frames and is read slowly."""
        rate = f"{self._frames_per_second:g} frames a second"
        sentence = f"You send faster than allowed; from here on {rate} are read until you pause. Nothing is lost."
        return TooMany(sentence, "too_many_frames")


def counted_subnet(address: str | None) -> bytes | None:
    """What counts as one address: an IPv4 address, the /64 of an IPv6 one; None for this machine, which is not counted.

    A program on this machine is trusted, and a proxy on it that nobody has named would stand for everybody.
    """
    if address is None:
        return None
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address.encode("utf-8", "replace")[:64]
    if isinstance(parsed, ipaddress.IPv6Address):
        parsed = parsed.ipv4_mapped or parsed
    if parsed.is_loopback:
        return None
    return parsed.packed if isinstance(parsed, ipaddress.IPv4Address) else parsed.packed[:_IPV6_SUBNET_BYTES]


def _too_many_guesses() -> TooMany:
    return TooMany("Too many wrong passwords. Try again later.", "too_many_sign_ins")


def _too_many_requests() -> TooMany:
    return TooMany("You ask for too much at once. Try again in a moment.", "too_many_requests")


def _take_all(buckets: list[Bucket], now: float, refusal: TooMany) -> list[Bucket]:
    """Take one from each, or none at all.

    Raises:
        TooMany: the refusal, when one of them has none; it says when all will have one.
    """
    waits = [bucket.take(now) for bucket in buckets]
    if any(waits):
        _give_back(bucket for bucket, wait in zip(buckets, waits, strict=True) if not wait)
        refusal.retry_after_seconds = max(waits)
        raise refusal
    return buckets


@contextmanager
def _counting_guesses(taken: list[Bucket]) -> Iterator[None]:
    """Give back what was taken, unless the block says that the password was wrong."""
    try:
        yield
    except ChatError as error:
        if not isinstance(error, WrongCredentials) and error.code != "wrong_password":
            _give_back(taken)
        raise
    _give_back(taken)


@contextmanager
def _counting(taken: list[Bucket]) -> Iterator[None]:
    """Give back what was taken for something that is refused in the block."""
    try:
        yield
    except ChatError:
        _give_back(taken)
        raise


def _give_back(buckets: Iterable[Bucket]) -> None:
    for bucket in buckets:
        bucket.give_back()
