"""A self-hosted chat-room server: every message is on disk before anyone sees it."""

__version__ = "0.1.0"
