"""Every address of the table, asked with what no client should send: refused in JSON, and never a fault."""

from __future__ import annotations

import itertools
import json
import re
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.web.endpoints import ENDPOINTS
from chat.web.openapi import CODES, refusal_codes
from chat.web.routes import ROUTES
from tests.examples import any_json, any_text, examples, storable_text
from tests.people import PASSWORD, Answer, Person
from tests.web.test_bodies import FORM, JSON, MULTIPART, part, some_bytes, some_content_type

ADDRESSES = [(method, re.sub(r":[^}]*}", "}", path)) for method, path, _ in ROUTES]
FIELDS = sorted({name for key in ADDRESSES for name in (*(ENDPOINTS[key].takes or ()), *ENDPOINTS[key].query)})

# What looks right at a first glance, and what does not.
plain_value = st.sampled_from(["lobby", "hi", PASSWORD, "zoe", "keep", "", 0, 1, 500, "1", 2**63, -1, "\0", "\ud800"])
some_value = plain_value | any_json
some_query = st.dictionaries(st.sampled_from(FIELDS), plain_value | storable_text, max_size=3)

numbers = itertools.count()

# As often as the examples want to.
unlimited = pytest.mark.settings(
    sign_in_failures_per_name_and_address_per_hour=1_000_000,
    sign_in_failures_per_address_per_hour=1_000_000,
    sign_in_failures_per_name_per_hour=1_000_000,
    sign_in_failures_per_device_per_hour=1_000_000,
    sign_ups_per_address_per_hour=1_000_000,
    rooms_per_user_per_hour=1_000_000,
    requests_per_user_burst=1_000_000,
    frames_per_user_burst=1_000_000,
)


def fields_of(key: tuple[str, str]) -> st.SearchStrategy[dict[str, Any]]:
    """Fields that the address knows, most of the time all that it needs, and some that it does not."""
    takes = ENDPOINTS[key].takes or {}
    needed = {name: some_value for name, field in takes.items() if field.is_required}
    known = st.fixed_dictionaries(needed, optional=dict.fromkeys(takes.keys() - needed.keys(), some_value))
    return known | st.dictionaries(st.sampled_from(FIELDS) | any_text, some_value, max_size=4)


def in_json(fields: dict[str, Any]) -> tuple[bytes, str]:
    return json.dumps(fields).encode(), JSON


def in_a_form(fields: dict[str, Any]) -> tuple[bytes, str]:
    pairs = [(name.encode(errors="replace"), str(value).encode(errors="replace")) for name, value in fields.items()]
    return urlencode(pairs).encode(), FORM


def in_parts(fields: dict[str, Any]) -> tuple[bytes, str]:
    parts = [
        part(re.sub(r"[^\w]", "_", name), str(value).encode(errors="replace"))
        for name, value in fields.items()
        if name.isascii()
    ]
    return b"".join(parts) + b"--x--", MULTIPART


def bodies_of(key: tuple[str, str]) -> st.SearchStrategy[tuple[bytes, str]]:
    fields = fields_of(key)
    return fields.map(in_json) | fields.map(in_a_form) | fields.map(in_parts) | st.tuples(some_bytes, some_content_type)


some_request = st.sampled_from(ADDRESSES).flatmap(
    lambda key: st.tuples(st.just(key), bodies_of(key), some_query, st.just("lobby") | storable_text)
)


async def ask(
    person: Person, key: tuple[str, str], body: tuple[bytes, str], query: dict[str, Any], word: str
) -> Answer:
    method, path = key
    address = re.sub(r"{\w+}", lambda _: quote(word, safe="") or "x", path)
    pairs = urlencode([(name, str(value).encode(errors="replace")) for name, value in query.items()])
    options: dict[str, Any] = {"data": body[0], "headers": {"Content-Type": body[1]}} if method == "POST" else {}
    return await person.request(method, f"{address}?{pairs}", allow_redirects=False, **options)


def assert_described(key: tuple[str, str], answer: Answer) -> None:
    assert answer.status < 500, (key, answer)
    if answer.status >= 400:
        code = answer.body["code"]
        assert set(answer.body) == {"error", "code"}
        assert answer.status == CODES[code][0]
        # The words in a path may lead to no address at all.
        assert code in refusal_codes(ENDPOINTS[key]) | {"not_found"}, (key, answer)


@unlimited
@given(request=some_request)
@examples(250)
async def test_whatever_a_member_asks_is_answered_as_described(ada: Person, request: Any) -> None:
    answer = await ask(ada, *request)
    assert_described(request[0], answer)
    if answer.status == 401:  # what was asked before was a way to sign out
        ada.username = f"ada {next(numbers)}"
        await ada.sign_up()
    if answer.status in (401, 403, 404):  # left, or deleted with the room: the first to sign up is an admin
        await ada.post("/create_room", room="lobby")
        await ada.post("/join_room", room="lobby")


@unlimited
@given(request=some_request)
@examples(100)
async def test_whatever_a_stranger_asks_is_answered_as_described(stranger: Person, request: Any) -> None:
    assert_described(request[0], await ask(stranger, *request))
    stranger.session.cookie_jar.clear()
