"""The load: plain sockets on one core, without a WebSocket library, so that it is not what is measured."""
