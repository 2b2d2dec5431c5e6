"""A TLS proxy on this machine, run with the sample of deploy/, and people who come to it from another address."""

from __future__ import annotations

import asyncio
import datetime
import os
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.people import PATIENCE_SECONDS, Person

HOST = "chat.example.org"
ORIGIN = f"https://{HOST}"
# Where people come from; the proxy itself speaks to the server from 127.0.0.1.
CLIENT_ADDRESS = "127.0.0.2"


@dataclass(frozen=True, slots=True)
class Proxy:
    """A running proxy."""

    port: int
    plain_port: int
    certificate: Path

    @property
    def url(self) -> str:
        return f"{ORIGIN}:{self.port}"

    @property
    def address(self) -> tuple[str, int]:
        return HOST, self.port


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for the host that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_path, key_path = folder / "fullchain.pem", folder / "privkey.pem"
    certificate_path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate_path, key_path


@asynccontextmanager
async def running(proxy: Proxy, *command: str, folder: Path) -> AsyncIterator[None]:
    """Run the proxy until the end of the block, from when it answers."""
    with (folder / "proxy.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *command, stdout=log, stderr=log, env={"PATH": os.environ["PATH"], "HOME": str(folder)}
        )
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not _answers(proxy.port):
                assert process.returncode is None, (folder / "proxy.log").read_text(encoding="utf-8")
                await asyncio.sleep(0.05)
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def _answers(port: int) -> bool:
    with closing(socket.socket()) as knocking:
        return knocking.connect_ex(("127.0.0.1", port)) == 0


@asynccontextmanager
async def coming_through(proxy: Proxy, username: str, address: str = CLIENT_ADDRESS) -> AsyncIterator[Person]:
    """Someone who comes over TLS, from an address that is not the proxy's unless the test gives that."""
    tls = ssl.create_default_context(cafile=str(proxy.certificate))
    connector = aiohttp.TCPConnector(ssl=tls, resolver=_Resolver(), local_addr=(address, 0))
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=30)) as session:
        yield Person(proxy, username, session)


class _Resolver(AbstractResolver):
    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_INET,  # noqa: ARG002
    ) -> list[ResolveResult]:
        return [ResolveResult(hostname=host, host="127.0.0.1", port=port, family=socket.AF_INET, proto=0, flags=0)]

    async def close(self) -> None:
        pass
