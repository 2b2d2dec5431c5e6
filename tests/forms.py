"""The three kinds of body in which every endpoint takes its fields."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from tests.people import Answer, Person

Post = Callable[..., Awaitable[Answer]]


async def post_json(person: Person, path: str, **fields: Any) -> Answer:
    return await person.post(path, **fields)


async def post_urlencoded(person: Person, path: str, **fields: Any) -> Answer:
    return await person.request("POST", path, data={name: str(value) for name, value in fields.items()})


async def post_multipart(person: Person, path: str, **fields: Any) -> Answer:
    form = aiohttp.FormData(default_to_multipart=True)
    for name, value in fields.items():
        form.add_field(name, str(value))
    return await person.request("POST", path, data=form)


each_kind_of_body = pytest.mark.parametrize("post", [post_json, post_urlencoded, post_multipart])
