"""Unguessable links to a run's logs: signed with a key of this server, checked in constant time."""

from __future__ import annotations

import hashlib
import hmac
import os
from pathlib import Path
from typing import Final

KEY_BYTES: Final = 32


class Links:
    """Whoever has the link may read: the forge shows it only to those who may see the check."""

    def __init__(self, public_url: str, key: bytes) -> None:
        self._public_url = public_url
        self._key = key

    def url(self, run_id: str, job_id: str | None) -> str:
        tail = f"/{job_id}" if job_id else ""
        return f"{self._public_url}/runs/{run_id}{tail}?key={self.sign(run_id)}"

    def sign(self, run_id: str) -> str:
        return hmac.new(self._key, b"run:" + run_id.encode(), hashlib.sha256).hexdigest()

    def is_signed(self, run_id: str, key: str) -> bool:
        return hmac.compare_digest(self.sign(run_id).encode(), key.encode("utf-8", "replace"))


def read_or_make_key(path: Path) -> bytes:
    """The key in the file, made once with mode 0600. Losing the file makes old links invalid."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        key = os.urandom(KEY_BYTES)
    fresh = path.with_suffix(".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    return key
