"""The HTTP side of the Django Channels peer, as Django's tutorial has it: two views and their paths."""

from __future__ import annotations

import json

from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views.decorators.http import require_GET, require_POST

from bench.peers.django_room.talk import live_rooms, say


@require_POST
async def send_message(request: HttpRequest) -> JsonResponse:
    body = json.loads(request.body)
    return JsonResponse(await say(body["room"], body["message"]))


@require_GET
async def get_rooms(_request: HttpRequest) -> JsonResponse:
    return JsonResponse({"rooms": await live_rooms()})


urlpatterns = [path("send_message", send_message), path("get_rooms", get_rooms)]
