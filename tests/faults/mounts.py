"""File systems of their own, for faults that a whole file system has."""

from __future__ import annotations

import asyncio
import fcntl
import os
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.faults.needs import Missing, need_root, need_tool

# _IOR('X', 125, __u32) of <linux/fs/ext4.h>: the file system stops as if its disk were gone. With this flag the
# journal is not flushed first: what was not synced is lost.
_SHUTDOWN = 0x8004587D
_WITHOUT_FLUSHING_THE_LOG = 2


class Disk:
    """An ext4 file system in a file, mounted through a loop device."""

    def __init__(self, image: Path, mount_point: Path) -> None:
        self._image = image
        self.path = mount_point

    async def make(self, mebibytes: int) -> None:
        """Make an empty file system.

        Raises:
            Missing: this machine has not what that needs.
        """
        need_root("mount a file system")
        with self._image.open("wb") as file:
            file.truncate(mebibytes * 1024 * 1024)
        await _run(need_tool("mkfs.ext4", "e2fsprogs"), "-q", str(self._image))
        self.path.mkdir()

    @asynccontextmanager
    async def mounted(self) -> AsyncIterator[None]:
        """Mount it for as long as the block runs; after a power cut this replays its journal.

        Raises:
            Missing: the system does not allow it.
        """
        try:
            await _run(need_tool("mount", "mount"), "-o", "loop", str(self._image), str(self.path))
        except OSError as refusal:
            raise Missing(f"a loop device cannot be mounted here: {refusal}", is_tool=False) from None
        try:
            yield
        finally:
            await _run(need_tool("umount", "mount"), str(self.path))

    def cut_power(self) -> None:
        """From now on nothing reaches the disk any more, and what was not synced never will."""
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, _SHUTDOWN, struct.pack("I", _WITHOUT_FLUSHING_THE_LOG))
        finally:
            os.close(descriptor)


@asynccontextmanager
async def small_disk(mount_point: Path, mebibytes: int) -> AsyncIterator[None]:
    """A file system in memory that is soon full.

    Raises:
        Missing: the system does not allow it.
    """
    need_root("mount a file system")
    mount_point.mkdir()
    try:
        await _run(need_tool("mount", "mount"), "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", str(mount_point))
    except OSError as refusal:
        raise Missing(f"a tmpfs cannot be mounted here: {refusal}", is_tool=False) from None
    try:
        yield
    finally:
        await _run(need_tool("umount", "mount"), str(mount_point))


async def _run(*command: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    if process.returncode:
        raise OSError(output.decode().strip() or f"{command[0]} ended with {process.returncode}")
