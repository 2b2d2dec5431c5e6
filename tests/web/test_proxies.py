"""Whose word is taken for where a request comes from."""

from __future__ import annotations

import logging

import pytest

from tests.people import Person

FORWARDED = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"}
BEHIND_PROXY = "127.0.0.1, 10.0.0.0/8"


@pytest.fixture(autouse=True)
def log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


async def wrong_sign_in(person: Person, **headers: str) -> int:
    body = {"username": "nobody", "password": "not the password"}
    return (await person.request("POST", "/login", json=body, headers=headers)).status


async def test_without_the_setting_nobody_is_believed(stranger: Person, caplog: pytest.LogCaptureFixture) -> None:
    assert await wrong_sign_in(stranger, **FORWARDED) == 401
    assert "refused from 127.0.0.1" in caplog.text
    assert "203.0.113.7" not in caplog.text


@pytest.mark.settings(trusted_proxies="10.0.0.0/8")
async def test_who_is_no_trusted_proxy_is_not_believed(stranger: Person, caplog: pytest.LogCaptureFixture) -> None:
    assert await wrong_sign_in(stranger, **FORWARDED) == 401
    assert "203.0.113.7" not in caplog.text


@pytest.mark.settings(trusted_proxies=BEHIND_PROXY)
@pytest.mark.parametrize(
    ("claim", "believed"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("198.51.100.1, 203.0.113.7", "203.0.113.7"),  # the first was written by the client
        ("127.0.0.1, 203.0.113.7, 10.1.2.3", "203.0.113.7"),
        ("2001:db8::7", "2001:db8::7"),
        ("10.1.2.3", "10.1.2.3"),  # from the proxy's own network
    ],
)
async def test_a_trusted_proxy_is_believed_up_to_the_last_stranger(
    stranger: Person, caplog: pytest.LogCaptureFixture, claim: str, believed: str
) -> None:
    assert await wrong_sign_in(stranger, **{"X-Forwarded-For": claim}) == 401
    assert f"refused from {believed}" in caplog.text


@pytest.mark.settings(trusted_proxies=BEHIND_PROXY)
async def test_a_header_that_is_no_address_is_refused(stranger: Person) -> None:
    answer = await stranger.get("/", headers={"X-Forwarded-For": "<b>me</b>"})
    assert (answer.status, answer.body["code"]) == (400, "malformed")


@pytest.mark.settings(trusted_proxies=BEHIND_PROXY)
async def test_a_sign_in_over_the_proxys_tls_gets_a_secure_cookie(stranger: Person, ada: Person) -> None:
    body = {"username": ada.username, "password": ada.password}
    for headers, is_secure in ((FORWARDED, True), ({}, False)):
        answer = await stranger.request("POST", "/login", json=body, headers=headers)
        assert ("Secure" in answer.headers["Set-Cookie"]) == is_secure


@pytest.mark.settings(trusted_proxies=BEHIND_PROXY)
async def test_the_host_is_not_taken_from_the_proxy(ada: Person) -> None:
    foreign = {"Origin": "http://evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-For": "203.0.113.7"}
    assert (await ada.refused_handshake("/ws", headers=foreign)).status == 403
