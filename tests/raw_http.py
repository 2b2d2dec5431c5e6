"""HTTP without a library: sends what no library would, byte for byte."""

from __future__ import annotations

import asyncio
import json

from multidict import CIMultiDict

from tests.people import PATIENCE_SECONDS, Answer
from tests.servers import RunningServer


def written(method: str, path: str, *headers: str, body: bytes = b"") -> bytes:
    """A request; its length is told unless a header tells it otherwise."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *headers]
    if not any(line.lower().startswith(("content-length:", "transfer-encoding:")) for line in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape") + body


async def exchange(server: RunningServer, request: bytes) -> Answer:
    """What the server answers to these bytes; the connection stays open until it has."""
    reader, writer = await asyncio.open_connection(*server.address)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
            headers = CIMultiDict(
                (name, value.strip()) for name, _, value in (line.partition(":") for line in head[1:])
            )
            body = (await reader.readexactly(int(headers.get("Content-Length", 0)))).decode()
    finally:
        writer.close()
    is_json = headers.get("Content-Type", "").startswith("application/json")
    return Answer(int(head[0].split()[1]), json.loads(body) if is_json else body, headers)
