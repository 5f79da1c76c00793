"""Files of workspaces on their way out of jobs and into others, and where they are kept in between."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol


class FileSink(Protocol):
    """Takes what is found in a workspace, one thing after the other, from one thread.

    Names are relative to the workspace, as the file system has them ("surrogateescape").
    """

    def file(self, name: str, mode: int, modified: float, size: int, content: BinaryIO) -> None:
        """A plain file. `content` may end before `size` bytes, and need not be read."""
        ...

    def link(self, name: str, target: str) -> None:
        """A symbolic link, wherever it leads."""
        ...

    def other(self, name: str, what: str) -> None:
        """What cannot be had: "a socket", "a hard link"."""
        ...


@dataclass(frozen=True, slots=True)
class PackLimits:
    """What one pack may hold: bytes before they are packed, and things with a name."""

    size: int
    files: int


@dataclass(frozen=True, slots=True)
class Packed:
    """What a pack came to; sizes are bytes. `names` and `left_out` are as the file system has them."""

    names: tuple[tuple[str, int], ...]  # with their sizes
    size: int
    packed: int
    left_out: tuple[tuple[str, str], ...] = ()  # name and why

    @property
    def files(self) -> int:
        return len(self.names)


class Packing(FileSink, Protocol):
    """A pack in the making. It is there, whole, once `finish` returns, and else nothing of it is.

    Takes raise `PackRefused` beyond the limits, and `StoreError` where the disk does not let us write.
    """

    def finish(self) -> Packed: ...


@dataclass(frozen=True, slots=True)
class KeptPack:
    """A pack on the disk."""

    id: str
    size: int
    written_at: float


class Packs(Protocol):
    """Files packed together, compressed, each pack under an id. All methods may block: call them in a thread.

    Raises `StoreError`, and `PackRefused` for a pack that cannot be there or be brought.
    """

    def begin(self, id: str, limits: PackLimits, *, links: bool) -> AbstractContextManager[Packing]:
        """A new pack, in the place of what had the id. Symbolic links are left out but for `links`."""
        ...

    def unpack(self, id: str, into: Path, limits: PackLimits) -> Packed:
        """Puts everything below a folder, over what is there, and nothing anywhere else."""
        ...

    def open(self, id: str) -> BinaryIO:
        """The pack itself, a tar in one zstd frame. Raises `PackRefused` where it is gone."""
        ...

    def size(self, id: str) -> int | None:
        """Bytes of the pack itself; None where it is gone."""
        ...

    def kept(self) -> Sequence[KeptPack]: ...

    def forget(self, id: str) -> None:
        """Safe to call twice."""
        ...
