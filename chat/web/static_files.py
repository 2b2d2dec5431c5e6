"""The files of the page: read and compressed once, then answered from memory."""

from __future__ import annotations

import gzip
import hashlib
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

STATIC_DIR = Path(__file__).parent.parent / "static"

# The files beside these are named after the version of them all, so what has such an address never changes.
IMMUTABLE = "public, max-age=31536000, immutable"
# Kept by the browser but asked about each time, which an ETag answers in a few bytes: an upgrade shows at once.
REVALIDATED = "no-cache"

INDEX, SERVICE_WORKER, MANIFEST = "index.html", "service_worker.js", "manifest.webmanifest"
_ENTRY = "main.js"

# Spelt out: what the system's own table says of .js differs from machine to machine.
_CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".js": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml; charset=utf-8",
    ".webmanifest": "application/manifest+json",
}
_COMPRESSED_ALREADY = {".png"}

_STATIC_IMPORT = re.compile(r'^(?:import\s*|(?:import|export)\b[^;"=()]*\bfrom\s*)"(\.[^"]+)"', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file as it is answered; `gzipped` is None where compressing it would save nothing."""

    body: bytes
    gzipped: bytes | None
    etag: str
    content_type: str
    cache_control: str


@dataclass(frozen=True, slots=True)
class Site:
    """One version of the page; `files` are those below `/static/`, by what follows there: `<version>/main.js`."""

    version: str
    files: Mapping[str, StaticFile]
    index: StaticFile
    index_signed_out: StaticFile
    service_worker: StaticFile
    manifest: StaticFile

    @property
    def prefix(self) -> str:
        """The folder of the files, as the page writes it."""
        return f"/static/{self.version}"


def read_site(folder: Path = STATIC_DIR) -> Site:
    """Everything in the folder, the three files with addresses of their own filled in."""
    sources = {path.relative_to(folder).as_posix(): path.read_bytes() for path in _served(folder)}
    version = _version(sources)
    prefix = f"/static/{version}"
    templates = {name: sources.pop(name).decode() for name in (INDEX, SERVICE_WORKER, MANIFEST)}

    def filled(name: str, cache_control: str = REVALIDATED, **values: str) -> StaticFile:
        text = templates[name].replace("{{static}}", prefix)
        for placeholder, value in values.items():
            text = text.replace("{{" + placeholder + "}}", value)
        return kept_in_memory(name, text.encode(), cache_control)

    preloads = _preloads(prefix, imported_modules(sources))
    files = {name: kept_in_memory(name, body, IMMUTABLE) for name, body in sources.items()}
    # The page for a browser to keep, which will not know who is signed in when it opens it.
    files[INDEX] = filled(INDEX, IMMUTABLE, modules=preloads, visitor="unknown")
    return Site(
        version=version,
        files={f"{version}/{name}": file for name, file in files.items()},
        index=filled(INDEX, modules=preloads, visitor="signed-in"),
        index_signed_out=filled(INDEX, modules=preloads, visitor="signed-out"),
        service_worker=filled(SERVICE_WORKER, files=" ".join(f"{prefix}/{name}" for name in _precached(files))),
        manifest=filled(MANIFEST),
    )


def imported_modules(sources: Mapping[str, bytes]) -> list[str]:
    """The modules that the page's first one imports, and they in turn, nearest first."""
    found = [_ENTRY]
    for module in found:  # grows while it is walked
        for address in _STATIC_IMPORT.findall(sources[module].decode()):
            name = posixpath.normpath(posixpath.join(posixpath.dirname(module), address))
            if name in sources and name not in found:
                found.append(name)
    return found[1:]


def _served(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.suffix in _CONTENT_TYPES and not path.name.startswith(".") and path.is_file():
            yield path


def _version(sources: Mapping[str, bytes]) -> str:
    """The same for the same files on every machine; each part is hashed alone, so no two sets look alike."""
    every = hashlib.sha256()
    for name, body in sources.items():
        every.update(hashlib.sha256(name.encode()).digest() + hashlib.sha256(body).digest())
    return every.hexdigest()[:16]


def _precached(names: Iterable[str]) -> list[str]:
    """What the page needs to open; pictures for home screens are fetched by who puts it there."""
    return [name for name in names if not name.startswith(("icons/", "docs/"))]


def _preloads(prefix: str, modules: list[str]) -> str:
    return "\n".join(f'  <link rel="modulepreload" href="{prefix}/{name}">' for name in modules).lstrip()


def kept_in_memory(name: str, body: bytes, cache_control: str) -> StaticFile:
    """A file of this name, hashed and compressed once."""
    suffix = posixpath.splitext(name)[1]
    gzipped = None if suffix in _COMPRESSED_ALREADY else gzip.compress(body, compresslevel=9, mtime=0)
    return StaticFile(
        body,
        gzipped if gzipped is not None and len(gzipped) < len(body) else None,
        hashlib.sha256(body).hexdigest()[:32],
        _CONTENT_TYPES[suffix],
        cache_control,
    )
