"""Everything that can be refused, each with a stable code that clients may rely on.

    ChatError
    ├── Malformed            the request cannot be understood
    ├── NotSignedIn          no session, or it has ended
    ├── WrongCredentials     the name and the password do not go together
    ├── Forbidden            signed in, but not allowed
    ├── Unknown              there is no such thing
    ├── Taken                the name is in use
    ├── Conflict             what there is at the moment does not allow it
    ├── TooLarge             more bytes than a setting allows
    ├── Unsupported          a kind of content this server does not read
    ├── BrokenRule           understood, but a value breaks a rule
    ├── TooMany              a limit on how often or how many; come back when it says
    ├── Busy                 a bounded queue is full; come back in a moment
    ├── StorageUnavailable   the database could not take the change; nothing was stored
    ├── CommandRefused       the operator's command cannot be carried out as it was given
    └── StartRefused         the server cannot start as it is set up
        └── DirectoryInUse   another process holds the data directory

No HTTP here: the web layer gives each class its status.
"""

from __future__ import annotations


class ChatError(Exception):
    """A refusal that a person can read: one plain sentence and a stable code.

    Args:
        sentence: what is wrong and, where it helps, how to mend it.
        code: the slug clients may test for; each class has a default.
    """

    code = "error"

    def __init__(self, sentence: str, code: str | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        if code is not None:
            self.code = code


class Malformed(ChatError):
    code = "malformed"


class NotSignedIn(ChatError):
    code = "not_signed_in"


class WrongCredentials(ChatError):
    code = "wrong_credentials"


class Forbidden(ChatError):
    code = "forbidden"


class Unknown(ChatError):
    code = "not_found"


class Taken(ChatError):
    code = "name_taken"


class Conflict(ChatError):
    code = "conflict"


class TooLarge(ChatError):
    code = "too_large"


class Unsupported(ChatError):
    code = "unsupported_media_type"


class BrokenRule(ChatError):
    code = "invalid_value"


class TooMany(ChatError):
    """A limit is used up.

    Args:
        retry_after_seconds: when trying again may help.
    """

    code = "too_many_requests"

    def __init__(self, sentence: str, code: str | None = None, *, retry_after_seconds: float = 1) -> None:
        super().__init__(sentence, code)
        self.retry_after_seconds = retry_after_seconds


class Busy(ChatError):
    code = "busy"


class StorageUnavailable(ChatError):
    code = "storage_unavailable"


class CommandRefused(ChatError):
    code = "command_refused"


class StartRefused(ChatError):
    code = "start_refused"


class DirectoryInUse(StartRefused):
    """Another process holds the data directory.

    Args:
        holder: what it is doing: "server", or the name of a command.
    """

    def __init__(self, sentence: str, holder: str) -> None:
        super().__init__(sentence)
        self.holder = holder
