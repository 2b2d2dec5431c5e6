"""What is said in a room of the Django Channels peer, stored and then sent as its tutorials teach it."""

from __future__ import annotations

import asyncio
import json
from collections import Counter

from channels.db import database_sync_to_async
from channels.layers import get_channel_layer

from bench.peers.django_room.models import Message, Room

Chat = dict[str, str | int]

encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

# Who is online is not in the database, where a crash would leave it wrong.
online: Counter[str] = Counter()

# A request has a database thread of its own, beside the one the sockets share: without this lock a message could be
# stored before another and sent after it.
_order = asyncio.Lock()


def group_of(room: str) -> str:
    return f"chat_{room}"


async def say(room: str, text: str) -> Chat:
    async with _order:
        chat = chat_of(await database_sync_to_async(Message.objects.create)(room=room, username="ada", message=text))
        # Encoded once here rather than in every consumer.
        await get_channel_layer().group_send(group_of(room), {"type": "chat.message", "text": encode(chat)})
    return chat


def chat_of(message: Message) -> Chat:
    return {
        "type": "chat",
        "room": message.room,
        "id": message.pk,
        "username": message.username,
        "message": message.message,
        "timestamp": message.timestamp.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }


async def live_rooms() -> list[dict[str, str | int]]:
    names = Room.objects.filter(name__in=list(online)).order_by("name").values_list("name", flat=True)
    return [{"name": name, "members": online[name]} async for name in names]
