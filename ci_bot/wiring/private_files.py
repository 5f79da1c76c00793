"""Secrets that a command leaves for the server: files of mode 0600, durable, and the server's own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from yarl import URL

from ci_bot.core.errors import SettingsError
from ci_bot.settings import Settings

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def write(path: Path, text: str) -> None:
    """Of a file that is not there yet."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)


def give_to_owner(folder: Path, directory: Path) -> None:
    """What root makes at the command line, the server must be able to read as its own user."""
    sync_directory(folder)
    if os.geteuid() == 0:
        owner = directory.stat()
        for path in (folder, *folder.iterdir()):
            os.chown(path, owner.st_uid, owner.st_gid)


def sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def check_address(settings: Settings, forge_url: str) -> None:
    """The forge would refuse it, in words of its own and at the end. Raises `SettingsError`."""
    ours, theirs = URL(settings.public_url).host, URL(forge_url).host
    if ours in _LOOPBACK and theirs not in _LOOPBACK:
        problem = (
            f"public_url: {settings.public_url} is this machine alone; set it to the address at which "
            f"{theirs} reaches this server, like https://ci.example.com"
        )
        raise SettingsError([problem])
