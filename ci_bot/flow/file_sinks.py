"""Where the files of a job go when they are read: into a pack without secret names, a digest, or memory."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from typing import BinaryIO, Final, cast

from ci_bot.core.errors import PackRefused
from ci_bot.core.mask import Masker, Spotter
from ci_bot.core.words import count
from ci_bot.core.words import size as size_words
from ci_bot.flow.known import masked
from ci_bot.ports import FileSink, PackLimits

HASHED: Final = PackLimits(size=1024**3, files=10_000)  # what one `hashFiles` reads
REPORTS: Final = PackLimits(size=20 * 1024**2, files=200)  # those of one kind of a job
SECRET_NAME: Final = "its name holds a secret"  # noqa: S105 - words
SECRET_INSIDE: Final = "has a secret in it; write none there, or take the file out of paths"  # noqa: S105
_PIECE: Final = 256 * 1024


class Mask:
    """Foreign text in, without secrets out."""

    def __init__(self, secrets: Sequence[bytes]) -> None:
        self._secrets = secrets
        self._masker = Masker(secrets)

    def __call__(self, text: str) -> str:
        return masked(text, self._masker)

    def spotter(self) -> Spotter:
        """For contents, which are not changed."""
        return Spotter(self._secrets)


def visible_name(name: str) -> str:
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


class Nameless:
    """Keeps names with a secret in them out of a pack: whoever has that sees its names."""

    def __init__(self, pack: FileSink, mask: Mask) -> None:
        self._pack = pack
        self._mask = mask

    def file(self, name: str, mode: int, modified: float, size: int, content: BinaryIO) -> None:
        if self._may(name):
            self._pack.file(name, mode, modified, size, content)

    def link(self, name: str, target: str) -> None:
        if self._may(name) and self._may(target):
            self._pack.link(name, target)

    def other(self, name: str, what: str) -> None:
        self._pack.other(name, what)

    def _may(self, name: str) -> bool:
        visible = visible_name(name)
        if self._mask(visible) == visible:
            return True
        self._pack.other(name, SECRET_NAME)
        return False


class Secretless:
    """Keeps contents with a secret in them out of a pack, and so the whole pack: a part of what was promised
    would be taken for all of it. Raises `PackRefused`.
    """

    def __init__(self, pack: FileSink, spotter: Spotter) -> None:
        self._pack = pack
        self._spotter = spotter

    def file(self, name: str, mode: int, modified: float, size: int, content: BinaryIO) -> None:
        self._spotter.begin()
        watched = cast("BinaryIO", _Watched(content, self._spotter, name))
        self._pack.file(name, mode, modified, size, watched)

    def link(self, name: str, target: str) -> None:
        self._pack.link(name, target)

    def other(self, name: str, what: str) -> None:
        self._pack.other(name, what)


class _Watched(io.RawIOBase):
    """What is read has been looked through."""

    def __init__(self, content: BinaryIO, spotter: Spotter, name: str) -> None:
        super().__init__()
        self._content = content
        self._spotter = spotter
        self._name = name

    def read(self, size: int = -1) -> bytes:
        piece = self._content.read(size)
        if self._spotter.feed(piece):
            raise PackRefused(f"{visible_name(self._name)} {SECRET_INSIDE}")
        return piece


class Hashing:
    """The digest of each file. Links and other things are no content."""

    def __init__(self) -> None:
        self.files: list[tuple[str, str]] = []
        self._left = HASHED.size

    def file(self, name: str, mode: int, modified: float, size: int, content: BinaryIO) -> None:
        if len(self.files) == HASHED.files:
            raise PackRefused(f"more than {count(HASHED.files, 'file')} to be hashed")
        found = hashlib.sha256()
        while piece := content.read(_PIECE):
            self._left -= len(piece)
            if self._left < 0:
                raise PackRefused(f"more than {size_words(HASHED.size)} to be hashed")
            found.update(piece)
        self.files.append((name, found.hexdigest()))

    def link(self, name: str, target: str) -> None:
        """Not followed."""

    def other(self, name: str, what: str) -> None:
        """Nothing to read."""


class Reports:
    """The contents of small files."""

    def __init__(self) -> None:
        self.found: list[tuple[str, bytes]] = []
        self._left = REPORTS.size

    def file(self, name: str, mode: int, modified: float, size: int, content: BinaryIO) -> None:
        self._left -= size
        if self._left < 0 or len(self.found) == REPORTS.files:
            raise PackRefused(
                f"more than {REPORTS.files} reports, or {REPORTS.size // 1024**2} MiB of them"
            )
        read = b""
        while len(read) < size and (piece := content.read(size - len(read))):
            read += piece
        self.found.append((visible_name(name), read))

    def link(self, name: str, target: str) -> None:
        """Not followed."""

    def other(self, name: str, what: str) -> None:
        """Nothing to read."""
