"""What every socket of a room must get: the same bytes, with each message once and in order."""

from __future__ import annotations

from collections import defaultdict

from bench.load.wire import MARKER

# As many bytes as a marker has, less one: what a marker may still begin in.
_OPEN_END = len("<0000:00000000>") - 1


class WorkNotDone(Exception):
    """A server did not do what was asked of it, so there is nothing to measure."""


class RoomStream:
    """The bytes that every socket of a room gets, from one message on, without pings.

    A server frame is not masked and all sockets of a room get the same ones. So whichever socket is first tells what
    comes; that is searched for messages once, and everybody else only needs to get the same bytes.

    Args:
        name: how it is called when something is wrong.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.content = bytearray()
        self.ends: list[int] = []  # where each message was complete, by position in `content`
        self.own_ends: defaultdict[int, list[int]] = defaultdict(list)  # the same of one sender's
        self.last_numbers: defaultdict[int, int] = defaultdict(int)
        self._searched = 0
        self._missing = 0  # bytes of the last frame that nobody has yet

    @property
    def is_between_frames(self) -> bool:
        return not self._missing

    def extend(self, data: bytes) -> int:
        """Add what came next on some socket, up to a control frame or to a frame whose head is not whole.

        Returns:
            How many bytes were taken.

        Raises:
            WorkNotDone: a message is missing, came twice or out of order.
        """
        end = self._missing
        while end < len(data) and (size := data_frame_size(data, end)):
            end += size
        taken = min(end, len(data))
        self._missing = end - taken
        self.content += data[:taken]
        self._search()
        return taken

    def restart(self) -> None:
        """Forget the bytes, which everybody has had; the numbers go on."""
        self.content.clear()
        self.ends.clear()
        self.own_ends.clear()
        self._searched = 0

    def _search(self) -> None:
        for match in MARKER.finditer(self.content, self._searched):
            sender, number, end = int(match[1]), int(match[2]), match.end()
            if number != self.last_numbers[sender] + 1:
                raise WorkNotDone(
                    f"{self.name}: after message {self.last_numbers[sender]} of sender {sender} came {number}."
                )
            self.last_numbers[sender] = number
            self.ends.append(end)
            self.own_ends[sender].append(end)
            self._searched = end
        self._searched = max(self._searched, len(self.content) - _OPEN_END)


def data_frame_size(data: bytes, at: int) -> int:
    """The bytes of the data frame that begins there (RFC 6455, 5.2); 0 for a control frame or a head not whole."""
    head = data[at : at + 10]
    if len(head) < 2 or is_control(head[0]):
        return 0
    if head[1] < 126:
        return 2 + head[1]
    if head[1] == 126:
        return 4 + int.from_bytes(head[2:4], "big") if len(head) >= 4 else 0
    return 10 + int.from_bytes(head[2:10], "big") if len(head) == 10 else 0


def is_control(first_byte: int) -> bool:
    """Whether a frame is a close, a ping or a pong: their first byte is that of no text, which is UTF-8."""
    return 0x88 <= first_byte <= 0x8A
