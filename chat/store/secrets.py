"""The secrets: keys this server signs with, made when they are first needed."""

from __future__ import annotations

import os

from chat.store.database import Database

_KEY_BYTES = 32


async def secret_key(database: Database, purpose: str) -> bytes:
    """The key for a purpose, at random the first time and the same from then on.

    Raises:
        StorageUnavailable: there is none yet, and it could not be stored.
    """
    found = await database.read("SELECT value FROM secret WHERE purpose = ?", (purpose,))
    if not found:
        await database.write(
            "INSERT INTO secret (purpose, value) VALUES (?, ?) ON CONFLICT DO NOTHING",
            (purpose, os.urandom(_KEY_BYTES)),
        )
        found = await database.read("SELECT value FROM secret WHERE purpose = ?", (purpose,))
    return bytes(found[0][0])
