"""What the operator does on the command line, and what holds for every act of an admin."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from chat.errors import BrokenRule, ChatError, Conflict, Forbidden, Taken, Unknown
from chat.models import User
from chat.services import accounts, admins, invites, password_resets
from chat.services.limits import Limits
from chat.services.passwords import PasswordHasher
from chat.settings import Settings
from chat.store.database import Database
from chat.store.opening import open_database
from tests.people import PASSWORD


@dataclass
class Stage:
    """A store without a server, as the command line has it; ada is the admin."""

    database: Database
    hasher: PasswordHasher
    settings: Settings
    ada: User
    bob: User

    async def audit(self) -> list[tuple[str | None, str, str | None]]:
        entries, _ = await admins.list_audit(self.database, before=None, limit=100)
        return [(entry.actor, entry.action, entry.username) for entry in reversed(entries)]


@pytest.fixture
async def stage(data_dir: Path) -> AsyncIterator[Stage]:
    settings = Settings(data_dir=data_dir, registration="closed")
    hasher = PasswordHasher(workers=1, queue_max=10)
    async with open_database(settings, lambda: None) as database:
        ada, bob = [await accounts.create_user(database, hasher, None, name, PASSWORD) for name in ("ada", "bob")]
        yield Stage(database, hasher, settings, ada, bob)
    hasher.close()


async def test_the_operator_makes_accounts_where_nobody_can_sign_up_and_the_first_is_an_admin(stage: Stage) -> None:
    assert await accounts.is_admin(stage.database, stage.ada.user_id)
    assert not await accounts.is_admin(stage.database, stage.bob.user_id)
    assert await stage.audit() == [(None, "create_user", "ada"), (None, "create_user", "bob")]
    for name, refusal in (("ADA", Taken), ("a/b", BrokenRule)):
        with pytest.raises(refusal):
            await accounts.create_user(stage.database, stage.hasher, None, name, PASSWORD)
    with pytest.raises(Forbidden, match="sign up"):
        await accounts.sign_up(
            stage.database, stage.hasher, stage.settings, username="zoe", password=PASSWORD, invite=None
        )
    assert len(await stage.audit()) == 2


async def test_the_operator_makes_and_removes_admins(stage: Stage) -> None:
    with pytest.raises(Conflict) as refused:
        await admins.remove_admin(stage.database, None, "ada")
    assert refused.value.code == "last_admin"
    for _ in range(2):
        assert await admins.make_admin(stage.database, None, "BOB") == stage.bob
    for _ in range(2):
        assert await admins.remove_admin(stage.database, None, "ada") == stage.ada
    assert not await accounts.is_admin(stage.database, stage.ada.user_id)
    assert (await stage.audit())[2:] == [(None, "make_admin", "bob"), (None, "remove_admin", "ada")]


async def test_an_admin_who_is_shut_out_is_none_and_does_not_count_as_one(stage: Stage) -> None:
    await admins.make_admin(stage.database, None, "bob")
    await admins.deactivate_user(stage.database, None, None, "bob")
    assert not await accounts.is_admin(stage.database, stage.bob.user_id)
    for act in (admins.remove_admin(stage.database, None, "ada"),
                admins.deactivate_user(stage.database, None, None, "ada")):  # fmt: skip
        with pytest.raises(Conflict):
            await act
    await admins.reactivate_user(stage.database, None, "bob")
    assert await accounts.is_admin(stage.database, stage.bob.user_id)


async def test_the_operator_gives_someone_a_new_password(stage: Stage) -> None:
    another = "another horse battery"
    with pytest.raises(BrokenRule):
        await admins.set_password(stage.database, stage.hasher, None, None, username="bob", password="short")
    await admins.set_password(stage.database, stage.hasher, None, None, username="bob", password=another)
    found = await accounts.authenticate(
        stage.database, stage.hasher, Limits(stage.settings), "bob", another, address=None, device=None
    )
    assert found.user == stage.bob
    assert (await stage.audit())[2:] == [(None, "reset_password", "bob")]


async def test_the_operator_makes_invites_and_resets(stage: Stage) -> None:
    made = await invites.create_invite(stage.database, stage.settings, None, uses=2, hours=1)
    await password_resets.create_password_reset(stage.database, stage.settings, None, "bob")
    (listed,) = await invites.list_invites(stage.database)
    assert (listed.invite_id, listed.created_by) == (made.invite_id, None)
    await invites.revoke_invite(stage.database, None, made.invite_id)
    assert await invites.list_invites(stage.database) == []
    actions = ["create_invite", "create_password_reset", "revoke_invite"]
    assert [(actor, action) for actor, action, _ in (await stage.audit())[2:]] == [(None, action) for action in actions]


async def test_who_is_no_admin_at_the_moment_of_the_act_is_refused_and_nothing_happens(stage: Stage) -> None:
    database, settings, bob = stage.database, stage.settings, stage.bob
    made = await invites.create_invite(database, settings, stage.ada)
    before = await stage.audit()
    for act in (
        admins.make_admin(database, bob, "bob"),
        admins.remove_admin(database, bob, "ada"),
        admins.deactivate_user(database, None, bob, "ada"),
        admins.reactivate_user(database, bob, "ada"),
        admins.set_password(database, stage.hasher, None, bob, username="ada", password=PASSWORD),
        invites.create_invite(database, settings, bob),
        invites.revoke_invite(database, bob, made.invite_id),
        password_resets.create_password_reset(database, settings, bob, "ada"),
    ):
        with pytest.raises(Forbidden) as refused:
            await act
        assert refused.value.code == "not_admin"
    assert await stage.audit() == before
    assert len(await invites.list_invites(database)) == 1


async def test_nobody_of_this_name_is_said_as_such(stage: Stage) -> None:
    database = stage.database
    for act in (
        admins.make_admin(database, None, "nobody"),
        admins.remove_admin(database, None, "nobody"),
        admins.deactivate_user(database, None, None, "nobody"),
        admins.reactivate_user(database, None, "nobody"),
        admins.set_password(database, stage.hasher, None, None, username="nobody", password=PASSWORD),
        password_resets.create_password_reset(database, stage.settings, None, "nobody"),
    ):
        with pytest.raises(Unknown) as refused:
            await act
        assert refused.value.code == "unknown_user"


async def test_an_act_that_fails_is_undone_whole(stage: Stage) -> None:
    with pytest.raises(ChatError):
        async with admins.admin_act(stage.database, stage.ada) as execute:
            await execute("UPDATE user SET is_admin = 1 WHERE id = ?", (stage.bob.user_id,))
            raise ChatError("Something came up.")
    assert not await accounts.is_admin(stage.database, stage.bob.user_id)
