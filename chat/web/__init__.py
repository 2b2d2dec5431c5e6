"""Speaks HTTP and WebSocket: the only package, with app, that knows aiohttp."""
