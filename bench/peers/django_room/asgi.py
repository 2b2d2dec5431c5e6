"""The ASGI application of the Django Channels peer, as the Channels tutorial has it."""

from __future__ import annotations

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.urls import re_path

http = get_asgi_application()

# The models can only be imported once Django is set up, which the line above did.
from bench.peers.django_room.consumers import RoomConsumer  # noqa: E402

sockets = URLRouter([re_path(r"^ws/(?P<room>[A-Za-z0-9_.-]{1,90})$", RoomConsumer.as_asgi())])
application = ProtocolTypeRouter({"http": http, "websocket": sockets})
