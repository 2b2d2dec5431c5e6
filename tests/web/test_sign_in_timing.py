"""An unknown name takes as long to refuse as a known one, because the same work is done for both.

`python -m tests.web.test_sign_in_timing` measures it: one server, wrong passwords for a name that exists and for one
that does not, 200 of each in turns, one at a time over one connection, each timed from the request to the answer.
Three runs on a shared machine of two cores, in ms, with the range of the middle half:

    known                       unknown                     known / unknown
    26.59 (23.70 to 31.35)      25.84 (23.86 to 31.69)      1.029
    27.02 (24.29 to 32.94)      26.44 (24.03 to 33.13)      1.022
    28.97 (25.81 to 36.25)      29.11 (26.31 to 35.73)      0.995
"""

from __future__ import annotations

import asyncio
import logging
import statistics
import tempfile
import time
from pathlib import Path

import pytest

from chat.services import passwords
from tests.people import Person, visiting
from tests.servers import RunningServer

ROUNDS = 200
KNOWN, UNKNOWN = "ada", "nobody"


@pytest.mark.full_strength
async def test_a_wrong_password_is_hashed_once_and_alike_whoever_it_is_for(
    monkeypatch: pytest.MonkeyPatch, ada: Person, stranger: Person
) -> None:
    hashed: list[tuple[str, str]] = []
    verify = passwords._verify

    def seen(password: str, password_hash: str) -> bool:
        hashed.append((password, cost(password_hash)))
        return verify(password, password_hash)

    monkeypatch.setattr(passwords, "_verify", seen)
    for username in (KNOWN, UNKNOWN):
        assert (await stranger.post("/login", username=username, password="not her password")).status == 401
    of_known, of_unknown = hashed
    assert of_known == of_unknown
    assert ada.username == KNOWN


def cost(password_hash: str) -> str:
    """What a PHC string says of the work: kind, version and numbers, without salt and hash, but with their lengths."""
    kind, version, numbers, salt, result = password_hash.strip("$").split("$")
    return f"{kind} {version} {numbers} {len(salt)} {len(result)}"


async def measure() -> None:
    """Print the medians of both and their ratio."""
    logging.disable()  # one line for each refusal
    with tempfile.TemporaryDirectory() as directory:
        # Limits on guesses would answer before the hashing that is to be timed.
        server = RunningServer(Path(directory) / "data", sign_in_failures_per_name_per_hour=10**9)
        await server.start()
        try:
            async with visiting(server, KNOWN) as ada, visiting(server, "stranger") as stranger:
                await ada.sign_up()
                timings: dict[str, list[float]] = {KNOWN: [], UNKNOWN: []}
                for _ in range(ROUNDS):
                    for username, seconds in timings.items():
                        start = time.perf_counter()
                        answer = await stranger.post("/login", username=username, password="not her password")
                        seconds.append(1000 * (time.perf_counter() - start))
                        assert answer.status == 401
        finally:
            await server.stop()
    known, unknown = statistics.median(timings[KNOWN]), statistics.median(timings[UNKNOWN])
    for name, its in (("known", timings[KNOWN]), ("unknown", timings[UNKNOWN])):
        low, middle, high = statistics.quantiles(its, n=4)
        print(f"{name}: median {middle:.2f} ms, half of them {low:.2f} to {high:.2f} ms")  # noqa: T201
    print(f"known / unknown: {known / unknown:.3f}")  # noqa: T201


if __name__ == "__main__":
    asyncio.run(measure())
