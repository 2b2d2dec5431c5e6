"""The WebSocket consumer of the Django Channels peer, as the tutorial's last part has it."""

from __future__ import annotations

import json

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer

from bench.peers.django_room.models import Room
from bench.peers.django_room.talk import group_of, online, say


class RoomConsumer(AsyncWebsocketConsumer):
    async def connect(self) -> None:
        self.room: str = self.scope["url_route"]["kwargs"]["room"]
        await database_sync_to_async(Room.objects.get_or_create)(name=self.room)
        await self.channel_layer.group_add(group_of(self.room), self.channel_name)
        online[self.room] += 1
        await self.accept()

    async def disconnect(self, code: int) -> None:  # noqa: ARG002  # the framework's signature
        await self.channel_layer.group_discard(group_of(self.room), self.channel_name)
        online[self.room] -= 1
        if not online[self.room]:
            del online[self.room]

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:  # noqa: ARG002
        if text_data is not None:
            await say(self.room, json.loads(text_data)["message"])

    async def chat_message(self, event: dict[str, str]) -> None:
        await self.send(text_data=event["text"])
