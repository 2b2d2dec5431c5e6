"""SIGTERM with many sockets under load: what was accepted is committed and shown, everyone is told, and in time."""

from __future__ import annotations

import statistics
import time
from collections import Counter
from pathlib import Path

from chat.store.data_directory import DATABASE_NAME
from tests.faults.finding import Finding, Progress, median_and_worst
from tests.faults.oracle import read_stored
from tests.faults.stage import staged

_PEOPLE = 20
# No more than the clients, all of them in one process, take in: who does not answer its close frame in time is cut off.
_TALKERS = 4
STOP_SECONDS = 5.0


async def with_many_sockets(data_dir: Path, *, sockets: int, times: int, is_long: bool = False) -> Finding:
    """Stop a server on which a few talk and many listen."""
    progress = Progress("SIGTERM", times, is_shown=is_long)
    took, complaints = list[float](), list[str]()
    async with staged(data_dir) as stage:
        async with stage.serving() as server:
            await stage.invite(_PEOPLE)
            stage.add_talkers(sockets - _TALKERS, messages_max=0)
            stage.add_talkers(_TALKERS, in_flight=1)
            await stage.stop(server)
        async with stage.talking():
            for _ in range(times):
                for talker in stage.talkers:
                    talker.close_codes.clear()
                async with stage.serving() as server:
                    await stage.all_live(stage.talkers)
                    await stage.acknowledged(20)
                    start = time.monotonic()
                    code = await stage.stop(server)
                    took.append(time.monotonic() - start)
                await stage.all_live(stage.talkers, expected=False)
                if code:
                    complaints.append(f"asked to stop, the server ended with {code}")
                if (ends := Counter(code for talker in stage.talkers for code in talker.close_codes)) != {
                    1001: sockets
                }:
                    complaints.append(f"{sockets} sockets were closed with {dict(ends)}")
                unheard = {record.key for record in read_stored(data_dir / DATABASE_NAME)} - set(stage.log.acknowledged)
                if unheard:
                    complaints.append(f"{len(unheard)} messages were stored at the end and not acknowledged")
                progress.step()
        verdict = await stage.verdict()
    # The median: a single stop may have to wait for what else the machine does.
    if is_long and statistics.median(took) > STOP_SECONDS:
        complaints.append(f"it took {statistics.median(took):.2f} s to stop")
    return Finding(
        f"SIGTERM with {sockets:,} sockets under load",
        times,
        f"{verdict.lost} lost, {verdict.doubled} doubled of {verdict.acknowledged:,}; every socket closed with 1001; "
        f"ended with 0 in {median_and_worst(took)}",
        (*verdict.complaints, *complaints),
    )
