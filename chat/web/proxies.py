"""Proxies that are trusted to say whom they ask for; from anyone else X-Forwarded-For is just text."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from aiohttp_remotes import XForwardedFiltered
from multidict import MultiMapping

Networks = tuple[IPv4Network | IPv6Network, ...]


def believe_proxies(trusted: Networks) -> Middleware:
    """A middleware after which a request from a trusted proxy has the address and the scheme of the one it asks for.

    The address is the last in X-Forwarded-For that is no trusted proxy itself: whatever stands before it was
    written by a stranger (OWASP HTTP Headers Cheat Sheet; MDN, X-Forwarded-For, "Selecting an IP address").
    """
    forwarded = _ForwardedForAndProto([str(network) for network in trusted])

    @web.middleware
    async def believe(request: web.Request, handler: Handler) -> web.StreamResponse:
        peer = None if request.transport is None else request.transport.get_extra_info("peername")
        if is_from(peer, trusted):
            return await forwarded.middleware(request, handler)
        return await handler(request)

    return believe


def is_from(peer: tuple[str, int] | None, networks: Networks) -> bool:
    """Whether the other end of a connection lies in one of the networks."""
    if not peer:
        return False
    address = ip_address(peer[0].partition("%")[0])
    return any(address in network for network in networks)


class _ForwardedForAndProto(XForwardedFiltered):
    def get_forwarded_host(self, headers: MultiMapping[str]) -> list[str]:  # noqa: ARG002
        # Many proxies pass X-Forwarded-Host on as the client sent it; the name of this server comes from `origin`.
        return []
