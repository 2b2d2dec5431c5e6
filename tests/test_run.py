"""The server as a process: how it starts, refuses to start, and stops."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import signal
import socket
import time
from collections import Counter
from pathlib import Path

import aiohttp
import pytest

from chat.settings import Settings
from tests.people import Socket, visiting
from tests.processes import refused_start, server_process
from tests.raw_sockets import TEXT, raw_socket

CROWD = 2000
# One person stands for the crowd: what one may ask for at once would spread their coming over 20 s.
CROWD_FLAGS = ("--requests-per-user-at-once", "100000")


async def test_help_explains_every_setting() -> None:
    code, output = await refused_start("--help")
    assert code == 0
    for field in dataclasses.fields(Settings):
        assert "--" + field.name.replace("_", "-") in output


@pytest.mark.parametrize(
    ("flags", "environment", "part"),
    [
        (["--port", "eighty"], {}, "--port takes a whole number from 0 to 65535, not 'eighty'."),
        ([], {"CHAT_READER_CONNECTIONS": "0"}, "CHAT_READER_CONNECTIONS takes a whole number from 1 to 64, not '0'."),
        (["--data-dir", ""], {}, "--data-dir takes the name of a folder"),
        (["--host", "256.1.1.1"], {}, "Cannot listen on 256.1.1.1"),
        (["--data-dir", "/dev/null/data"], {}, "/dev/null/data. Mend that, or start with another --data-dir."),
    ],
)
async def test_a_bad_value_stops_the_start_with_one_sentence(
    tmp_path: Path, flags: list[str], environment: dict[str, str], part: str
) -> None:
    code, output = await refused_start("--data-dir", str(tmp_path / "data"), *flags, environment=environment)
    assert code == 2
    (refusal,) = [line for line in output.splitlines() if "INFO" not in line]
    assert refusal.startswith("The server did not start: ")
    assert part in refusal


async def test_a_port_in_use_is_named(data_dir: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, output = await refused_start("--data-dir", str(data_dir), "--port", str(port))
    assert code == 2
    assert f"Cannot listen on 127.0.0.1 port {port}" in output


async def test_a_second_server_on_the_same_data_is_kept_out(data_dir: Path) -> None:
    async with server_process(data_dir):
        code, output = await refused_start("--data-dir", str(data_dir))
    assert code == 2
    assert "Another server is using" in output


async def test_a_misspelt_variable_is_pointed_out(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, output = await refused_start(
        "--data-dir", str(data_dir), "--host", "256.1.1.1", environment={"CHAT_PROT": "1"}
    )
    assert code == 2
    assert "CHAT_PROT names no setting" in output


async def test_it_says_where_it_listens_and_where_the_data_is(data_dir: Path) -> None:
    async with server_process(data_dir) as server:
        assert f"data in {data_dir}" in server.log
        assert f"listening on {server.url}" in server.log


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_with_exit_code_0(data_dir: Path, number: signal.Signals) -> None:
    async with server_process(data_dir) as server:
        server.send_signal(number)
        assert await server.exit_code() == 0
    assert not data_dir.joinpath("chat.db-wal").exists()  # everything is folded into the one file


@pytest.mark.alone
async def test_a_signal_with_two_thousand_sockets_under_load_loses_nothing_and_ends_in_time(data_dir: Path) -> None:
    took: list[float] = []
    async with contextlib.AsyncExitStack() as stack:
        server = await stack.enter_async_context(server_process(data_dir, *CROWD_FLAGS))
        ada = await stack.enter_async_context(visiting(server, "ada"))
        await ada.sign_up()
        crowd = [await stack.enter_async_context(ada.connected("/ws/chat/lobby")) for _ in range(CROWD)]
        sender = crowd[0]
        await sender.next("live")
        for number in range(50):
            await sender.send(message=f"{number}", client_id=f"{number}")
        seen = [(await sender.next("chat"))["message"]]
        started = time.monotonic()
        server.send_signal(signal.SIGTERM)
        exiting = asyncio.create_task(server.exit_code())
        exiting.add_done_callback(lambda _: took.append(time.monotonic() - started))
        endings = await asyncio.gather(*(_read_to_end(socket) for socket in crowd))
        assert await exiting == 0
        assert took[0] < 5
        assert Counter(code for code, _ in endings) == {1001: CROWD}
        seen += endings[0][1]
        ada.server = await stack.enter_async_context(server_process(data_dir))
        stored = [message["message"] for message in await ada.listed()]
    assert stored == [str(number) for number in range(len(stored))]
    assert seen == stored  # accepted, committed and shown are the same


async def test_clients_that_vanish_in_the_middle_of_their_sends_harm_nobody(data_dir: Path) -> None:
    async with server_process(data_dir) as server, visiting(server, "ada") as ada:
        await ada.sign_up()
        for _ in range(10):
            async with raw_socket(ada) as vanishing:
                await vanishing.next("live")
                for _ in range(300):
                    await vanishing.send_frame(TEXT, b'{"message":"x"}')
                vanishing.reset()
        async with ada.live() as socket:
            await socket.send(message="still here", client_id="last")
            while (await socket.next("chat")).get("client_id") != "last":
                pass
        server.send_signal(signal.SIGTERM)
        assert await server.exit_code() == 0
    assert "fault" not in server.log


async def test_a_body_that_does_not_unpack_is_refused_and_no_stack_in_the_log(data_dir: Path) -> None:
    async with server_process(data_dir) as server, visiting(server, "ada") as ada:
        await ada.sign_up()
        packed = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
        answer = await ada.request("POST", "/send_message", data=b"not gzip", headers=packed)
        assert (answer.status, answer.body["code"]) == (415, "unsupported_encoding")
        assert (await ada.get("/whoami")).status == 200
    assert "Traceback" not in server.log


async def test_what_is_not_http_is_refused_and_one_line_in_the_log(data_dir: Path) -> None:
    async with server_process(data_dir) as server:
        reader, writer = await asyncio.open_connection(*server.address)
        writer.write(b"GET / HTTP/1.1\r\n\x1b[31mno header\r\n\r\n")
        answer = await reader.read()
        writer.close()
        assert answer.startswith(b"HTTP/1.0 400 ")
        assert answer.endswith(b'{"error":"The request is not valid HTTP.","code":"malformed"}')
        assert b"aiohttp" not in answer
    assert "not HTTP: refused a request" in server.log
    assert "Traceback" not in server.log
    assert "\x1b" not in server.log


async def test_a_database_that_can_no_longer_be_trusted_ends_the_server_for_its_supervisor(data_dir: Path) -> None:
    async with contextlib.AsyncExitStack() as stack:
        server = await stack.enter_async_context(server_process(data_dir))
        ada = await stack.enter_async_context(visiting(server, "ada"))
        await ada.sign_up()
        async with ada.live() as socket:
            for _ in range(300):
                await socket.send(message="x" * 3000)
            await socket.chats(300)
        server.send_signal(signal.SIGTERM)
        await server.exit_code()
        with data_dir.joinpath("chat.db").open("r+b") as file:
            size = file.seek(0, 2)
            file.seek(size // 2)
            file.write(b"\xee" * (size // 4))
        ada.server = server = await stack.enter_async_context(server_process(data_dir, "--start-check-seconds", "0"))
        async with ada.live() as socket:
            answer = await ada.post("/list_message", room="lobby", limit=500)
            assert (answer.status, answer.body["code"]) == (503, "storage_unavailable")
            assert await socket.close_code() == 1011
        assert await server.exit_code() == 1
    assert "can no longer be trusted" in server.log


async def _read_to_end(crowd_socket: Socket) -> tuple[int | None, list[str]]:
    texts = [received.json() async for received in crowd_socket.connection if received.type is aiohttp.WSMsgType.TEXT]
    return crowd_socket.connection.close_code, [frame["message"] for frame in texts if frame["type"] == "chat"]
