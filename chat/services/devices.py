"""Devices: browsers from which a user has signed in before, known by what the server signed for them.

What a device shows proves nothing but that: it signs nobody in, it only keeps the guesses of strangers apart from the
mistakes of the owner (OWASP, "Slow down online guessing attacks with device cookies").
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

from chat.models import Device, User

KEY_PURPOSE = "device"
_NONCE_BYTES = 16
_TEXT_MAX_CHARACTERS = 200  # an id of 19 digits, a nonce of 22 and a signature of 64 characters


class Devices:
    """Signs what a device keeps, and recognises it.

    Args:
        key: of this server alone.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def issue(self, user: User) -> str:
        """What a device that the user has just signed in from keeps; each has its own."""
        device = f"{user.user_id}.{secrets.token_urlsafe(_NONCE_BYTES)}"
        return f"{device}.{self._sign(device)}"

    def recognise(self, text: str) -> Device | None:
        """The device that this was issued to; None when this server did not sign it."""
        signed, _, signature = text[:_TEXT_MAX_CHARACTERS].rpartition(".")
        if not hmac.compare_digest(self._sign(signed).encode(), signature.encode("utf-8", "replace")):
            return None
        user_id, _, nonce = signed.partition(".")
        return Device(int(user_id), nonce)

    def _sign(self, device: str) -> str:
        return hmac.new(self._key, device.encode("utf-8", "replace"), hashlib.sha256).hexdigest()
