"""What some faults need of the machine, and the sentence when it is not there."""

from __future__ import annotations

import os
import shutil
from pathlib import Path


class Missing(Exception):
    """A fault cannot be made on this machine.

    Args:
        is_tool: a package would bring it; else it is a right that this process does not have.
    """

    def __init__(self, reason: str, *, is_tool: bool) -> None:
        super().__init__(reason)
        self.is_tool = is_tool


def need_tool(name: str, package: str) -> str:
    """The path of a program.

    Raises:
        Missing: it is not installed.
    """
    # Debian keeps some of them where only root looks.
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if path is None:
        raise Missing(f"there is no {name}; on Debian: apt-get install {package}", is_tool=True)
    return path


def need_library(pattern: str, package: str) -> Path:
    """The path of a library below /usr/lib.

    Raises:
        Missing: it is not installed.
    """
    for path in sorted(Path("/usr/lib").glob(pattern)):
        return path
    raise Missing(f"there is no /usr/lib/{pattern}; on Debian: apt-get install {package}", is_tool=True)


def need_root(what_for: str) -> None:
    """Go on as root only.

    Raises:
        Missing: this is someone else.
    """
    if os.geteuid() != 0:
        raise Missing(f"only root may {what_for}", is_tool=False)
