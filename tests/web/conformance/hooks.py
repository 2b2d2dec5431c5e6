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
    def get(self, case: schemathesis.Case, context: schemathesis.AuthContext) -> str | None:  # noqa: ARG002
        described = case.operation.definition.raw
        if not COOKIE or not described["security"]:  # who signs in with a cookie gives up its session
            return None
        return _someone_new() if described["operationId"] in DESTRUCTIVE else COOKIE

    def set(self, case: schemathesis.Case, data: Any, context: schemathesis.AuthContext) -> None:  # noqa: ARG002
        if data is not None:
            case.cookies[COOKIE_NAME] = data


def _someone_new() -> str:
    fields = {"username": f"throwaway {next(_numbers)}", "password": "correct horse battery"}
    answer = requests.post(f"{SERVER}/create_user", json=fields, timeout=10)
    answer.raise_for_status()
    requests.post(f"{SERVER}/join_room", json={"room": "lobby"}, cookies=answer.cookies, timeout=10).raise_for_status()
    return str(answer.cookies[COOKIE_NAME])
