"""`invite …`: links with which people can sign up where not everyone can."""

from __future__ import annotations

import argparse

from chat.commands.acting import carry_out
from chat.commands.links import link_in, what_is_missing
from chat.commands.output import EXIT_OK, Commands, complain, say, takes_json
from chat.settings import Settings


def add_to(commands: Commands, data_dir: argparse.ArgumentParser) -> None:
    parser = commands.add_parser(
        "invite",
        parents=[data_dir],
        help="print a link with which people can sign up; list and revoke them",
        description="Print a link with which people can sign up while the setting registration is invite. Where the "
        "setting origin is empty, it is a path: put the address of the server before it.",
    )
    parser.add_argument("--uses", type=int, metavar="N", help="how many accounts it lets in (default: 1)")
    parser.add_argument("--hours", type=int, metavar="N", help="how long it lasts (default: 168, a week)")
    takes_json(parser)
    parser.set_defaults(run=_create)
    acts = parser.add_subparsers(metavar="ACT", title="acts")

    listing = acts.add_parser("list", parents=[data_dir], help="list the invites that still let someone in")
    takes_json(listing)
    listing.set_defaults(run=_list)

    revoke = acts.add_parser("revoke", parents=[data_dir], help="end an invite; accounts that it let in stay")
    revoke.add_argument("invite_id", metavar="ID", type=int)
    takes_json(revoke)
    revoke.set_defaults(run=_revoke)


def _create(arguments: argparse.Namespace, settings: Settings) -> int:
    answer = carry_out(settings, "invite", "create_invite", {"uses": arguments.uses, "hours": arguments.hours})
    say(arguments, answer, link_in(answer))
    if not arguments.json:
        complain(f"Lets in {answer['uses_left']:,}, until {answer['expires']}.{what_is_missing(answer)}")
    return EXIT_OK


def _list(arguments: argparse.Namespace, settings: Settings) -> int:
    answer = carry_out(settings, "invite", "list_invites", {})
    lines = (
        f"{invite['invite_id']:>6}  lets in {invite['uses_left']:,} until {invite['expires']}, "
        f"made by {invite['created_by'] or 'the operator'}"
        for invite in answer["invites"]
    )
    say(arguments, answer, *lines)
    return EXIT_OK


def _revoke(arguments: argparse.Namespace, settings: Settings) -> int:
    answer = carry_out(settings, "invite", "revoke_invite", {"invite_id": arguments.invite_id})
    say(arguments, answer, f"Invite {answer['invite_id']} lets nobody in any more.")
    return EXIT_OK
