"""What the server makes of the files of the page, without a server."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import struct
from pathlib import Path

import pytest

from chat.web.static_files import STATIC_DIR, Site, StaticFile, imported_modules, read_site

OPENING_MAX_BYTES = 64 * 1024
ALL_MAX_BYTES = 80 * 1024


@pytest.fixture(scope="module")
def site() -> Site:
    return read_site()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the page to be changed."""
    return shutil.copytree(STATIC_DIR, tmp_path / "static")


def named(site: Site, address: str) -> StaticFile:
    return site.files[address.removeprefix("/static/")]


def test_the_version_is_of_every_name_and_every_byte(folder: Path, site: Site) -> None:
    assert read_site(folder).version == site.version
    assert re.fullmatch("[0-9a-f]{12,}", site.version)
    seen = {site.version}
    for change in (
        lambda: (folder / "style.css").write_text("p { margin: 0 }"),
        lambda: (folder / "icons" / "home.svg").rename(folder / "icons" / "homa.svg"),
        lambda: (folder / "index.html").write_text("<!doctype html>"),
        lambda: (folder / "service_worker.js").write_text(""),
    ):
        change()
        seen.add(read_site(folder).version)
    assert len(seen) == 5


def test_an_editor_at_work_beside_the_files_changes_nothing(folder: Path, site: Site) -> None:
    for name in (".main.js.swp", "main.js~", ".#main.js"):
        (folder / name).write_text("half a module")
    assert read_site(folder) == site


def test_every_text_is_compressed_to_less_and_opens_to_the_same(site: Site) -> None:
    for address, file in [*site.files.items(), ("index.html", site.index), ("worker.js", site.service_worker)]:
        if file.gzipped is None:
            assert address.endswith(".png") or len(gzip.compress(file.body)) >= len(file.body), address
        else:
            assert not address.endswith(".png")
            assert len(file.gzipped) < len(file.body)
            assert gzip.decompress(file.gzipped) == file.body
            assert file.gzipped[4:8] == bytes(4), "the time is part of the bytes, but not of the file"


def test_what_compressing_would_make_larger_is_left_as_it_is(folder: Path) -> None:
    (folder / "tiny.js").write_text("1;")
    site = read_site(folder)
    assert site.files[f"{site.version}/tiny.js"].gzipped is None


def test_the_page_refers_only_to_files_that_there_are(site: Site) -> None:
    page = site.index.body.decode()
    assert "{{" not in page
    addresses = re.findall(r'(?:href|src)="(/[^"#]+)', page)
    assert f"{site.prefix}/main.js" in addresses
    for address in addresses:
        assert address == "/manifest.webmanifest" or named(site, address)


def test_the_page_asks_for_all_its_modules_at_once(site: Site) -> None:
    page = site.index.body.decode()
    preloaded = re.findall(r'<link rel="modulepreload" href="([^"]+)">', page)
    needed = {f"{site.prefix}/main.js"}
    while True:
        more = {address for module in needed for address in imported(site, module)}
        if more <= needed:
            break
        needed |= more
    assert sorted(preloaded) == sorted(needed - {f"{site.prefix}/main.js"})


def test_every_import_of_every_module_leads_to_a_file(site: Site) -> None:
    for address in site.files:
        if address.endswith(".js"):
            for target in imported(site, f"/static/{address}"):
                assert target.removeprefix("/static/") in site.files, f"{address} imports {target}"


def imported(site: Site, module: str) -> list[str]:
    """What it imports at once; every quoted `./name.js` counts but of `import(…)`: no grammar that may be wrong."""
    folder = module.rsplit("/", 1)[0]
    names = re.findall(r'(?<!import\()"\./([^"]+\.js)"', named(site, module).body.decode())
    return [f"{folder}/{name}" for name in names]


def test_imports_are_followed_however_they_are_written() -> None:
    sources = {
        "main.js": b'import "./a.js";\nimport b from "./b.js";\nimport * as c from "./deep/c.js";\n',
        "a.js": b'import {\n  one,\n  two,\n} from "./main.js";\nexport const no = "./never.js";\n',
        "b.js": b'export { d } from "./d.js";\nexport * from "./gone.js";\n',
        "deep/c.js": b'import "../e.js";\n// import "./never.js";\nconst late = () => import("./never.js");\n',
        "d.js": b"",
        "e.js": b"",
        "never.js": b"",
    }
    assert imported_modules(sources) == ["a.js", "b.js", "deep/c.js", "d.js", "e.js"]


def test_the_service_worker_keeps_all_that_the_page_opens_with(site: Site) -> None:
    worker = site.service_worker.body.decode()
    assert "{{" not in worker
    (kept,) = re.findall(r'FILES = "([^"]+)"', worker)
    assert f'STATIC = "{site.prefix}"' in worker
    assert {address.removeprefix("/static/") for address in kept.split(" ")} == {
        address for address in site.files if "/icons/" not in address and "/docs/" not in address
    }
    for address in re.findall(r'(?:href|src)="(/static/[^"#]+)', site.index.body.decode()):
        assert address in kept.split(" ") or "/icons/" in address


def test_the_manifest_names_pictures_of_the_sizes_that_they_are(site: Site) -> None:
    manifest = json.loads(site.manifest.body)
    assert (manifest["name"], manifest["start_url"], manifest["scope"]) == ("Chat", "/", "/")
    assert manifest["display"] == "standalone"
    found = set()
    for icon in manifest["icons"]:
        picture = named(site, icon["src"])
        assert picture.content_type.partition(";")[0] == icon["type"]
        if icon["type"] == "image/png":
            assert icon["sizes"] == "{}x{}".format(*png_size(picture.body))
            assert len(picture.body) < 6_000
        found.add((icon["type"].rpartition("/")[2], icon["sizes"], icon["purpose"]))
    assert found == {
        ("svg+xml", "any", "any"),
        ("png", "192x192", "any"),
        ("png", "512x512", "any"),
        ("png", "512x512", "maskable"),
    }
    (home,) = re.findall(r'rel="apple-touch-icon" href="([^"]+)"', site.index.body.decode())
    assert png_size(named(site, home).body) == (180, 180)


def png_size(picture: bytes) -> tuple[int, int]:
    assert picture.startswith(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    width, height = struct.unpack(">II", picture[16:24])
    return width, height


def test_the_raw_service_worker_is_a_script_too() -> None:
    raw = (STATIC_DIR / "service_worker.js").read_text()
    assert set(re.findall(r".\{\{\w+\}\}.", raw)) == {'"{{static}}"', '"{{files}}"'}


def test_what_the_page_needs_to_open_is_small(site: Site) -> None:
    """The page, its style, the modules that it imports at once, the drawings and the manifest, each once."""
    preloaded = re.findall(r'<link rel="modulepreload" href="([^"]+)">', site.index.body.decode())
    others = [f"{site.prefix}/{name}" for name in ("main.js", "theme.js", "style.css", "icons.svg", "favicon.svg")]
    loaded = [named(site, address) for address in (*preloaded, *others)] + [site.index, site.manifest]
    assert sum(len(file.gzipped or file.body) for file in loaded) <= OPENING_MAX_BYTES


def test_all_that_the_page_consists_of_is_small(site: Site) -> None:
    """Each file once, those too that few visits need, and the service worker, which keeps them all; no `icons/`."""
    loaded = [file for address, file in site.files.items() if "/icons/" not in address and "/docs/" not in address]
    loaded += [site.service_worker, site.manifest]
    assert sum(len(file.gzipped or file.body) for file in loaded) <= ALL_MAX_BYTES
