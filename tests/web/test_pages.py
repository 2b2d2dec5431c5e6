from __future__ import annotations

import dataclasses
import gzip
from typing import NamedTuple

import aiohttp
import pytest
from multidict import CIMultiDictProxy

from chat.web import pages
from chat.web.pages import SITE, accepts_gzip
from chat.web.static_files import STATIC_DIR
from tests.people import Person
from tests.raw_http import exchange, written
from tests.servers import RunningServer

OWN_ADDRESSES = {
    "/": SITE.index_signed_out,
    "/service_worker.js": SITE.service_worker,
    "/manifest.webmanifest": SITE.manifest,
}
KEPT_PAGE = f"{SITE.prefix}/index.html"
FILES = {f"/static/{name}": file for name, file in SITE.files.items() if not name.endswith("/index.html")}
STYLE, MODULE, DRAWING, PICTURE = (
    f"{SITE.prefix}/{name}" for name in ("style.css", "main.js", "favicon.svg", "icons/any_192.png")
)
TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
    "/": "text/html",
}


class Raw(NamedTuple):
    status: int
    headers: CIMultiDictProxy[str]
    body: bytes


async def fetch(server: RunningServer, path: str, *, method: str = "GET", **headers: str) -> Raw:
    """What comes over the wire, not unpacked; `accept_encoding="…"` stands for a header."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    async with (
        aiohttp.ClientSession(auto_decompress=False, skip_auto_headers=["Accept-Encoding"]) as session,
        session.request(method, server.url + path, headers=sent) as response,
    ):
        return Raw(response.status, response.headers, await response.read())


async def test_the_page_is_for_everyone_and_says_who_is_signed_in(stranger: Person, ada: Person) -> None:
    for person, page, word in ((stranger, SITE.index_signed_out, "signed-out"), (ada, SITE.index, "signed-in")):
        answer = await person.get("/")
        assert answer.status == 200
        assert answer.body == page.body.decode()
        assert f'<html lang="en" data-visitor="{word}">' in answer.body
        assert f'<script type="module" src="{SITE.prefix}/main.js">' in answer.body
        assert "Cookie" in answer.headers.getall("Vary")
    assert SITE.index.etag != SITE.index_signed_out.etag


async def test_the_page_to_be_kept_is_the_same_for_everyone(stranger: Person, ada: Person) -> None:
    for person in (stranger, ada):
        answer = await person.get(KEPT_PAGE)
        assert answer.body == SITE.index.body.decode().replace('"signed-in"', '"unknown"', 1)
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.headers.getall("Vary") == ["Accept-Encoding"]


async def test_every_file_is_served_as_it_is_on_disk(server: RunningServer) -> None:
    served = {path.removeprefix(f"{SITE.prefix}/") for path in FILES}
    on_disk = {path.relative_to(STATIC_DIR).as_posix() for path in STATIC_DIR.rglob("*") if path.is_file()}
    assert served | {"index.html", "service_worker.js", "manifest.webmanifest"} == on_disk
    for path in FILES:
        plain, zipped = await fetch(server, path), await fetch(server, path, accept_encoding="br, gzip")
        assert (plain.status, zipped.status) == (200, 200)
        assert plain.body == (STATIC_DIR / path.removeprefix(f"{SITE.prefix}/")).read_bytes()
        is_zipped = zipped.headers.get("Content-Encoding") == "gzip"
        assert (gzip.decompress(zipped.body) if is_zipped else zipped.body) == plain.body
        assert "Content-Encoding" not in plain.headers


@pytest.mark.parametrize("path", [*OWN_ADDRESSES, STYLE, MODULE, DRAWING, PICTURE])
async def test_each_kind_has_its_type(server: RunningServer, path: str) -> None:
    answer = await fetch(server, path)
    kind, _, charset = answer.headers["Content-Type"].partition("; ")
    assert kind == next(kind for end, kind in TYPES.items() if path.endswith(end))
    assert charset == ("" if kind in ("image/png", "application/manifest+json") else "charset=utf-8")


async def test_what_is_named_after_its_version_is_kept_for_ever_and_the_rest_asked_about(server: RunningServer) -> None:
    for path in FILES:
        assert (await fetch(server, path)).headers["Cache-Control"] == "public, max-age=31536000, immutable"
    for path in OWN_ADDRESSES:
        assert (await fetch(server, path)).headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("path", [*OWN_ADDRESSES, STYLE, PICTURE])
@pytest.mark.parametrize("accepted", ["gzip", "identity"])
async def test_a_browser_that_has_a_file_is_not_sent_it_again(server: RunningServer, path: str, accepted: str) -> None:
    first = await fetch(server, path, accept_encoding=accepted)
    for known in (first.headers["ETag"], f'"older", {first.headers["ETag"]}', f"W/{first.headers['ETag']}", "*"):
        unchanged = await fetch(server, path, accept_encoding=accepted, if_none_match=known)
        assert (unchanged.status, unchanged.body) == (304, b"")
        for name in ("ETag", "Cache-Control", "Vary"):
            assert unchanged.headers.get(name) == first.headers.get(name)
        assert "Content-Encoding" not in unchanged.headers
    assert (await fetch(server, path, accept_encoding=accepted, if_none_match='"older"')).status == 200


async def test_the_two_encodings_of_a_file_are_never_taken_for_each_other(server: RunningServer) -> None:
    for path in (*OWN_ADDRESSES, STYLE):
        plain, zipped = await fetch(server, path), await fetch(server, path, accept_encoding="gzip")
        assert zipped.headers["Content-Encoding"] == "gzip"
        assert int(zipped.headers["Content-Length"]) == len(zipped.body) < len(plain.body)
        assert plain.headers["ETag"] != zipped.headers["ETag"]
        assert plain.headers["Vary"] == zipped.headers["Vary"] == "Accept-Encoding"
        assert (await fetch(server, path, if_none_match=zipped.headers["ETag"])).status == 200


async def test_a_picture_is_not_compressed_twice(server: RunningServer) -> None:
    answer = await fetch(server, PICTURE, accept_encoding="gzip")
    assert "Content-Encoding" not in answer.headers
    assert "Vary" not in answer.headers


@pytest.mark.parametrize(
    ("accept_encoding", "accepted"),
    [
        ("gzip", True),
        ("GZip", True),
        ("br, gzip;q=0.5", True),
        ("gzip ; q=0.001", True),
        ("gzip;q=1", True),
        ("*", True),
        ("br, *;q=0.1", True),
        ("*;q=0, gzip", True),
        ("", False),
        ("identity", False),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("gzip;Q=0", False),
        ("gzip;q=", False),
        ("*;q=0", False),
        ("gzip;q=0, *", False),
        ("br, deflate", False),
        ("gzipped", False),
    ],
)
async def test_only_who_can_unpack_is_sent_something_packed(
    server: RunningServer, accept_encoding: str, accepted: bool
) -> None:
    assert accepts_gzip(accept_encoding) == accepted
    answer = await fetch(server, STYLE, accept_encoding=accept_encoding)
    assert ("Content-Encoding" in answer.headers) == accepted


async def test_head_says_what_get_does_for_both_encodings(server: RunningServer) -> None:
    for path in (*OWN_ADDRESSES, STYLE, PICTURE):
        for accepted in ("gzip", "identity"):
            head = await fetch(server, path, method="HEAD", accept_encoding=accepted)
            got = await fetch(server, path, accept_encoding=accepted)
            assert (head.status, head.body) == (200, b"")
            for name in ("Content-Length", "Content-Type", "Content-Encoding", "ETag", "Vary", "Cache-Control"):
                assert head.headers.get(name) == got.headers.get(name), (path, name)


async def test_a_request_for_a_part_of_a_file_gets_the_whole(stranger: Person) -> None:
    for headers in ({"Range": "bytes=9999999-"}, {"If-Match": '"x"'}):
        answer = await stranger.get("/", headers=headers)
        assert (answer.status, answer.body) == (200, SITE.index_signed_out.body.decode())


async def test_nothing_but_the_page_is_served(server: RunningServer, subtests: pytest.Subtests) -> None:
    for path in (
        "/static",
        "/static/",
        "/static/style.css",
        "/static/0123456789abcdef/style.css",
        f"/static/{SITE.version[:-1]}/style.css",
        f"{SITE.prefix.upper()}/style.css",
        SITE.prefix,
        f"{SITE.prefix}/",
        f"{SITE.prefix}/icons",
        f"{SITE.prefix}/service_worker.js",
        f"{SITE.prefix}/manifest.webmanifest",
        f"{SITE.prefix}/nothing.js",
        f"{SITE.prefix}//style.css",
        f"{SITE.prefix}/./style.css/x",
        f"{SITE.prefix}/../../web/pages.py",
        f"{SITE.prefix}/..%2f..%2fweb%2fpages.py",
        f"{SITE.prefix}/%2e%2e/%2e%2e/settings.py",
        f"{SITE.prefix}/..%5c..%5csettings.py",
        f"{SITE.prefix}/icons/..%2f..%2fstyle.css",
        f"{SITE.prefix}/%00",
        f"{SITE.prefix}/style.css%00",
        f"{SITE.prefix}/%ff",
        f"{SITE.prefix}//etc/passwd",
        f"{SITE.prefix}/%2fetc%2fpasswd",
        "/static/..%2f..%2fschema.sql",
    ):
        with subtests.test(path):
            answer = await exchange(server, written("GET", path))
            assert (answer.status, answer.body["code"]) == (404, "not_found")
            assert answer.headers["Cache-Control"] == "no-store"


async def test_another_version_has_other_addresses(stranger: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    newer = dataclasses.replace(SITE, files={"feedfacefeedface/style.css": FILES[STYLE]})
    assert (await stranger.get(STYLE)).status == 200
    monkeypatch.setattr(pages, "SITE", newer)
    assert (await stranger.get(STYLE)).status == 404
    assert (await stranger.get("/static/feedfacefeedface/style.css")).status == 200
