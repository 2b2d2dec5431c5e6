from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from chat.errors import WrongCredentials
from chat.models import User
from chat.services import accounts, admins
from chat.services.limits import Limits
from chat.services.passwords import PasswordHasher
from chat.settings import Settings
from chat.store.accounts import Credentials
from chat.store.database import Database
from chat.store.opening import open_database
from tests.people import PASSWORD

ANOTHER = "another horse battery"


@pytest.fixture
async def hasher() -> AsyncIterator[PasswordHasher]:
    hasher = PasswordHasher(workers=2, queue_max=10)
    yield hasher
    hasher.close()


@pytest.fixture
async def database(data_dir: Path, hasher: PasswordHasher) -> AsyncIterator[Database]:
    """With ada, whose password was hashed in an older way."""
    older = Argon2id(salt=b"s" * 16, length=32, iterations=1, lanes=1, memory_cost=8)
    async with open_database(Settings(data_dir=data_dir), lambda: None) as database:
        ada = await accounts.create_user(database, hasher, None, "ada", PASSWORD)
        old_hash = older.derive_phc_encoded(PASSWORD.encode())
        await database.write("UPDATE user SET password_hash = ? WHERE id = ?", (old_hash, ada.user_id))
        yield database


async def authenticate(database: Database, hasher: PasswordHasher, password: str) -> Credentials:
    limits = Limits(Settings())
    return await accounts.authenticate(database, hasher, limits, "ada", password, address=None, device=None)


async def test_to_hash_anew_does_not_bring_back_a_password_that_was_changed_meanwhile(
    database: Database, hasher: PasswordHasher, monkeypatch: pytest.MonkeyPatch
) -> None:
    hash_password = hasher.hash

    async def hash_and_be_overtaken(password: str) -> str:
        monkeypatch.setattr(hasher, "hash", hash_password)
        await admins.set_password(database, hasher, None, None, username="ada", password=ANOTHER)
        return await hash_password(password)

    monkeypatch.setattr(hasher, "hash", hash_and_be_overtaken)
    for password in (PASSWORD, PASSWORD):
        with pytest.raises(WrongCredentials):
            await authenticate(database, hasher, password)
    assert (await authenticate(database, hasher, ANOTHER)).user == User(1, "ada")


async def test_two_who_hash_the_same_password_anew_at_once_are_both_let_in(
    database: Database, hasher: PasswordHasher, monkeypatch: pytest.MonkeyPatch
) -> None:
    hash_password = hasher.hash
    others: list[Credentials] = []

    async def hash_and_be_overtaken(password: str) -> str:
        monkeypatch.setattr(hasher, "hash", hash_password)
        others.append(await authenticate(database, hasher, PASSWORD))
        return await hash_password(password)

    monkeypatch.setattr(hasher, "hash", hash_and_be_overtaken)
    assert [await authenticate(database, hasher, PASSWORD)] == others


async def test_a_hash_made_anew_is_the_one_that_what_follows_is_measured_by(
    database: Database, hasher: PasswordHasher
) -> None:
    found = await authenticate(database, hasher, PASSWORD)
    assert await accounts.confirm_password(database, hasher, found.user, PASSWORD) == found.password_hash
