"""Whose certificates are believed: the system's, and the operator's own beside them."""

from __future__ import annotations

import ssl
from functools import cache
from pathlib import Path

from ci_bot.core.errors import SettingsError


def trust(ca_file: Path | None) -> ssl.SSLContext:
    """For any number of connections, which change nothing of it.

    `ca_file` is PEM. Raises `SettingsError` for one that cannot be used.
    """
    if ca_file is None:
        return _system()
    context = ssl.create_default_context()
    try:
        context.load_verify_locations(cafile=ca_file)
    except OSError as error:  # ssl.SSLError is one
        raise SettingsError([f"{ca_file} cannot be used as a file of certificates: {error}"]) from error
    return context


@cache
def _system() -> ssl.SSLContext:
    """Read once: a hundred and more certificates take 25 ms."""
    return ssl.create_default_context()
