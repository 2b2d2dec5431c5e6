"""Where the scenarios play: starts our server and its peers, each with files of its own."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from bench.cast import Cast
from bench.peers.available import Peer
from bench.processes import chat_server, peer_server
from bench.rooms import ChatRooms, PeerRooms, RoomServer

WRITE_LOOP = Peer(
    "write_loop", "a bare os.write loop", (sys.executable, "-m", "bench.limits.write_loop"),
    wants_directory=False, speaks_http=False,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stage:
    """What a scenario is given.

    Args:
        directory: for files, on the disk that is measured.
        peers: those that can run here.
        sockets_max: how many sockets one process may have here.
        rounds: how often each contestant takes its turn.
        seconds: how long one turn lasts.
        remarks: what came up in the scenario that runs.
        scale: what the large numbers are multiplied with; 1 but when it has to be quick.
    """

    directory: Path
    cast: Cast
    peers: Sequence[Peer]
    sockets_max: int
    rounds: int
    seconds: float
    scale: float
    remarks: list[str] = field(default_factory=list)
    _directories: Iterator[int] = field(default_factory=lambda: count(1))

    def new_directory(self) -> Path:
        path = self.directory / f"run-{next(self._directories)}"
        path.mkdir(mode=0o700)
        return path

    def copy_of_data(self) -> Path:
        """A data directory with the cast and no messages."""
        return self.cast.copy(self.directory / f"run-{next(self._directories)}")

    @contextmanager
    def chat(
        self, *flags: str, data_dir: Path | None = None, name: str = "chat", limited: bool = False
    ) -> Iterator[ChatRooms]:
        """Run our server with the cast, and afterwards make sure that everything sent through it is on disk.

        Args:
            limited: whether the limits on what one person may do hold.
            data_dir: kept afterwards; without it a copy is made and removed.
        """
        directory = data_dir or self.copy_of_data()
        try:
            with chat_server(directory, *flags, limited=limited) as server:
                rooms = ChatRooms(name, server, self.cast, directory)
                yield rooms
            rooms.check_stored()
        finally:
            if data_dir is None:
                shutil.rmtree(directory, ignore_errors=True)

    @contextmanager
    def peer(self, peer: Peer) -> Iterator[PeerRooms]:
        directory = self.new_directory()
        try:
            log = directory / "server.log"
            with peer_server(peer.command, directory if peer.wants_directory else None, log) as server:
                yield PeerRooms(peer.title, server)
        finally:
            shutil.rmtree(directory, ignore_errors=True)

    @contextmanager
    def contestants(
        self, *also: Peer, only: Sequence[str] = (), without: Sequence[str] = ()
    ) -> Iterator[list[RoomServer]]:
        """Run our server, the peers (or only some) and what else is given, all at once; each idles when not in turn."""
        with ExitStack() as stack:
            peers = [peer for peer in self.peers if (not only or peer.name in only) and peer.name not in without]
            yield [
                stack.enter_context(self.chat()),
                *[stack.enter_context(self.peer(peer)) for peer in (*peers, *also)],
            ]

    def is_peer(self, name: str) -> bool:
        return any(peer.title == name for peer in self.peers)

    def scaled(self, number: int) -> int:
        return max(1, int(number * self.scale))
