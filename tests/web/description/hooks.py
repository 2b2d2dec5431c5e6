"""Who schemathesis is; it reads this file in a process of its own."""

from __future__ import annotations

import itertools
import os
from typing import Any

import requests
import schemathesis

SERVER, COOKIE_NAME, COOKIE = os.environ["SERVER"], os.environ["COOKIE_NAME"], os.environ["COOKIE"]

# Whoever has done one of these can do less than before: each time it is someone new.
DESTRUCTIVE = {"logout", "logout_by_link", "end_session", "change_password", "delete_account", "leave_room"}

_numbers = itertools.count()


@schemathesis.auth(refresh_interval=None)
class Cookie:
    def get(self, case: schemathesis.Case[Any], context: schemathesis.AuthContext) -> str | None:  # noqa: ARG002
        described = case.operation.definition.raw
        if not COOKIE or not described["security"]:  # who signs in with a cookie gives up its session
            return None
        return _someone_new() if described["operationId"] in DESTRUCTIVE else COOKIE

    def set(self, case: schemathesis.Case[Any], data: Any, context: schemathesis.AuthContext) -> None:  # noqa: ARG002
        if data is not None:
            case.cookies[COOKIE_NAME] = data


def _someone_new() -> str:
    """The cookie of a new user in the room `lobby`, which an admin may have deleted."""
    session = requests.Session()
    fields = {"username": f"throwaway {next(_numbers)}", "password": "correct horse battery"}
    session.post(f"{SERVER}/create_user", json=fields, timeout=10).raise_for_status()
    for path in ("/create_room", "/join_room"):
        session.post(SERVER + path, json={"room": "lobby"}, timeout=10)
    return str(session.cookies[COOKIE_NAME])
