"""Passwords: which are good enough, and their hashing away from the event loop.

Argon2id with 19 MiB, two passes, one lane: OWASP Password Storage Cheat Sheet. The hash is a PHC string, so a change
of these numbers is seen, and mended, when its owner signs in.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import TypeVar

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from chat.errors import BrokenRule, Busy
from chat.fields import is_storable
from chat.priorities import step_back

PASSWORD_MIN_CHARACTERS = 8
PASSWORD_MAX_CHARACTERS = 256

_MEMORY_KIB = 19 * 1024
_PASSES = 2
_LANES = 1
_SALT_BYTES = 16
_KEY_BYTES = 32
_CURRENT_PREFIX = f"$argon2id$v=19$m={_MEMORY_KIB},t={_PASSES},p={_LANES}$"

_COMMON_PASSWORDS = Path(__file__).with_name("common_passwords.txt")

T = TypeVar("T")


class PasswordHasher:
    """Hashes passwords on a bounded number of threads, with a bounded number waiting (hashing releases the GIL).

    Args:
        workers: hashes at once.
        queue_max: hashes that may wait.
    """

    def __init__(self, *, workers: int, queue_max: int) -> None:
        self._executor = ThreadPoolExecutor(workers, thread_name_prefix="password", initializer=step_back)
        self._places = workers + queue_max
        self._is_closed = False
        self.pending = 0  # under way or waiting
        # Made at random: no password fits it, and checking one takes as long as for a real hash.
        self._nobodys_hash = _hash(os.urandom(_KEY_BYTES).hex())

    async def hash(self, password: str) -> str:
        """The PHC string to keep.

        Raises:
            Busy: too many are waiting.
        """
        return await self._run(lambda: _hash(password))

    async def verify(self, password: str, password_hash: str | None) -> bool:
        """Whether the password belongs to the hash; None, for an unknown user, takes as long and is never right.

        Raises:
            Busy: too many are waiting.
        """
        expected = password_hash or self._nobodys_hash
        return await self._run(lambda: _verify(password, expected)) and password_hash is not None

    def close(self) -> None:
        """Wait for the hashes under way and end the threads."""
        self._is_closed = True
        self._executor.shutdown(wait=True, cancel_futures=True)

    async def _run(self, work: Callable[[], T]) -> T:
        if self._is_closed:
            raise Busy("The server is stopping.", "stopping")
        if self.pending >= self._places:
            raise Busy("Too many people are signing in right now. Try again in a few seconds.")
        self.pending += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, work)
        finally:
            self.pending -= 1


def check_password(password: str) -> str:
    """Return the password when it may be chosen (NIST SP 800-63B, 5.1.1.2: length and a list, no other rules).

    Raises:
        BrokenRule: it is too short, too long or among the commonest.
    """
    if len(password) < PASSWORD_MIN_CHARACTERS:
        raise BrokenRule(f"A password has at least {PASSWORD_MIN_CHARACTERS} characters.", "password_too_short")
    if len(password) > PASSWORD_MAX_CHARACTERS:
        raise BrokenRule(f"A password has at most {PASSWORD_MAX_CHARACTERS} characters.", "password_too_long")
    if password.lower() in _common_passwords():
        raise BrokenRule("This password is among the 3,000 commonest; choose another.", "password_too_common")
    return password


def can_be_password(password: str) -> bool:
    """Whether any account could have this password: keeps a megabyte of text away from the hashing."""
    return len(password) <= PASSWORD_MAX_CHARACTERS and is_storable(password)


def needs_rehash(password_hash: str) -> bool:
    """Whether the hash was made with other numbers than today's."""
    return not password_hash.startswith(_CURRENT_PREFIX)


def _hash(password: str) -> str:
    argon2 = Argon2id(
        salt=os.urandom(_SALT_BYTES),
        length=_KEY_BYTES,
        iterations=_PASSES,
        lanes=_LANES,
        memory_cost=_MEMORY_KIB,
    )
    return argon2.derive_phc_encoded(password.encode())


def _verify(password: str, password_hash: str) -> bool:
    try:
        Argon2id.verify_phc_encoded(password.encode(), password_hash)
    except InvalidKey:
        return False
    return True


@cache
def _common_passwords() -> frozenset[str]:
    lines = _COMMON_PASSWORDS.read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if not line.startswith("#"))
