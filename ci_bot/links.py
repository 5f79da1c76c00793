"""Unguessable links to pages: signed with a key of this server, checked in constant time, revocable one by one."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Self
from urllib.parse import urlsplit

from ci_bot.core.events import Repo
from ci_bot.core.page.urls import list_url

KEY_BYTES: Final = 32
KEY_FILE: Final = "links.key"
REVOKED_FILE: Final = "links.revoked"


class Links:
    """Whoever has the link may read: the forge shows it only to those who may see the check.

    `key` and `revoked` are asked each time, so that what an operator does counts at once. `revoked` tells
    how often the links of a thing ("run:…", "repo:…") were revoked: that number is signed too.
    """

    def __init__(
        self,
        public_url: str,
        key: bytes | Callable[[], bytes],
        revoked: Callable[[], Mapping[str, int]] = dict,
    ) -> None:
        self._public_url = public_url
        self._key: Callable[[], bytes] = _constant(key) if isinstance(key, bytes) else key
        self._revoked = revoked

    @classmethod
    def of(cls, public_url: str, data_dir: Path) -> Self:
        """With the key and the revocations that are kept in the data directory; the key is made if need be."""
        key = data_dir / KEY_FILE
        read_or_make_key(key)
        revoked = _Watched(data_dir / REVOKED_FILE)
        watched = _Watched(key)

        def current() -> bytes:
            # A file that vanished must not mean an empty key, with which anybody could sign.
            return watched.content() or read_or_make_key(key)

        return cls(public_url, current, lambda: _counted(revoked.content()))

    @property
    def base(self) -> str:
        """The path under which people reach the server: "", or "/ci" where a proxy serves others beside it."""
        return urlsplit(self._public_url).path.rstrip("/")

    @property
    def is_https(self) -> bool:
        """By the settings: what a proxy's headers say, anybody could say."""
        return self._public_url.startswith("https://")

    def url(self, run_id: str, job_id: str | None) -> str:
        tail = f"/{job_id}" if job_id else ""
        return f"{self._public_url}/runs/{run_id}{tail}?key={self.sign(run_id)}"

    def list_url(self, repo: Repo) -> str:
        """Of a repository's runs. Whoever has it may read them all, so no page of a single run shows it."""
        return list_url(self._public_url, repo, self.sign_repo(repo))

    def badge_url(self, repo: Repo) -> str:
        """Of a private repository's badge: it shows a state and opens nothing else."""
        return f"{self._public_url}/badges/{repo.forge}/{repo.name}.svg?key={self.sign_badge(repo)}"

    def sign(self, run_id: str) -> str:
        return self._sign(f"run:{run_id}")

    def sign_repo(self, repo: Repo) -> str:
        return self._sign(f"repo:{repo.key}")

    def sign_badge(self, repo: Repo) -> str:
        return self._sign(f"repo:{repo.key}", "badge:")

    def is_signed(self, run_id: str, key: str) -> bool:
        return _are_equal(self.sign(run_id), key)

    def is_list_key(self, repo: Repo, key: str) -> bool:
        return _are_equal(self.sign_repo(repo), key)

    def is_badge_key(self, repo: Repo, key: str) -> bool:
        return _are_equal(self.sign_badge(repo), key)

    def _sign(self, subject: str, purpose: str = "") -> str:
        times = self._revoked().get(subject, 0)
        text = f"{purpose}{subject}" + (f":{times}" if times else "")
        return hmac.new(self._key(), text.encode(), hashlib.sha256).hexdigest()


def _constant(key: bytes) -> Callable[[], bytes]:
    return lambda: key


def _are_equal(signature: str, key: str) -> bool:
    return hmac.compare_digest(signature.encode(), key.encode("utf-8", "replace"))


def revoke(data_dir: Path, subject: str) -> None:
    """No link of "run:ID" or "repo:KEY" that was given out so far works any more; durable when it returns."""
    descriptor = os.open(data_dir / REVOKED_FILE, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(b"\n" + subject.encode() + b"\n")  # whatever a crash left of the line before
        file.flush()
        os.fsync(file.fileno())


def read_or_make_key(path: Path) -> bytes:
    """The key in the file, made once with mode 0600. Losing the file makes old links invalid."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return make_key(path)


def make_key(path: Path) -> bytes:
    """A new key in the place of whatever key was there: every link made so far is invalid."""
    key = os.urandom(KEY_BYTES)
    fresh = path.with_suffix(".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    return key


class _Watched:
    """A small file's content, read again when it was changed. b"" for one that is not there."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._content = b""

    def content(self) -> bytes:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return b""
        seen = (found.st_ino, found.st_mtime_ns, found.st_size)
        if seen != self._seen:
            self._content, self._seen = self._path.read_bytes(), seen
        return self._content


def _counted(content: bytes) -> Mapping[str, int]:
    """How often each line stands there; one that was cut short by a crash counts for nothing."""
    whole, _, _ = content.rpartition(b"\n")
    return Counter(whole.decode("utf-8", "replace").split("\n")) if whole else {}
