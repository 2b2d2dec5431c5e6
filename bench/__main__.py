"""The command: `python -m bench`."""

from __future__ import annotations

import argparse
import dataclasses
import os
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bench import machine
from bench.cast import sign_up_cast
from bench.load.room_stream import WorkNotDone
from bench.peers.available import available_peers
from bench.processes import ROOT, ServerFailed
from bench.report import print_result, print_summary
from bench.results import Result, load_results, save_results
from bench.scenarios import ALL, QUICK
from bench.stage import Stage

_DIRECTORY = ROOT / ".bench"
_RESULTS = _DIRECTORY / "results.json"
_PEOPLE, _PEOPLE_QUICK = 200, 100


def main(arguments: Sequence[str]) -> int:
    """Measure what is asked for; the exit code is 1 when a figure is not reached or there is none."""
    options = _parser().parse_args(arguments)
    if machine.server_core() == machine.load_core():
        print("This machine has one core: server and load share it, and the figures are worth little.")
    sockets_max = machine.allow_many_sockets()
    os.sched_setaffinity(0, {machine.load_core()})
    work = _DIRECTORY / "work"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    try:
        stage = _stage(options, work, sockets_max)
        results, failures = _measure(stage, options.only or (QUICK if options.quick else tuple(ALL)))
        if not options.quick:
            save_results(_RESULTS, machine.describe(work), _with_earlier(results))
    finally:
        shutil.rmtree(work, ignore_errors=True)
    print_summary(results, failures)
    if not options.quick:
        _write_document()
    return 1 if failures or not all(ratio.is_reached for result in results for ratio in result.ratios) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure the server beside its peers and its limits. Files are kept in .bench of this folder, "
        "which should be on the disk that is to be measured.",
    )
    parser.add_argument("--quick", action="store_true", help="the main ratios, beside a plain aiohttp room only")
    parser.add_argument("--only", nargs="+", choices=ALL, metavar="NAME", help=f"some of: {', '.join(ALL)}")
    parser.add_argument("--rounds", type=int, help="turns of each contestant (default: 5, quick: 3)")
    parser.add_argument("--seconds", type=float, help="length of a turn (default: 2, quick: 0.6)")
    return parser


def _stage(options: argparse.Namespace, work: Path, sockets_max: int) -> Stage:
    print("Looking for peers ...", flush=True)
    peers, missing = available_peers(_DIRECTORY)
    for name, reason in missing.items():
        print(f"  without {name}: {reason}")
    if options.quick:
        peers = [peer for peer in peers if peer.name == "aiohttp"]
    people = _PEOPLE_QUICK if options.quick else _PEOPLE
    print(f"Signing up {people} people ...", flush=True)
    return Stage(
        directory=work,
        cast=sign_up_cast(work / "cast", people),
        peers=peers,
        sockets_max=sockets_max,
        rounds=options.rounds or (3 if options.quick else 5),
        seconds=options.seconds or (0.6 if options.quick else 2),
        scale=0.1 if options.quick else 1,
    )


def _measure(stage: Stage, keys: Sequence[str]) -> tuple[list[Result], dict[str, str]]:
    results, failures = [], {}
    for position, key in enumerate(keys, 1):
        print(f"[{position}/{len(keys)}] {key} ...", flush=True)
        start = time.perf_counter()
        stage.remarks.clear()
        try:
            result = ALL[key](stage)
        except (WorkNotDone, ServerFailed, RuntimeError) as reason:
            failures[key] = str(reason)
            print(f"  no figures: {reason}")
            continue
        result = dataclasses.replace(result, remarks=[*result.remarks, *stage.remarks])
        print_result(result, time.perf_counter() - start)
        results.append(result)
    return results, failures


def _write_document() -> None:
    try:
        from bench.document import write_document  # noqa: PLC0415  # matplotlib is not there for --quick alone
    except ImportError:
        print("The page was not written: pip install -c constraints.txt -e '.[bench]' brings what draws its plots.")
        return
    described, results = load_results(_RESULTS)
    missing = [key for key in ALL if key not in {result.key for result in results}]
    if missing:
        print(f"The page was not written: there are no figures yet of {', '.join(missing)}.")
    else:
        print(f"Written: {write_document(described, results)}")


def _with_earlier(results: Sequence[Result]) -> list[Result]:
    """These results, and of those not measured now the earlier ones, so that --only can renew a few."""
    known = {result.key: result for result in load_results(_RESULTS)[1]} if _RESULTS.exists() else {}
    known |= {result.key: result for result in results}
    return [known[key] for key in ALL if key in known]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
