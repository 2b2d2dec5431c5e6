"""`user …`: the accounts."""

from __future__ import annotations

import argparse
import getpass
import sys
from typing import Any

from chat.commands.acting import carry_out
from chat.commands.links import link_in, what_is_missing
from chat.commands.output import EXIT_OK, Commands, complain, say, takes_json
from chat.errors import CommandRefused
from chat.settings import Settings
from chat.store.data_directory import DATABASE_NAME

# More than any password, and no more.
_LINE_MAX_BYTES = 4096


def add_to(commands: Commands, data_dir: argparse.ArgumentParser) -> None:
    parser = commands.add_parser("user", help="add, list, deactivate people; make a reset link")
    acts = parser.add_subparsers(metavar="ACT", required=True, title="acts")

    add = acts.add_parser(
        "add",
        parents=[data_dir],
        help="make an account; prints its id",
        description="Make an account, whatever the setting registration says. The password is asked for twice on a "
        "terminal, else it is one line of standard input. The first account of a server is an admin. When there is no "
        "database yet, it is made.",
    )
    add.add_argument("name", metavar="NAME")
    add.add_argument("--admin", action="store_true", help="make them an admin")
    add.set_defaults(run=_add)

    listing = acts.add_parser("list", parents=[data_dir], help="list everyone who has an account")
    listing.set_defaults(run=_list)

    reset = acts.add_parser(
        "reset-password",
        parents=[data_dir],
        help="print a link with which someone can choose a new password, once",
        description="Print a link with which NAME can choose a new password, once, within the time of the setting "
        "password_reset_seconds. A new one takes the place of the last. Where the setting origin is empty, it is a "
        "path: put the address of the server before it.",
    )
    reset.add_argument("name", metavar="NAME")
    reset.set_defaults(run=_reset_password)

    deactivate = acts.add_parser(
        "deactivate", parents=[data_dir], help="sign someone out everywhere at once, and keep them out"
    )
    deactivate.add_argument("name", metavar="NAME")
    deactivate.set_defaults(run=_deactivate)

    reactivate = acts.add_parser("reactivate", parents=[data_dir], help="let someone sign in again")
    reactivate.add_argument("name", metavar="NAME")
    reactivate.set_defaults(run=_reactivate)

    admin = acts.add_parser("admin", parents=[data_dir], help="make someone an admin, or no longer one")
    admin.add_argument("name", metavar="NAME")
    admin.add_argument("--remove", action="store_true", help="take the rights away")
    admin.set_defaults(run=_admin)

    for act in (add, listing, reset, deactivate, reactivate, admin):
        takes_json(act)


def _add(arguments: argparse.Namespace, settings: Settings) -> int:
    fields = {"username": arguments.name, "password": _read_password(), "admin": arguments.admin}
    is_first = not (settings.data_dir / DATABASE_NAME).exists()
    answer = carry_out(settings, "user", "add_user", fields, makes_database=True)
    if is_first:
        complain(f"There was no database in {settings.data_dir.absolute()}; it was made.")
    say(arguments, answer, str(answer["user_id"]))
    return EXIT_OK


def _list(arguments: argparse.Namespace, settings: Settings) -> int:
    answer = carry_out(settings, "user", "list_users", {})
    say(arguments, answer, *map(_line, answer["users"]))
    return EXIT_OK


def _reset_password(arguments: argparse.Namespace, settings: Settings) -> int:
    answer = carry_out(settings, "user", "create_password_reset", {"username": arguments.name})
    say(arguments, answer, link_in(answer))
    if not arguments.json:
        complain(f"Works once, until {answer['expires']}.{what_is_missing(answer)}")
    return EXIT_OK


def _deactivate(arguments: argparse.Namespace, settings: Settings) -> int:
    answer = carry_out(settings, "user", "deactivate_user", {"username": arguments.name})
    say(arguments, answer, f"{answer['username']} is signed out everywhere and cannot sign in.")
    return EXIT_OK


def _reactivate(arguments: argparse.Namespace, settings: Settings) -> int:
    answer = carry_out(settings, "user", "reactivate_user", {"username": arguments.name})
    say(arguments, answer, f"{answer['username']} can sign in.")
    return EXIT_OK


def _admin(arguments: argparse.Namespace, settings: Settings) -> int:
    act = "remove_admin" if arguments.remove else "make_admin"
    answer = carry_out(settings, "user", act, {"username": arguments.name})
    say(arguments, answer, f"{answer['username']} is {'no longer' if arguments.remove else 'now'} an admin.")
    return EXIT_OK


def _line(user: dict[str, Any]) -> str:
    marks = [mark for mark in ("admin", "deactivated") if user.get(mark)]
    return f"{user['user_id']:>6}  {user['username']}" + (f"  ({', '.join(marks)})" if marks else "")


def _read_password() -> str:
    if not sys.stdin.isatty():
        line = sys.stdin.buffer.readline(_LINE_MAX_BYTES).removesuffix(b"\n").removesuffix(b"\r")
        try:
            return line.decode()
        except UnicodeDecodeError:
            raise CommandRefused("The password on standard input is not UTF-8.") from None
    password = getpass.getpass("Password: ")
    if getpass.getpass("The same again: ") != password:
        raise CommandRefused("The two passwords differ; nothing was done.")
    return password
