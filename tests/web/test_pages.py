from __future__ import annotations

import sqlite3

import pytest

from chat.web.pages import STATIC_DIR
from tests.people import Person
from tests.raw_http import exchange, written
from tests.servers import RunningServer

TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
FILES = sorted(path.name for path in STATIC_DIR.iterdir() if path.is_file() and path.name != "index.html")


async def test_the_page_is_for_everyone(stranger: Person) -> None:
    answer = await stranger.get("/")
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    assert answer.body == (STATIC_DIR / "index.html").read_text()


async def test_every_file_of_the_page_is_served_with_its_type(stranger: Person) -> None:
    assert FILES
    for name in FILES:
        answer = await stranger.get(f"/static/{name}")
        assert (answer.status, answer.body) == (200, (STATIC_DIR / name).read_text())
        assert answer.headers["Content-Type"].partition(";")[0] == TYPES[name[name.rindex(".") :]]


async def test_a_browser_that_has_a_file_is_not_sent_it_again(stranger: Person) -> None:
    for path in ("/", f"/static/{FILES[0]}"):
        tag = (await stranger.get(path)).headers["ETag"]
        unchanged = await stranger.get(path, headers={"If-None-Match": tag})
        assert (unchanged.status, unchanged.body) == (304, "")
        assert (await stranger.get(path, headers={"If-None-Match": '"older"'})).status == 200


async def test_a_request_for_a_part_of_a_file_gets_the_whole(stranger: Person) -> None:
    for headers in ({"Range": "bytes=9999999-"}, {"If-Match": '"x"'}):
        answer = await stranger.get("/", headers=headers)
        assert (answer.status, answer.body) == (200, (STATIC_DIR / "index.html").read_text())


async def test_nothing_but_the_page_is_served(server: RunningServer, subtests: pytest.Subtests) -> None:
    for path in (
        "/static/",
        "/static/index.html",
        "/static/nothing.js",
        "/static/../pages.py",
        "/static/..%2f..%2fschema.sql",
        "/static/%2e%2e/settings.py",
        "/static/..%5csettings.py",
        "/static/%00",
        "/static/%ff",
        "/static//etc/passwd",
        "/static/%2fetc%2fpasswd",
    ):
        with subtests.test(path):
            answer = await exchange(server, written("GET", path))
            assert (answer.status, answer.body["code"]) == (404, "not_found")


async def test_the_server_is_well_while_its_store_answers(server: RunningServer, stranger: Person) -> None:
    answer = await stranger.get("/healthz")
    assert (answer.status, answer.body) == (200, {"status": "ok"})
    other = sqlite3.connect(server.database_path, isolation_level=None)
    other.execute("ALTER TABLE room RENAME TO elsewhere")
    answer = await stranger.get("/healthz")
    assert (answer.status, answer.body["code"]) == (503, "storage_unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert "elsewhere" not in answer.body["error"]
    assert (await stranger.get("/")).status == 200, "the page needs no store"
    other.execute("ALTER TABLE elsewhere RENAME TO room")
    other.close()
    assert (await stranger.get("/healthz")).status == 200
