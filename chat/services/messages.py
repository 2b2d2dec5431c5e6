"""What a person can do about messages: send one, delete one, read a page, read a whole room.

A send over HTTP and a send over a socket are the same `send`.
"""

from __future__ import annotations

from dataclasses import dataclass

from chat.errors import BrokenRule, Unknown
from chat.models import Draft, Message, Room, User
from chat.protocol import CLIENT_ID_MAX_CHARACTERS
from chat.settings import Settings
from chat.store import messages
from chat.store.database import Database
from chat.store.group_commit import Answer, GroupCommit

# A reading thread has the core for well under a millisecond with so many; what is published waits no longer for it.
_READ_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Page:
    """Some messages of a room, oldest first.

    Args:
        next: the id to give as `before` (or `after`, when that was given) for the next page; None on the last.
    """

    messages: list[Message]
    next: int | None


def send(commits: GroupCommit, settings: Settings, draft: Draft, answer: Answer) -> None:
    """Accept a message for the next commit; the caller has made sure that the user is a member of the room.

    Args:
        answer: called once with the outcome.

    Raises:
        BrokenRule: the message or the client_id is empty or too long; nothing was accepted.
    """
    text, client_id = draft.text, draft.client_id
    if not text:
        raise BrokenRule("A message needs at least one character.", "message_empty")
    if len(text) > settings.message_max_characters:
        raise BrokenRule(f"A message has at most {settings.message_max_characters:,} characters.", "message_too_long")
    if client_id is not None and not 1 <= len(client_id) <= CLIENT_ID_MAX_CHARACTERS:
        raise BrokenRule(f"A client_id has 1 to {CLIENT_ID_MAX_CHARACTERS} characters.", "client_id_length")
    commits.submit(draft, answer)


async def delete_message(commits: GroupCommit, actor: User | None, message_id: int) -> Message:
    """Take the text of a message away for good; everyone who has seen it is told, live or when they are back.

    Args:
        actor: the admin who does it; None: whoever runs the server. The audit log says so.

    Returns:
        What is left of it, with the cursor of its deletion.

    Raises:
        Unknown: there is no message with this id, or it was deleted before.
        StorageUnavailable: not now; nothing was changed.
    """
    deleted = await commits.delete_message(message_id, actor)
    if deleted is None:
        raise Unknown("There is no message with this id.", "unknown_message")
    return deleted


async def read_page(
    database: Database, room: Room, *, before: int | None, after: int | None, up_to: int, limit: int
) -> Page:
    """A page of history: the newest messages, those before an id, or those after one.

    Args:
        before, after: ids, themselves left out.
        up_to: the newest id that may be given.
        limit: most messages on the page.

    Raises:
        StorageUnavailable: not now.
    """
    end = up_to + 1 if before is None else min(before, up_to + 1)
    if after is None:
        found = await _read_newest(database, room, before=end, limit=limit + 1)
        page = found[-limit:]
        return Page(page, page[0].message_id if len(found) > limit else None)
    found = await _read_oldest(database, room, after=after, before=end, limit=limit + 1)
    page = found[:limit]
    return Page(page, page[-1].message_id if len(found) > limit else None)


async def _read_newest(database: Database, room: Room, *, before: int, limit: int) -> list[Message]:
    found: list[Message] = []
    while len(found) < limit:
        count = min(_READ_AT_ONCE, limit - len(found))
        older = await messages.list_messages_before(database, room.room_id, before=before, limit=count)
        found[:0] = older
        if len(older) < count:
            break
        before = older[0].message_id
    return found


async def _read_oldest(database: Database, room: Room, *, after: int, before: int, limit: int) -> list[Message]:
    found: list[Message] = []
    while len(found) < limit:
        count = min(_READ_AT_ONCE, limit - len(found))
        newer = await messages.list_messages_after(database, room.room_id, after=after, before=before, limit=count)
        found += newer
        if len(newer) < count:
            break
        after = newer[-1].message_id
    return found


async def read_on(
    database: Database, room: Room, *, before: int | None, after: int | None, up_to: int, limit: int
) -> list[Message]:
    """The oldest messages between two ids: what a listing of many goes on with; none at its end.

    Args:
        before, after, up_to, limit: as `read_page`.

    Raises:
        StorageUnavailable: not now.
    """
    end = up_to + 1 if before is None else min(before, up_to + 1)
    return await messages.list_messages_after(database, room.room_id, after=after or 0, before=end, limit=limit)
