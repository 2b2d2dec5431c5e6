"""Progress: silent when it is quick, one line on a terminal, now and then elsewhere."""

from __future__ import annotations

import io

from chat.commands.output import Progress


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_what_takes_less_than_a_second_is_not_told_to_a_file() -> None:
    stream, clock = io.StringIO(), Clock()
    progress = Progress("Copying", stream=stream, clock=clock)
    for _ in range(9):
        clock.now += 0.1
        progress(1, 10)
    progress.end()
    assert stream.getvalue() == ""


def test_what_takes_longer_is_told_now_and_then() -> None:
    stream, clock = io.StringIO(), Clock()
    progress = Progress("Copying", stream=stream, clock=clock)
    for done in range(1, 11):
        clock.now += 1
        progress(done * 1024 * 1024, 10 * 1024 * 1024)
    progress.end()
    assert stream.getvalue() == "Copying: 10 % of 10.0 MB\nCopying: 60 % of 10.0 MB\n"


def test_a_terminal_sees_it_at_once_on_one_line_that_goes_away() -> None:
    stream, clock = Terminal(), Clock()
    progress = Progress("Writing", "lines", stream=stream, clock=clock)
    progress(1000)
    progress(2000)  # in the same instant
    clock.now += 0.2
    progress(3000)
    progress.end()
    assert stream.getvalue() == "\rWriting: 1,000 lines\x1b[K\rWriting: 3,000 lines\x1b[K\r\x1b[K"


def test_nothing_to_do_is_done() -> None:
    stream = Terminal()
    Progress("Copying", stream=stream)(0, 0)
    assert "100 %" in stream.getvalue()
