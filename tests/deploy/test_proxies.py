"""deploy/nginx.conf and deploy/Caddyfile, each in front of a real server: what people rely on comes through."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.deploy.programs import needed
from tests.deploy.proxies import (
    CLIENT_ADDRESS,
    HOST,
    ORIGIN,
    Proxy,
    coming_through,
    make_certificate,
    running,
)
from tests.people import Person
from tests.ports import free_port
from tests.processes import ServerProcess, server_process

DEPLOY = Path(__file__).parent.parent.parent / "deploy"
FORGED_ADDRESS = "203.0.113.9"


class Stage(NamedTuple):
    server: ServerProcess
    proxy: Proxy


def replaced(text: str, *changes: tuple[str, str]) -> str:
    """The sample with its ports and paths changed; each must be there."""
    for old, new in changes:
        assert old in text, f"the sample has lost {old}"
        text = text.replace(old, new)
    return text


def nginx_command(folder: Path, server: ServerProcess, proxy: Proxy, key: Path) -> list[str]:
    site = replaced(
        (DEPLOY / "nginx.conf").read_text(encoding="utf-8"),
        ("server 127.0.0.1:8000;", f"server 127.0.0.1:{server.address[1]};"),
        ("    listen [::]:80;\n", ""),
        ("    listen [::]:443 ssl http2;\n", ""),
        ("listen 80;", f"listen 127.0.0.1:{proxy.plain_port};"),
        ("listen 443 ssl", f"listen 127.0.0.1:{proxy.port} ssl"),
        (f"/etc/letsencrypt/live/{HOST}/fullchain.pem", str(proxy.certificate)),
        (f"/etc/letsencrypt/live/{HOST}/privkey.pem", str(key)),
    )
    (folder / "site.conf").write_text(site, encoding="utf-8")
    paths = "\n".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    # Started by root, its workers would become someone who may not enter the folder of the test.
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        f"{user} daemon off; pid {folder}/nginx.pid; worker_processes 1; error_log stderr;\n"
        f"events {{}}\nhttp {{\naccess_log off;\n{paths}\ninclude {folder}/site.conf;\n}}\n",
        encoding="utf-8",
    )
    return [needed("nginx", "nginx-light"), "-e", "stderr", "-c", str(folder / "nginx.conf")]


def caddy_command(folder: Path, server: ServerProcess, proxy: Proxy, key: Path) -> list[str]:
    site = replaced(
        (DEPLOY / "Caddyfile").read_text(encoding="utf-8"),
        (f"\n{HOST} {{\n", f"\n{HOST}:{proxy.port} {{\n\tbind 127.0.0.1\n\ttls {proxy.certificate} {key}\n"),
        ("{$CHAT_UPSTREAM:127.0.0.1:8000}", f"127.0.0.1:{server.address[1]}"),
    )
    options = f"{{\n\tadmin off\n\thttp_port {proxy.plain_port}\n\tdefault_bind 127.0.0.1\n}}\n"
    (folder / "Caddyfile").write_text(options + site, encoding="utf-8")
    return [needed("caddy", "caddy"), "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]


COMMANDS = {"nginx": nginx_command, "caddy": caddy_command}


@pytest.fixture(params=COMMANDS)
async def stage(request: pytest.FixtureRequest, data_dir: Path, tmp_path: Path) -> AsyncIterator[Stage]:
    certificate, key = make_certificate(tmp_path)
    proxy = Proxy(free_port(), free_port(), certificate)
    flags = ("--origin", ORIGIN, "--trusted-proxies", "127.0.0.1")
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(server_process(data_dir, *flags))
        command = COMMANDS[request.param](tmp_path, server, proxy, key)
        await stack.enter_async_context(running(proxy, *command, folder=tmp_path))
        yield Stage(server, proxy)


@pytest.fixture
async def ada(stage: Stage) -> AsyncIterator[Person]:
    async with coming_through(stage.proxy, "ada") as person:
        yield person


async def test_a_person_behind_the_proxy_has_a_secure_cookie_and_a_socket(stage: Stage, ada: Person) -> None:
    answer = await ada.post("/create_user", username="ada", password=ada.password)
    assert answer.status == 200, answer
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-chat_session=")
    assert "; Secure" in cookie
    assert "Strict-Transport-Security" in answer.headers
    async with ada.live() as socket:
        await socket.send(message="hi")
        assert (await socket.next("chat"))["message"] == "hi"
    own = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}
    fields = {"message": "hi", "room": "lobby"}
    assert (await ada.request("POST", "/send_message", json=fields, headers=own)).status == 200
    assert [message["message"] for message in await ada.listed()] == ["hi", "hi"]


async def test_a_foreign_origin_is_refused_through_the_proxy_and_our_own_let_in(stage: Stage, ada: Person) -> None:
    await ada.sign_up()
    refusal = await ada.refused_handshake("/ws/chat/lobby", headers={"Origin": "https://elsewhere.example"})
    assert refusal.status == 403
    async with ada.connected("/ws/chat/lobby", headers={"Origin": ORIGIN}) as socket:
        await socket.next("live")


async def test_the_log_names_who_came_and_not_the_proxy_nor_what_they_claim_to_be(stage: Stage, ada: Person) -> None:
    forged = {
        "X-Forwarded-For": FORGED_ADDRESS,
        "Forwarded": f"for={FORGED_ADDRESS}",
        "X-Real-IP": FORGED_ADDRESS,
        "X-Forwarded-Host": "elsewhere.example",
        "X-Forwarded-Proto": "http",
    }
    fields = {"username": "ada", "password": ada.password}
    answer = await ada.request("POST", "/create_user", json=fields, headers=forged)
    assert answer.status == 200
    assert answer.headers["Set-Cookie"].startswith("__Host-")
    # From the proxy's own address too, which the server would take for one more proxy in the chain.
    async with coming_through(stage.proxy, "mallory", "127.0.0.1") as mallory:
        refusal = await mallory.request("POST", "/login", json=fields | {"password": "a guess at it"}, headers=forged)
        assert refusal.status == 401
    stage.server.send_signal(signal.SIGTERM)
    assert await stage.server.exit_code() == 0  # its log is whole now
    (line,) = [line for line in stage.server.log.splitlines() if "account: user 1 created" in line]
    assert re.search(rf"created from {re.escape(CLIENT_ADDRESS)}\b", line)
    assert FORGED_ADDRESS not in stage.server.log
    assert f"[{answer.headers['X-Request-Id']}]" in line, "one id in both logs"


async def test_a_room_comes_whole_through_the_proxy_and_errors_as_the_server_says_them(
    stage: Stage, ada: Person
) -> None:
    await ada.sign_up()
    await ada.joins()
    async with asyncio.TaskGroup() as group:
        for number in range(20):
            group.create_task(ada.says("x" * 4000, client_id=f"{number}"))
    listed = await ada.listed()
    assert len(listed) == 20
    answer = await ada.post("/send_message", room="lobby", message="x" * 70_000)
    assert answer.status == 413, answer
    assert answer.body["code"] == "too_large"
    assert (await ada.get("/nowhere")).body["code"] == "not_found"


async def test_who_comes_without_tls_is_sent_to_it(stage: Stage, ada: Person) -> None:
    plain = f"http://{HOST}:{stage.proxy.plain_port}/get_rooms"
    async with ada.session.get(plain, allow_redirects=False) as answer:
        assert answer.status in (301, 308)
        assert answer.headers["Location"].startswith(f"https://{HOST}")
        assert answer.headers["Location"].endswith("/get_rooms")
