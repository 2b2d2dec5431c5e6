"""Codes that open something: invites, password resets, API tokens. The server keeps their hashes alone.

They are drawn from 2^192 and more, so a fast hash without salt is enough: there is no list to try them from.
"""

from __future__ import annotations

import hashlib
import secrets

_CODE_BYTES = 24  # OWASP Forgot Password Cheat Sheet: long enough to withstand guessing
_TOKEN_BYTES = 32
# Seen in a log or a repository, it says what it is: scanners for leaked secrets look for such.
TOKEN_PREFIX = "chat_"  # noqa: S105  # the same for all of them


def new_code() -> str:
    """A code for a link."""
    return secrets.token_urlsafe(_CODE_BYTES)


def new_token() -> str:
    return TOKEN_PREFIX + secrets.token_urlsafe(_TOKEN_BYTES)


def code_hash(code: str) -> str:
    """What is stored of a code, or of the id in a cookie: SHA-256, in hex."""
    return hashlib.sha256(code.encode("utf-8", "surrogateescape")).hexdigest()
