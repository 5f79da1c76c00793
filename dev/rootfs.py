"""Files of packages, of other images and of our own in; one root file system as a tar file out.

Nothing is unpacked on disk, so owners and modes are right without being root.
"""

import io
import struct
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

MERGED = ("bin", "lib", "lib32", "lib64", "libx32", "sbin")
LEFT_OUT = ("usr/share/doc/", "usr/share/info/", "usr/share/locale/", "usr/share/man/")


@dataclass(frozen=True, slots=True)
class Rootfs:
    """What is written first stays: a later entry of the same path is passed over."""

    tar: tarfile.TarFile
    merged: bool
    """Whether /bin, /lib and the like are links into /usr, as on Debian since 12."""
    capabilities: Mapping[str, int] = field(default_factory=dict)
    """By path: the one that a program gets instead of its setuid bit, as the kernel numbers them."""
    seen: set[str] = field(default_factory=set)

    def file(self, path: str, content: bytes, *, mode: int = 0o644) -> None:
        self._add(_entry(path, tarfile.REGTYPE, mode=mode, size=len(content)), io.BytesIO(content))

    def folder(self, path: str, *, mode: int = 0o755, owner: int = 0) -> None:
        self._add(_entry(path, tarfile.DIRTYPE, mode=mode, owner=owner))

    def link(self, path: str, target: str) -> None:
        self._add(_entry(path, tarfile.SYMTYPE, mode=0o777, target=target))

    def merge(self, source: tarfile.TarFile) -> None:
        """Takes over every entry of a tar stream, but for documentation."""
        for entry in source:
            if entry.issym() and entry.name.strip("./") in MERGED:
                continue  # the source is merged too, and `rootfs` has made these links
            entry.name = self._place(entry.name)
            if entry.islnk():
                entry.linkname = self._place(entry.linkname)
            if entry.name and not entry.name.startswith(LEFT_OUT):
                self._add(entry, source.extractfile(entry) if entry.isreg() else None)

    def _add(self, entry: tarfile.TarInfo, content: IO[bytes] | None = None) -> None:
        if entry.name not in self.seen:
            self.seen.add(entry.name)
            if entry.name in self.capabilities:
                entry.mode &= 0o777
                entry.pax_headers = {XATTR: _capability(self.capabilities[entry.name])}
            self.tar.addfile(entry, content)

    def _place(self, path: str) -> str:
        path = path.removeprefix("./").strip("/")
        top = path.split("/", 1)[0]
        return f"usr/{path}" if self.merged and top in MERGED else path


@contextmanager
def rootfs(
    path: Path, *, merged: bool, capabilities: Mapping[str, int] | None = None
) -> Iterator[Rootfs]:
    """Opens a root file system at `path`; a half-written one never gets that name."""
    unfinished = path.with_suffix(".unfinished")
    with tarfile.open(unfinished, "w", format=tarfile.PAX_FORMAT) as tar:
        root = Rootfs(tar, merged, capabilities or {})
        if merged:
            for name in MERGED:
                tar.addfile(_entry(name, tarfile.SYMTYPE, mode=0o777, target=f"usr/{name}"))
        _common(root)
        yield root
    unfinished.replace(path)


def _common(root: Rootfs) -> None:
    root.file("etc/passwd", PASSWD)
    root.file("etc/group", GROUP)
    root.folder("root", mode=0o700)
    root.folder("home/ci", owner=1000)
    root.folder("tmp", mode=0o1777)


PASSWD = b"""\
root:x:0:0:root:/root:/bin/sh
ci:x:1000:1000:ci:/home/ci:/bin/sh
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
"""
GROUP = b"root:x:0:\nci:x:1000:\nnogroup:x:65534:\n"


XATTR = "SCHILY.xattr.security.capability"
VFS_CAP_REVISION_2, EFFECTIVE = 0x02000000, 1


def _capability(number: int) -> str:
    """See struct vfs_cap_data in https://man7.org/linux/man-pages/man7/capabilities.7.html."""
    permitted = struct.pack("<IIIII", VFS_CAP_REVISION_2 | EFFECTIVE, 1 << number, 0, 0, 0)
    return permitted.decode("utf-8", "surrogateescape")


def _entry(
    path: str, kind: bytes, *, mode: int, size: int = 0, owner: int = 0, target: str = ""
) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(path)
    entry.type, entry.mode, entry.size, entry.linkname = kind, mode, size, target
    entry.uid = entry.gid = owner
    return entry
