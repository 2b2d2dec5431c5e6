"""The figures on /metrics: right, complete, bounded, and told in docs/metrics.md."""

from __future__ import annotations

import asyncio
import re
import socket
import sqlite3
from contextlib import closing
from pathlib import Path

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from chat.metrics import CONTENT_TYPE, Metrics, Readings
from tests.conftest import StartServer
from tests.people import Person, visiting
from tests.ports import free_port
from tests.processes import refused_start
from tests.servers import RunningServer

PAGE = Path(__file__).parent.parent / "docs" / "metrics.md"


@pytest.fixture
async def server(start_server: StartServer) -> RunningServer:
    """One that is measured; as a fixture of this name it is what the cast of tests.conftest visits."""
    return await start_server(metrics_port=free_port(), busy_timeout_seconds=0.1)


async def exposition(server: RunningServer, path: str = "/metrics") -> tuple[int, str, str]:
    url = f"http://127.0.0.1:{server.settings.metrics_port}{path}"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status, answer.headers["Content-Type"], await answer.text()


async def samples(server: RunningServer) -> dict[str, float]:
    """Every sample by its name and labels, as `chat_refusals_total{code=malformed}`."""
    _, _, text = await exposition(server)
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sample.labels.items())
            found[sample.name + (f"{{{labels}}}" if labels else "")] = sample.value
    return found


async def test_who_is_here_is_counted(server: RunningServer, ada: Person, bob: Person) -> None:
    await ada.post("/create_room", room="tea")
    async with ada.live(), ada.live("/ws/chat/tea"), bob.live():
        found = await samples(server)
        assert (found["chat_sockets"], found["chat_users_online"], found["chat_rooms_live"]) == (3, 2, 2)
        assert found["chat_sessions"] == 2
        assert found["chat_database_bytes"] > 4096
        assert found["chat_wal_bytes"] > 0
        assert found["chat_password_queue"] == 0
        assert found["process_resident_memory_bytes"] > 1_000_000


async def test_messages_repeats_and_commits_are_counted(server: RunningServer, ada: Person) -> None:
    await ada.says("once", client_id="a")
    await ada.says("once", client_id="a")
    await ada.says("twice")
    found = await samples(server)
    assert (found["chat_messages_total"], found["chat_repeats_total"]) == (2, 1)
    assert found["chat_commit_messages_sum"] == 3
    commits = found["chat_commit_messages_count"]
    assert commits == found["chat_commit_seconds_count"] == found["chat_delivery_seconds_count"] == 3
    assert 0 < found["chat_commit_seconds_sum"] <= found["chat_delivery_seconds_sum"] < 30


async def test_a_catch_up_is_counted_and_over_when_the_socket_is_live(server: RunningServer, ada: Person) -> None:
    await ada.says("missed")
    async with ada.connected("/ws/chat/lobby?after=0") as socket:
        await socket.until_live()
        await socket.settled()
        found = await samples(server)
    assert (found["chat_catch_ups_total"], found["chat_catching_up"]) == (1, 0)


async def test_every_refusal_is_counted_under_its_code_over_http_and_on_sockets(
    server: RunningServer, ada: Person, stranger: Person
) -> None:
    assert (await stranger.get("/get_rooms")).status == 401
    assert (await stranger.get("/nowhere")).status == 404
    assert (await ada.post("/send_message", message="")).status == 422
    async with ada.live() as connected:
        await connected.send(message="")
        await connected.next("error")
        await connected.send(type="nonsense")
        await connected.next("error")
        with closing(sqlite3.connect(server.database_path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            await connected.send(message="cannot be stored")
            await connected.next("error")
    found = await samples(server)
    refusals = {name: count for name, count in found.items() if name.startswith("chat_refusals_total")}
    assert refusals == {
        "chat_refusals_total{code=not_signed_in}": 1,
        "chat_refusals_total{code=not_found}": 1,
        "chat_refusals_total{code=message_empty}": 2,
        "chat_refusals_total{code=unknown_type}": 1,
        "chat_refusals_total{code=storage_unavailable}": 1,
    }


def test_the_codes_of_refusals_are_bounded_whatever_they_are() -> None:
    metrics = Metrics()
    for number in range(1000):
        metrics.refused(f"code {number}")
    metrics.refused("code 0")
    text = metrics.exposition(Readings()).decode()
    assert text.count("\nchat_refusals_total{") == 201
    assert '\nchat_refusals_total{code="code 0"} 2.0\n' in text
    assert '\nchat_refusals_total{code="other"} 800.0\n' in text


async def test_the_loop_is_watched(server: RunningServer) -> None:
    async with asyncio.timeout(10):
        while (found := await samples(server))["chat_loop_lag_seconds_count"] < 1:
            await asyncio.sleep(0.05)
    assert found["chat_loop_lag_seconds_sum"] >= 0


async def test_the_figures_are_on_their_own_address_alone(server: RunningServer, stranger: Person) -> None:
    assert (await stranger.get("/metrics")).status == 404
    status, content_type, _ = await exposition(server)
    assert (status, content_type) == (200, CONTENT_TYPE)
    for path in ("/", "/get_users", "/healthz"):
        assert (await exposition(server, path))[0] == 404


async def test_there_are_none_unless_asked_for(start_server: StartServer) -> None:
    server = await start_server()
    async with visiting(server, "ada") as ada:
        await ada.sign_up()
        await ada.joins()
        await ada.says("hi")
    with pytest.raises(aiohttp.ClientConnectorError):
        await exposition(server)


async def test_a_port_for_metrics_in_use_is_named(data_dir: Path) -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        code, output = await refused_start("--data-dir", str(data_dir), "--metrics-port", port)
    assert code == 2
    assert f"Cannot listen for metrics on 127.0.0.1 port {port}: Address already in use. Choose others" in output


async def test_two_servers_in_one_process_do_not_mix(server: RunningServer, ada: Person, tmp_path: Path) -> None:
    await ada.says("hi")
    other = RunningServer(tmp_path / "other", metrics_port=free_port())
    await other.start()
    try:
        assert (await samples(other))["chat_messages_total"] == 0
        assert (await samples(server))["chat_messages_total"] == 1
    finally:
        await other.stop()


async def test_the_page_about_metrics_lists_exactly_those_there_are(server: RunningServer, stranger: Person) -> None:
    await stranger.get("/nowhere")  # a family with labels shows nothing before it was used
    _, _, text = await exposition(server)
    told = re.findall(r"^\| `(\w+)(?:\{code})?` \| (\w+) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    there = [
        (family.name + ("_total" if family.type == "counter" else ""), family.type)
        for family in text_string_to_metric_families(text)
    ]
    assert len(there) > 20
    assert sorted(told) == sorted(there)
