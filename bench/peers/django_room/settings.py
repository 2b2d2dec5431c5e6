"""Settings of the Django Channels peer, as Django's deployment checklist has them: no debug, nothing unused."""

from __future__ import annotations

import os
from pathlib import Path

SECRET_KEY = "nothing is signed here"
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
INSTALLED_APPS = ["channels", "bench.peers.django_room"]
# Gives each answer its Content-Length, without which the connection is closed after it.
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
ROOT_URLCONF = "bench.peers.django_room.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": Path(os.environ["ROOM_DIRECTORY"]) / "rooms.sqlite3",
        # Opening the file anew for each message would be most of the cost of storing it.
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
        },
    }
}

CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels.layers.InMemoryChannelLayer",
        # The layer drops what exceeds its capacity and what waits longer than its expiry; here nothing may be lost.
        "CONFIG": {"capacity": 1_000_000, "expiry": 3600},
    }
}
