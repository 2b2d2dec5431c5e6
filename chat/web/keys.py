"""The typed keys under which the application keeps what its handlers need."""

from __future__ import annotations

import asyncio

from aiohttp import web

from chat.live.hub import Hub
from chat.metrics import Metrics
from chat.services.devices import Devices
from chat.services.limits import Limits
from chat.services.pacing import Pacing
from chat.services.passwords import PasswordHasher
from chat.services.purge import Purge
from chat.services.read_marks import ReadMarks
from chat.services.sessions import Sessions
from chat.settings import Settings
from chat.store.database import Database
from chat.store.group_commit import GroupCommit
from chat.web.static_files import StaticFile

BROKEN = web.AppKey("BROKEN", asyncio.Event)
STOPPING = web.AppKey("STOPPING", asyncio.Event)
SETTINGS = web.AppKey("SETTINGS", Settings)
DATABASE = web.AppKey("DATABASE", Database)
HASHER = web.AppKey("HASHER", PasswordHasher)
DEVICES = web.AppKey("DEVICES", Devices)
LIMITS = web.AppKey("LIMITS", Limits)
PACING = web.AppKey("PACING", Pacing)
SESSIONS = web.AppKey("SESSIONS", Sessions)
METRICS = web.AppKey("METRICS", Metrics)
COMMITS = web.AppKey("COMMITS", GroupCommit)
HUB = web.AppKey("HUB", Hub)
OPENAPI = web.AppKey("OPENAPI", StaticFile)
DOCS = web.AppKey("DOCS", StaticFile)
PURGE = web.AppKey("PURGE", Purge)
READ_MARKS = web.AppKey("READ_MARKS", ReadMarks)
