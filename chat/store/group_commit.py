"""Group commit: everything that queued while the last commit ran goes to disk together.

The contract, for whoever changes this file:

1. One task writes. A batch MUST be committed before its messages are published, and published before the
   next one is taken, so commit order, cursor order and the order on every socket are the same.
2. Between a commit and its publication there MUST be no await: nobody may learn of a message by another
   way (a repeat, a listing) and then still have to wait for it.
3. Each submitted draft MUST get exactly one answer: the stored message, the message it repeats, or a failure.
4. No timer: a lone message is written at once, and a batch grows only while the disk is busy.
5. Whatever else takes a cursor, or decides whether messages may still come, MUST be carried out by the same task, one
   change between two batches: so it has its place in the one order, and 1 to 3 hold for it too.
6. Once a room or a person is gone, no message of theirs MUST be stored or acknowledged: what waits is answered as
   failed, and what was on its way here when it happened is as well.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

from chat.errors import ChatError, StorageUnavailable
from chat.models import Draft, Message, Room, User
from chat.store.database import Database, Execute
from chat.store.messages import (
    DELETION_LOG_BYTES,
    delete_message,
    delete_messages,
    find_messages_by_client_id,
    insert_messages,
)
from chat.store.rooms import delete_room

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
_Result = TypeVar("_Result")
# (the transaction, the first of its cursors, the time in ms) → what was changed
_Apply = Callable[[Execute, int, int], Awaitable[_Result]]

# A send that was let through before its room was deleted comes within seconds; nobody deletes this many meanwhile.
_GONE_MAX = 10_000
_NOT_CHANGED = "The message store cannot take this right now; nothing was changed. Try again in a moment."


class _Change(NamedTuple):
    """What is carried out between two batches.

    Args:
        cursors: the most that it needs.
        waiting_since: by time.perf_counter.
        then: called with the result in the step in which it comes back from the disk.
    """

    apply: _Apply[Any]
    cursors: int
    waiting_since: float
    then: Callable[[Any], None]
    outcome: asyncio.Future[Any]


class GroupCommit:
    """The queue of accepted messages and the one task that stores them.

    Args:
        publish: called after every commit with its messages in cursor order.
        first_id: the id of the next message.
        queue_max_messages, queue_max_bytes: beyond these `is_full`.
        batch_max_messages, batch_max_bytes: the most that one commit holds.
        changes_max: the most changes that wait; more are refused.
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
        changes_max: int,
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
        self._changes_max = changes_max
        self._clock = clock
        self._on_commit = on_commit
        self._arrivals = _Arrivals()
        self._queue: deque[_Submission] = deque()
        self._queue_bytes = 0
        self._changes: deque[_Change] = deque()
        self._gone: dict[tuple[type, int], None] = {}  # Room or User, and the id; in the order they went
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
        if self._has_ended or (self._gone and self._is_gone(draft)):
            answer(None, False)
            return
        if self._arrivals.wants_next:
            self._arrivals.note(len(self._queue))
        self._queue.append((draft, answer))
        self._queue_bytes += _size(draft)
        self._idle.clear()
        self._work.set()

    async def delete_message(self, message_id: int, actor: User | None) -> Message | None:
        """Empty a message and publish that; None when there is none with this id.

        Raises:
            Forbidden: the actor is no admin.
            StorageUnavailable: not now; nothing was changed.
        """
        emptied = await self._change(
            lambda execute, cursor, now: delete_message(execute, message_id, actor, cursor, now),
            cursors=1,
            then=self._publish,
        )
        return next(iter(emptied), None)

    async def delete_messages(self, message_ids: Sequence[int]) -> list[Message]:
        """Empty those of these messages that exist, in one commit, and publish that; raises as `delete_message`."""
        return await self._change(
            lambda execute, cursor, now: delete_messages(execute, message_ids, cursor, now),
            cursors=len(message_ids),
            then=self._publish,
        )

    async def delete_room(self, room: Room, actor: User | None, then: Callable[[Sequence[int]], None]) -> bool:
        """Delete a room; from then on no message to it is stored. False when it was deleted before.

        Args:
            then: called with the ids of those who were members, in the step in which it comes back from the disk.

        Raises:
            Forbidden: the actor is no admin.
            StorageUnavailable: not now; nothing was changed.
        """

        def gone(member_ids: Sequence[int] | None) -> None:
            if member_ids is not None:
                self._turn_away(Room, room.room_id)
                then(member_ids)

        member_ids = await self._change(
            lambda execute, _, now: delete_room(execute, room, actor, now), cursors=0, then=gone
        )
        return member_ids is not None

    async def turn_away_sender(self, user_id: int) -> None:
        """Store nothing more of a person whose account is gone: on return, what they said is all on disk.

        Raises:
            StorageUnavailable: not now; something may still be under way.
        """
        self._turn_away(User, user_id)
        await self.delete_messages(())  # waits its turn behind the batch that is under way

    async def drain(self) -> None:
        """Return when everything submitted so far has been committed, published and answered."""
        await self._idle.wait()

    async def run(self) -> None:
        """Commit batch after batch, for as long as the server runs."""
        try:
            while True:
                await self._work.wait()
                while self._queue or self._changes:
                    if self._queue:
                        batch = self._take_batch()
                        accepted = self._arrivals.take(len(batch))
                        self._space.set()
                        await self._commit(batch, accepted)
                    if self._changes:
                        await self._carry_out(self._changes.popleft())
                self._work.clear()
                self._idle.set()
        finally:
            self._has_ended = True
            _answer_failed(self._queue)
            self._queue.clear()
            self._queue_bytes = 0
            for change in self._changes:
                _fail(change, StorageUnavailable(_NOT_CHANGED))
            self._space.set()
            self._idle.set()

    async def _change(self, apply: _Apply[_Result], *, cursors: int, then: Callable[[_Result], None]) -> _Result:
        if self._has_ended or len(self._changes) >= self._changes_max:
            raise StorageUnavailable(_NOT_CHANGED)
        outcome: asyncio.Future[_Result] = asyncio.get_running_loop().create_future()
        self._changes.append(_Change(apply, cursors, time.perf_counter(), then, outcome))
        self._idle.clear()
        self._work.set()
        return await outcome

    async def _carry_out(self, change: _Change) -> None:
        first_cursor = self._next_id
        # As with messages: a cursor that may have reached the disk is never used again.
        self._next_id += change.cursors
        try:
            log_bytes = change.cursors * DELETION_LOG_BYTES
            async with self._database.transaction(
                content_bytes=log_bytes, ahead=True, waiting_since=change.waiting_since
            ) as execute:
                result = await change.apply(execute, first_cursor, int(self._clock() * 1000))
        except ChatError as error:
            _fail(change, error)
            return
        change.then(result)
        if not change.outcome.done():  # else whoever asked for it has gone away
            change.outcome.set_result(result)

    def _turn_away(self, kind: type, number: int) -> None:
        """Let no more messages of a room or a person through, and take those out that wait."""
        self._gone[kind, number] = None
        if len(self._gone) > _GONE_MAX:
            del self._gone[next(iter(self._gone))]
        turned_away = [submission for submission in self._queue if self._is_gone(submission[0])]
        if turned_away:
            self._queue = deque(submission for submission in self._queue if not self._is_gone(submission[0]))
            self._queue_bytes -= sum(_size(draft) for draft, _ in turned_away)
            self._arrivals.wants_next = True
            self._space.set()
            _answer_failed(turned_away)

    def _is_gone(self, draft: Draft) -> bool:
        return (Room, draft.room.room_id) in self._gone or (User, draft.user.user_id) in self._gone

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
            stored_ids = await insert_messages(
                self._database, [draft for draft, _ in batch], first_id, created_ms, accepted
            )
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
    """When the messages in the queue were accepted, to within one commit: a look at the clock for each would cost.

    Those that stood behind messages that were turned away count as a little older than they are, never as younger.
    """

    def __init__(self) -> None:
        self.wants_next = True
        self._taken = 0
        self._noted: deque[tuple[int, float]] = deque()  # (number of a message, when it came): the first after a take

    def note(self, waiting: int) -> None:
        """Remember the time for the message that now comes after this many."""
        number = self._taken + waiting
        while self._noted and self._noted[-1][0] >= number:
            self._noted.pop()  # messages were turned away, and those behind them have moved up
        self._noted.append((number, time.perf_counter()))
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


def _fail(change: _Change, error: ChatError) -> None:
    if not change.outcome.done():
        change.outcome.set_exception(error)


def _answer_failed(submissions: Iterable[_Submission]) -> None:
    for _, answer in submissions:
        answer(None, False)


def _size(draft: Draft) -> int:
    # Characters, not bytes: exact for ASCII, within a factor of four for the rest, and free.
    return len(draft.text)
