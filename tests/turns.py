"""Turns for tests that are about something else: nobody has to wait."""

from __future__ import annotations

from chat.models import User


async def at_once(_user: User) -> None:
    """It is their turn."""
