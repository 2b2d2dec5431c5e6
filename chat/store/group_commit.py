"""Group commit: everything that queued while the last commit ran goes to disk together.

The contract, for whoever changes this file:

1. One task writes. A batch MUST be committed before its messages are published, and published before the
   next one is taken, so commit order, cursor order and the order on every socket are the same.
2. Between a commit and its publication there MUST be no await: nobody may learn of a message by another
   way (a repeat, a listing) and then still have to wait for it.
3. Each submitted draft MUST get exactly one answer: the stored message, the message it repeats, or a failure.
4. No timer: a lone message is written at once, and a batch grows only while the disk is busy.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from chat.errors import StorageUnavailable
from chat.models import Draft, Message
from chat.store.database import Database
from chat.store.messages import find_messages_by_client_id, insert_messages

# Called with the message that is on disk and whether it was there before, or with None: it was not stored.
Answer = Callable[[Message | None, bool], None]
Publish = Callable[[Sequence[Message]], None]
Clock = Callable[[], float]


class Committed(NamedTuple):
    """What one commit did, for whoever keeps count.

    Args:
        stored, repeats: messages that were new, and those that were there before.
        seconds: from the first byte to the disk's answer.
        oldest_wait_seconds: from accepting the oldest of them to publishing it; too long by at most one commit.
    """

    stored: int
    repeats: int
    seconds: float
    oldest_wait_seconds: float


OnCommit = Callable[[Committed], None]


_Submission = tuple[Draft, Answer]


class GroupCommit:
    """The queue of accepted messages and the one task that stores them.

    Args:
        publish: called after every commit with its messages in cursor order.
        first_id: the id of the next message.
        queue_max_messages, queue_max_bytes: beyond these `is_full`.
        batch_max_messages, batch_max_bytes: the most that one commit holds.
        clock: seconds since 1970 UTC.
        on_commit: told of every commit that succeeded, after its senders; it must neither block nor raise.
    """

    def __init__(
        self,
        database: Database,
        publish: Publish,
        *,
        first_id: int,
        queue_max_messages: int,
        queue_max_bytes: int,
        batch_max_messages: int,
        batch_max_bytes: int,
        clock: Clock = time.time,
        on_commit: OnCommit | None = None,
    ) -> None:
        self._database = database
        self._publish = publish
        self._next_id = first_id
        self._queue_max_messages = queue_max_messages
        self._queue_max_bytes = queue_max_bytes
        self._batch_max_messages = batch_max_messages
        self._batch_max_bytes = batch_max_bytes
        self._clock = clock
        self._on_commit = on_commit
        self._arrivals = _Arrivals()
        self._queue: deque[_Submission] = deque()
        self._queue_bytes = 0
        self._work = asyncio.Event()
        self._space = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._has_ended = False

    @property
    def is_full(self) -> bool:
        return len(self._queue) >= self._queue_max_messages or self._queue_bytes >= self._queue_max_bytes

    @property
    def has_ended(self) -> bool:
        """Whether nothing is stored any more: the server stops, or the writing task died."""
        return self._has_ended

    async def wait_for_space(self) -> None:
        """Return when the queue takes another message."""
        while self.is_full:
            self._space.clear()
            await self._space.wait()

    def submit(self, draft: Draft, answer: Answer) -> None:
        """Queue a message for the next commit.

        Args:
            answer: called once, from the writing task; it must neither block nor raise.
        """
        if self._has_ended:
            answer(None, False)
            return
        if self._arrivals.wants_next:
            self._arrivals.note(len(self._queue))
        self._queue.append((draft, answer))
        self._queue_bytes += _size(draft)
        self._idle.clear()
        self._work.set()

    async def drain(self) -> None:
        """Return when everything submitted so far has been committed, published and answered."""
        await self._idle.wait()

    async def run(self) -> None:
        """Commit batch after batch, for as long as the server runs."""
        try:
            while True:
                await self._work.wait()
                while self._queue:
                    batch = self._take_batch()
                    accepted = self._arrivals.take(len(batch))
                    self._space.set()
                    await self._commit(batch, accepted)
                self._work.clear()
                self._idle.set()
        finally:
            self._has_ended = True
            _answer_failed(self._queue)
            self._idle.set()

    def _take_batch(self) -> list[_Submission]:
        batch: list[_Submission] = []
        batch_bytes = 0
        while self._queue and len(batch) < self._batch_max_messages:
            size = _size(self._queue[0][0])
            if batch and batch_bytes + size > self._batch_max_bytes:
                break
            batch.append(self._queue.popleft())
            batch_bytes += size
        self._queue_bytes -= batch_bytes
        return batch

    async def _commit(self, batch: Sequence[_Submission], accepted: float) -> None:
        first_id = self._next_id
        # Also when the commit fails: an id that may have reached the disk is never used for another message.
        self._next_id += len(batch)
        created_ms = int(self._clock() * 1000)
        began = time.perf_counter()
        try:
            stored_ids = await insert_messages(self._database, [draft for draft, _ in batch], first_id, created_ms)
        except StorageUnavailable:
            _answer_failed(batch)
            return
        committed = time.perf_counter()
        stored, repeats = [], []
        for message_id, (draft, answer) in enumerate(batch, first_id):
            if message_id in stored_ids:
                stored.append((_message(message_id, draft, created_ms), answer))
            else:
                repeats.append((draft, answer))
        self._publish([message for message, _ in stored])
        published = time.perf_counter()
        for message, answer in stored:
            answer(message, False)
        if self._on_commit is not None:
            self._on_commit(Committed(len(stored), len(repeats), committed - began, published - accepted))
        if repeats:
            await self._answer_repeats(repeats)

    async def _answer_repeats(self, repeats: Sequence[_Submission]) -> None:
        try:
            originals = await find_messages_by_client_id(self._database, [draft for draft, _ in repeats])
        except StorageUnavailable:
            _answer_failed(repeats)
            return
        for draft, answer in repeats:
            answer(originals.get((draft.user.user_id, draft.client_id)), True)


class _Arrivals:
    """When the messages in the queue were accepted, to within one commit: a look at the clock for each would cost."""

    def __init__(self) -> None:
        self.wants_next = True
        self._taken = 0
        self._noted: deque[tuple[int, float]] = deque()  # (number of a message, when it came): the first after a take

    def note(self, waiting: int) -> None:
        """Remember the time for the message that now comes after this many."""
        self._noted.append((self._taken + waiting, time.perf_counter()))
        self.wants_next = False

    def take(self, count: int) -> float:
        """When the first of the next messages was accepted, or a little before."""
        while len(self._noted) > 1 and self._noted[1][0] <= self._taken:
            self._noted.popleft()
        self._taken += count
        self.wants_next = True
        return self._noted[0][1]


def _message(message_id: int, draft: Draft, created_ms: int) -> Message:
    user, room = draft.user, draft.room
    return Message(
        message_id, message_id, room.room_id, room.name, user.user_id, user.username,
        draft.text, created_ms, draft.client_id,
    )  # fmt: skip


def _answer_failed(submissions: Iterable[_Submission]) -> None:
    for _, answer in submissions:
        answer(None, False)


def _size(draft: Draft) -> int:
    # Characters, not bytes: exact for ASCII, within a factor of four for the rest, and free.
    return len(draft.text)
