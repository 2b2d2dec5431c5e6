"""API tokens for the cast."""

from __future__ import annotations

from tests.people import Person


async def made_token(person: Person, name: str = "script") -> str:
    """A new token of this person."""
    answer = await person.post("/create_token", name=name, password=person.password)
    assert answer.status == 200, answer
    return str(answer.body["token"])


def bearer(token: str) -> dict[str, str]:
    """The header that says who one is, without a cookie."""
    return {"Authorization": f"Bearer {token}"}


def session_id(person: Person) -> str:
    """The id in the person's cookie."""
    return person.cookie.partition("=")[2]
