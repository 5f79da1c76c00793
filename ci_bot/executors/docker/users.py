"""Whom an image's processes belong to: its `USER`, passwd and group files in, numbers out. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ci_bot.core.errors import StepRefused

_LARGEST = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Owner:
    uid: int
    gid: int

    def __str__(self) -> str:
        return f"{self.uid}:{self.gid}"


ROOT = Owner(0, 0)


def is_plain_root(user: str) -> bool:
    """True if no file of the image needs to be read to know that this is root."""
    return user in ("", "0", "root", "0:0", "root:root")


def owner(image: str, user: str, passwd: bytes, group: bytes) -> Owner:
    """Resolves `USER name[:group]` as the engine will. Raises `StepRefused`, naming the image.

    https://docs.docker.com/reference/dockerfile/#user
    """
    name, _, group_name = user.partition(":")
    entry = _entry(passwd, name)
    uid = _number(entry[2]) if len(entry) > 3 else _number(name)
    if uid is None:
        raise StepRefused(f'image "{image}" runs as user "{name}", whom its /etc/passwd does not have')
    gid = _gid(group, group_name) if group_name else _number(entry[3]) if len(entry) > 3 else 0
    if gid is None:
        raise StepRefused(
            f'image "{image}" runs in group "{group_name}", which its /etc/group does not have'
        )
    return Owner(uid, gid)


def _gid(group: bytes, name: str) -> int | None:
    entry = _entry(group, name)
    return _number(entry[2]) if len(entry) > 2 else _number(name)


def _entry(table: bytes, key: str) -> list[str]:
    """The fields of the line whose name or number is `key`; [] if there is none."""
    lines = (line.split(":") for line in table.decode("utf-8", "replace").split("\n"))
    return next((fields for fields in lines if len(fields) > 2 and key in (fields[0], fields[2])), [])


def _number(text: str) -> int | None:
    is_number = text.isascii() and text.isdigit() and len(text) < 11
    return int(text) if is_number and int(text) <= _LARGEST else None
