"""Token buckets: how much of something is left, and when it will be there again."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from heapq import nsmallest
from typing import Generic, TypeVar
from weakref import WeakValueDictionary

# Added to a bucket, so that the rounding of floating point never costs a whole token.
_ROUNDING = 0.01
# Of the buckets that a limit may keep, the part that is let go when they are too many: one search pays for many keys.
_LET_GO = 8

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Rate:
    """How often something may happen.

    Args:
        burst: how often at once, after a pause.
        per_second: how fast what was used comes back.
    """

    burst: int
    per_second: float
    # Each made once for all buckets of the rate: there are several for each person.
    interval: float = field(init=False, repr=False)
    window: float = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "interval", 1 / self.per_second)
        object.__setattr__(self, "window", (self.burst + _ROUNDING) * self.interval)


class Bucket:
    """What is left of a rate, kept as the moment at which all of it will be there again.

    One number says it all (the virtual scheduling algorithm of ITU-T I.371, better known as GCRA), and asking costs an
    addition and a comparison.
    """

    __slots__ = ("__weakref__", "_interval", "_window", "whole_at")

    def __init__(self, rate: Rate) -> None:
        self.whole_at = 0.0
        self._interval = rate.interval
        self._window = rate.window

    def spend(self, now: float, count: int = 1) -> float:
        """Use some up in any case; the seconds until they are made good, 0 or less when they were there."""
        whole_at = self.whole_at
        self.whole_at = whole_at = (whole_at if whole_at > now else now) + count * self._interval
        return whole_at - now - self._window

    def take(self, now: float) -> float:
        """Use one up if it is there; else the seconds until it will be."""
        wait = self.spend(now)
        if wait > 0:
            self.give_back()
            return wait
        return 0.0

    def give_back(self, count: int = 1) -> None:
        self.whole_at -= count * self._interval


class Buckets(Generic[K]):
    """A bucket for each key, and a bound on how many are kept.

    Beyond the bound the fullest go: those that are whole, which are as good as new, and when these are few the
    nearest to it. Someone who comes with ever new keys takes little from each, so their buckets push out one another;
    to make the limit forget a bucket that is used up, they would have to use up as many others as it keeps. A bucket
    that someone still holds is found again even then.

    Args:
        keys_max: how many are kept.
    """

    def __init__(self, rate: Rate, keys_max: int) -> None:
        self._rate = rate
        self._keys_max = keys_max
        self._kept: dict[K, Bucket] = {}
        self._let_go: WeakValueDictionary[K, Bucket] = WeakValueDictionary()

    def __len__(self) -> int:
        return len(self._kept)

    def of(self, key: K, now: float) -> Bucket:
        """The bucket of a key; a new one is whole."""
        bucket = self._kept.get(key)
        if bucket is None:
            if len(self._kept) >= self._keys_max:
                self._make_room(now)
            bucket = self._kept[key] = self._let_go.get(key) or Bucket(self._rate)
        return bucket

    def _make_room(self, now: float) -> None:
        kept, least = self._kept, 1 + self._keys_max // _LET_GO
        leaving = [key for key, bucket in kept.items() if bucket.whole_at <= now]
        if len(leaving) < least:
            leaving = nsmallest(least, kept, key=lambda key: kept[key].whole_at)
        for key in leaving:
            self._let_go[key] = kept.pop(key)
