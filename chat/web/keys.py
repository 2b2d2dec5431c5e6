"""The typed keys under which the application keeps what its handlers need."""

from __future__ import annotations

import asyncio

from aiohttp import web

from chat.live.hub import Hub
from chat.services.passwords import PasswordHasher
from chat.services.purge import Purge
from chat.services.read_marks import ReadMarks
from chat.services.sessions import Sessions
from chat.settings import Settings
from chat.store.database import Database
from chat.store.group_commit import GroupCommit

BROKEN = web.AppKey("BROKEN", asyncio.Event)
SETTINGS = web.AppKey("SETTINGS", Settings)
DATABASE = web.AppKey("DATABASE", Database)
HASHER = web.AppKey("HASHER", PasswordHasher)
SESSIONS = web.AppKey("SESSIONS", Sessions)
COMMITS = web.AppKey("COMMITS", GroupCommit)
HUB = web.AppKey("HUB", Hub)
PURGE = web.AppKey("PURGE", Purge)
READ_MARKS = web.AppKey("READ_MARKS", ReadMarks)
