from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.web.keys import PACING
from tests.examples import any_json, any_text, examples
from tests.people import PASSWORD, PATIENCE_SECONDS, Answer, Person
from tests.raw_http import exchange, written
from tests.servers import RunningServer

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=x"
KINDS = [JSON, FORM, MULTIPART, "multipart/form-data", "text/plain", ""]

ROOM_PATHS = ["/create_room", "/join_room", "/send_message", "/list_message"]
ACCOUNT_PATHS = ["/create_user", "/login"]
NAMES = ["room", "message", "client_id", "before", "after", "limit", "username", "password"]

# What no client should send, whatever the field: half of these look right at a first glance.
some_value = any_json | st.sampled_from(["lobby", "hi", PASSWORD, "zoe", "", 0, 1, 500, "1", 2**63, -1, "\0", "\ud800"])
some_fields = st.dictionaries(st.sampled_from(NAMES) | any_text, some_value, max_size=5)
some_bytes = st.binary(max_size=100) | st.lists(
    st.sampled_from(
        [b"--x", b"--", b"\r\n", b"\n", b";", b"=", b'"', b"&", b"%", b"{", b"}", b"[", b"message", b"room"]
    )
    | st.sampled_from([b"Content-Disposition: form-data; name=", b"Content-Type: ", b"Content-Transfer-Encoding: "])
    | st.binary(max_size=3),
    max_size=30,
).map(b"".join)
some_content_type = st.sampled_from(KINDS) | st.lists(
    st.sampled_from([*KINDS, ";", "boundary", "charset", "=", '"', "\\", "*", "*0", "0*", "utf-8", "''", " ", "é"]),
    max_size=8,
).map("".join)


def part(name: str, content: bytes, *headers: str) -> bytes:
    lines = ["--x", f'Content-Disposition: form-data; name="{name}"', *headers, "", ""]
    return "\r\n".join(lines).encode() + content + b"\r\n"


async def send(person: Person, body: bytes, content_type: str = JSON, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await person.request(
        "POST", "/send_message", data=body, headers={"Content-Type": content_type} | named, skip_auto_headers=["Accept"]
    )


def assert_no_fault(answer: Answer) -> None:
    assert answer.status < 500, answer
    if answer.status != 200:
        assert set(answer.body) == {"error", "code"}


NO_JSON_REQUESTS = [
    (b"", 400, "missing_field"),
    (b"{", 400, "malformed"),
    (b'{"message": "hi"', 400, "malformed"),
    (b"message=hi", 400, "malformed"),
    (b'["hi"]', 400, "malformed"),
    (b'"hi"', 400, "malformed"),
    (b"null", 400, "malformed"),
    (b'{"message": NaN}', 400, "malformed"),
    (b'{"message": -Infinity}', 400, "malformed"),
    (b'{"message": ' + b"9" * 5000 + b"}", 400, "malformed"),
    (b'{"message": ' + b"[" * 30_000 + b"]" * 30_000 + b"}", 400, "malformed"),
    (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, 400, "malformed"),
    (b'{"message": "\xff"}', 400, "malformed"),
    (b'{"message": "\xed\xa0\x80"}', 400, "malformed"),
    (b'{"message": "h\xc3"}', 400, "malformed"),
    (b"\xef\xbb\xbf{}", 400, "malformed"),
    ('{"message": "hi"}'.encode("utf-16"), 400, "malformed"),
    (b'{"message": "\\ud83d"}', 422, "invalid_characters"),
    (b'{"message": "\\u0000"}', 422, "invalid_characters"),
    (b'{"room": "lobby", "message": 9999}', 400, "wrong_type"),
]

NO_FORM_REQUESTS = [
    (b"", 400, "missing_field"),
    (b"hi", 400, "missing_field"),
    (b"=&=&&&", 400, "missing_field"),
    (b'{"message": "hi"}', 400, "missing_field"),
    (b"message", 422, "message_empty"),
    (b"message=", 422, "message_empty"),
    (b"message=%00", 422, "invalid_characters"),
    (b"message=%ff", 400, "malformed"),
    (b"message=%ed%a0%80", 400, "malformed"),
    (b"message=\xff", 400, "malformed"),
    (b"a=1&" * 101, 400, "malformed"),
]

NO_MULTIPART_REQUESTS = [
    (b"", 400, "missing_field"),
    (b"--x--", 400, "missing_field"),
    (b"hi", 400, "malformed"),
    (b"--y\r\n", 400, "malformed"),
    (b"--x", 400, "malformed"),
    (part("message", b"hi"), 400, "malformed"),
    (part("message", b"hi") + b"--x", 400, "malformed"),
    (b"--xy" + part("message", b"hi")[3:] + b"--x--", 400, "malformed"),
    (b"--x\r\n\r\nhi\r\n--x--", 400, "malformed"),
    (b"--x\r\nContent-Type: text/plain\r\n\r\nhi\r\n--x--", 400, "malformed"),
    (b"--x\r\nContent-Disposition: form-data\r\n\r\nhi\r\n--x--", 400, "malformed"),
    (b"--x\r\nContent-Disposition: form-data; name*=message\r\n\r\nhi\r\n--x--", 400, "malformed"),
    (part("message", b"\xff") + b"--x--", 400, "malformed"),
    (part("message", b"aGk=", "Content-Transfer-Encoding: base64") + b"--x--", 400, "malformed"),
    (part("message", b"hi", "Content-Type: text/plain; charset=latin1") + b"--x--", 415, "unsupported_charset"),
    (part("message", b"a\0b") + b"--x--", 422, "invalid_characters"),
    (part("a", b"") * 101 + b"--x--", 400, "malformed"),
    (
        b"".join(b"--x\r\nContent-Type: multipart/mixed; boundary=x%d\r\n\r\n" % depth for depth in range(1000)),
        400,
        "malformed",
    ),
]


@pytest.mark.parametrize(
    ("content_type", "bodies"),
    [(JSON, NO_JSON_REQUESTS), (FORM, NO_FORM_REQUESTS), (MULTIPART, NO_MULTIPART_REQUESTS)],
    ids=["json", "urlencoded", "multipart"],
)
async def test_a_body_that_is_no_request_is_refused(
    ada: Person, content_type: str, bodies: list[tuple[bytes, int, str]], subtests: pytest.Subtests
) -> None:
    for body, status, code in bodies:
        with subtests.test(str(body)[:60]):
            answer = await send(ada, body, content_type)
            assert (answer.status, answer.body["code"]) == (status, code)
            assert answer.body["error"].endswith(".")
    assert await ada.listed() == []


WAYS_TO_SAY_HI = [
    (JSON, b'{"message": "hi"}'),
    ("APPLICATION/JSON ; Charset=UTF-8", b'{"message": "hi"}'),
    ('application/json; charset="utf8"', b'{"message": "hi"}'),
    (
        "application/json; charset=us-ascii; more",
        b' {"message": "\\u0068i", "message": "hi", "more": [1e400, {}]} ',
    ),
    (FORM, b"message=%68i&more=%C3%A9"),
    (FORM + "; charset=utf-8", b"message=ho&message=hi"),
    (MULTIPART, part("message", b"hi") + b"--x--"),
    ('multipart/form-data; charset=utf-8; boundary="x"', part("message", b"hi") + b"--x--\r\nafterwards"),
    (MULTIPART, b"beforehand\r\n" + part("message", b"hi", "Content-Transfer-Encoding: 8bit") + b"--x--"),
    (MULTIPART, part("message", b"hi", "Content-Type: text/plain; charset=utf-8").replace(b'"', b"") + b"--x--"),
    (MULTIPART, part("message", b"hi").replace(b"name=", b'filename="a; name=b"; NAME=') + b"--x--"),
    (MULTIPART, part("message", b"hi").replace(b"Content-Disposition", b"content-disposition") + b"--x--"),
    ("multipart/form-data; boundary=--x", b"----x" + part("message", b"hi")[3:] + b"----x--"),
]


async def test_every_way_to_write_a_body_is_understood(ada: Person, subtests: pytest.Subtests) -> None:
    for content_type, body in WAYS_TO_SAY_HI:
        with subtests.test(content_type):
            answer = await send(ada, body, content_type)
            assert (answer.status, answer.body["message"]) == (200, "hi")


async def test_a_text_file_may_be_sent_as_a_message_and_a_binary_one_not(ada: Person) -> None:
    disposition = b'name="message"; filename="notes.txt"'
    text = part("message", b"line\r\nline\n", "Content-Type: text/plain") + b"--x--"
    answer = await send(ada, text.replace(b'name="message"', disposition), MULTIPART)
    assert answer.body["message"] == "line\r\nline\n"
    binary = part("message", b"\x89PNG\xff\xd8", "Content-Type: image/png") + b"--x--"
    answer = await send(ada, binary.replace(b'name="message"', disposition), MULTIPART)
    assert (answer.status, answer.body["code"]) == (400, "malformed")


async def test_a_body_of_another_type_is_unsupported(ada: Person, subtests: pytest.Subtests) -> None:
    binary = "application/octet-stream"
    for content_type in ("", "text/plain", binary, "text/json", "multipart/mixed; boundary=x", ";;=", "é"):
        with subtests.test(content_type):
            answer = await send(ada, b'{"message": "hi"}', content_type)
            assert (answer.status, answer.body["code"]) == (415, "unsupported_media_type")
            assert JSON in answer.body["error"]


async def test_a_body_that_names_no_type_is_unsupported(server: RunningServer, ada: Person) -> None:
    request = written("POST", "/send_message", f"Cookie: {ada.cookie}", body=b'{"message": "hi"}')
    answer = await exchange(server, request)
    assert (answer.status, answer.body["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("kind", [JSON, FORM])
async def test_another_character_set_is_unsupported(ada: Person, kind: str, subtests: pytest.Subtests) -> None:
    for charset in ("latin1", "utf-16", "utf-7", "iso-8859-1", "nonsense", "x" * 500):
        with subtests.test(charset[:20]):
            answer = await send(ada, b"{}", f"{kind}; charset={charset}")
            assert (answer.status, answer.body["code"]) == (415, "unsupported_charset")


@pytest.mark.parametrize("kind", [JSON, FORM, "multipart/form-data"])
async def test_parameters_of_the_content_type_that_make_no_sense_are_no_fault(
    ada: Person, kind: str, subtests: pytest.Subtests
) -> None:
    for parameters in (
        "charset*" + "9" * 5000 + "=x",
        "charset*=a; charset*0=b",
        'charset="',
        "boundary*=a; boundary*0=b",
    ):
        with subtests.test(parameters[:20]):
            assert (await send(ada, b"{}", f"{kind}; {parameters}")).status == 400


async def test_a_compressed_body_is_unsupported(ada: Person, subtests: pytest.Subtests) -> None:
    for coding in ("gzip", "deflate", "GZIP", "compress", "unknown", "gzip, gzip", "identity, gzip"):
        with subtests.test(coding):
            packed = zlib.compress if coding == "deflate" else gzip.compress
            answer = await send(ada, packed(b'{"message": "hi"}'), Content_Encoding=coding)
            assert (answer.status, answer.body["code"]) == (415, "unsupported_encoding")
    assert await ada.listed() == []


@pytest.mark.parametrize("body", [b'{"message": "hi"}', b"\x1f\x8b", gzip.compress(b"x" * 20_000_000)], ids=len)
async def test_what_a_body_that_says_to_be_compressed_really_holds_does_not_matter(
    server: RunningServer, body: bytes
) -> None:
    answer = await exchange(
        server, written("POST", "/login", f"Content-Type: {JSON}", "Content-Encoding: gzip", body=body)
    )
    assert (answer.status, answer.body["code"]) == (415, "unsupported_encoding")


async def test_a_body_that_says_not_to_be_compressed_is_read(ada: Person) -> None:
    answer = await send(ada, b'{"message": "hi"}', Content_Encoding="Identity")
    assert (answer.status, answer.body["message"]) == (200, "hi")


async def chunks(count: int) -> AsyncIterator[bytes]:
    yield b'{"message": "'
    for _ in range(count):
        yield b"x" * 1000


async def test_a_body_larger_than_any_message_is_refused_however_it_comes(server: RunningServer, ada: Person) -> None:
    limit = server.settings.frame_max_bytes
    filled = b'{"message": "hi"' + b" " * (limit - 17) + b"}"
    assert (await send(ada, filled)).status == 200, "as large as is allowed"
    for body in (filled + b" ", b"x" * 3 * limit):
        answer = await send(ada, body)
        assert (answer.status, answer.body["code"]) == (413, "too_large")
        assert f"{limit:,} bytes" in answer.body["error"]
    answer = await send(ada, chunks(limit // 1000 + 1))  # type: ignore[arg-type]  # aiohttp sends it in chunks
    assert (answer.status, answer.body["code"]) == (413, "too_large")


async def test_a_length_larger_than_what_is_ever_sent_is_refused_early(server: RunningServer) -> None:
    begun = written("POST", "/login", f"Content-Type: {JSON}", "Content-Length: 99999999999", body=b"x" * 70_000)
    answer = await exchange(server, begun)
    assert (answer.status, answer.body["code"]) == (413, "too_large")


@pytest.mark.settings(body_seconds=0.1)
@pytest.mark.parametrize("length", ["Content-Length: 100", "Transfer-Encoding: chunked"])
async def test_a_body_that_does_not_come_is_given_up(server: RunningServer, length: str) -> None:
    begun = written("POST", "/login", f"Content-Type: {JSON}", length, body=b"2\r\n{}\r\n")
    answer = await exchange(server, begun)
    assert (answer.status, answer.body["code"]) == (408, "body_timeout")
    assert answer.headers["Connection"] == "close"
    assert "0.1 seconds" in answer.body["error"]


@pytest.mark.settings(body_seconds=1000)
@pytest.mark.parametrize("broken", [b"zz\r\nhello\r\n", b"5\r\nhelloXX\r\n", b"2\r\n{}\r\nzz\r\n"])
async def test_chunks_that_are_none_are_refused_at_once(
    server: RunningServer, broken: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    reader, writer = await asyncio.open_connection(*server.address)
    try:
        head = written("POST", "/login", f"Content-Type: {JSON}", "Transfer-Encoding: chunked", "Expect: 100-continue")
        writer.write(head)
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(broken)
        async with asyncio.timeout(PATIENCE_SECONDS):
            answer = await reader.read()
    finally:
        writer.close()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"The body is broken" in answer
    assert answer.count(b"HTTP/1.1") == 1, "nothing of it is taken for another request"
    assert "ERROR" not in caplog.text


@pytest.mark.settings(requests_per_user_at_once=1, requests_per_user_pace_per_second=0.001, turn_wait_max_seconds=1e6)
async def test_what_comes_after_a_whole_body_does_not_break_it(
    server: RunningServer, ada: Person, stranger: Person
) -> None:
    waits, goes_on = asyncio.Event(), asyncio.Event()

    async def sleep(_seconds: float) -> None:
        waits.set()
        await goes_on.wait()

    server.app[PACING].sleep = sleep
    reader, writer = await asyncio.open_connection(*server.address)
    try:
        headers = (f"Cookie: {ada.cookie}", f"Content-Type: {JSON}")
        async with asyncio.timeout(PATIENCE_SECONDS):
            writer.write(written("POST", "/list_message", *headers, body=b'{"room": "lobby"}'))
            await waits.wait()  # for a turn, with its body unread
            writer.write(b"\0garbage\r\n\r\n")
            for _ in range(10):
                await stranger.get("/healthz")  # the garbage has come
            goes_on.set()
            answer = await reader.read()
    finally:
        writer.close()
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"not valid HTTP" in answer


async def test_a_body_may_wait_until_it_is_asked_for(server: RunningServer) -> None:
    reader, writer = await asyncio.open_connection(*server.address)
    try:
        writer.write(written("POST", "/login", f"Content-Type: {JSON}", "Content-Length: 2", "Expect: 100-continue"))
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"{}")
        assert (await reader.readline()).startswith(b"HTTP/1.1 400 ")
        assert b'"missing_field"' in await reader.readuntil(b"}")
    finally:
        writer.close()


@given(path=st.sampled_from(ROOM_PATHS), fields=some_fields)
@examples(150)
async def test_whatever_json_comes_is_answered_without_a_fault(ada: Person, path: str, fields: dict[str, Any]) -> None:
    assert_no_fault(await ada.request("POST", path, data=json.dumps(fields), headers={"Content-Type": JSON}))


@given(path=st.sampled_from(ACCOUNT_PATHS), fields=some_fields)
@examples(60)
async def test_whatever_json_a_stranger_sends_is_answered_without_a_fault(
    stranger: Person, path: str, fields: dict[str, Any]
) -> None:
    assert_no_fault(await stranger.request("POST", path, data=json.dumps(fields), headers={"Content-Type": JSON}))


@given(path=st.sampled_from(ROOM_PATHS), body=some_bytes, content_type=some_content_type)
@examples(300)
async def test_whatever_bytes_come_are_answered_without_a_fault(
    ada: Person, path: str, body: bytes, content_type: str
) -> None:
    assert_no_fault(await ada.request("POST", path, data=body, headers={"Content-Type": content_type}))


@given(path=st.sampled_from([*ACCOUNT_PATHS, "/logout"]), body=some_bytes, content_type=some_content_type)
@examples(100)
async def test_whatever_bytes_a_stranger_sends_are_answered_without_a_fault(
    stranger: Person, path: str, body: bytes, content_type: str
) -> None:
    assert_no_fault(await stranger.request("POST", path, data=body, headers={"Content-Type": content_type}))
