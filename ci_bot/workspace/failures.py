"""What git wrote on standard error in; which kind of failure it was, and one line of words, out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from ci_bot.core.errors import WorkspaceError
from ci_bot.core.plain import plain

_MAX_LINE: Final = 300


class Failure(StrEnum):
    """Why git failed; the value says it to a person."""

    UNSAFE = "the commit holds a path that is not safe to write"
    PROTOCOL = "this kind of address is not allowed"
    DISK = "the server's disk is full"
    CORRUPT = "the server's copy of the repository is damaged"
    MISSING = "the commit is not there (pushed over or deleted?)"
    REDIRECTED = "the address leads elsewhere, and credentials are not sent on (renamed?)"
    REFUSED = "the credentials were refused"
    NOT_FOUND = "the repository is not there, or these credentials may not see it"
    NETWORK = "the server of the repository cannot be reached"
    TOO_SLOW = "it took too long"
    OTHER = "git failed"


class GitFailed(WorkspaceError):
    """A `WorkspaceError` that says which kind it is."""

    def __init__(self, message: str, failure: Failure) -> None:
        super().__init__(message)
        self.failure = failure
        self.is_passing = failure in (Failure.NETWORK, Failure.TOO_SLOW)
        self.is_lasting = failure in _LASTING


_LASTING: Final = frozenset(
    {
        Failure.UNSAFE,
        Failure.PROTOCOL,
        Failure.MISSING,
        Failure.REDIRECTED,
        Failure.REFUSED,
        Failure.NOT_FOUND,
    }
)

#: The first that is found decides: paths are the author's words, a full disk also damages, and a
#: damaged copy also misses commits.
_SIGNS: Final[Mapping[Failure, tuple[str, ...]]] = {
    Failure.UNSAFE: ("error: invalid path",),
    Failure.PROTOCOL: ("transport '.*' not allowed",),
    Failure.DISK: ("no space left on device", "disk quota exceeded", "file too large"),
    Failure.REDIRECTED: ("returned error: 30[1278]", "unable to update url base from redirection"),
    Failure.REFUSED: (
        "authentication failed",
        "returned error: 40[13]",
        "could not read (username|password)",
    ),
    Failure.NOT_FOUND: (
        "returned error: 404",
        "repository '.*' not found",
        "does not appear to be a git repo",
    ),
    Failure.NETWORK: (
        "could not resolve",
        "failed to connect",
        "couldn't connect",
        "connection (refused|reset|timed out)",
        "operation too slow",
        r"returned error: (429|5\d\d)",
        "rpc failed",
        "early eof",
        "hung up unexpectedly",
        "unexpected disconnect",
        "empty reply from server",
        r"\bssl\b",
        "certificate",
    ),
    Failure.MISSING: ("not our ref", "couldn't find remote ref", "unadvertised object"),
    Failure.CORRUPT: (
        "not a git repository",
        "corrupt",
        "unable to read (tree|sha1|[0-9a-f]{7})",
        "bad (object|pack|tree|config|signature)",
        "missing (blob|tree|commit)",
        "did not send all necessary objects",
        "invalid (index-pack|object|sha1)",
        "does not match index",
        "wrong index",
        "inflate",
        "unable to find all",
        "failed to unpack tree",
        "packfile .* cannot",
        "is truncated",
        "is empty",
        "failed to read object",
        "broken (ref|link)",
        "too small to be",
        "is not a valid object",
    ),
}


def failure_of(stderr: str) -> Failure:
    """Expects English: run git with `LC_ALL=C`."""
    text = stderr.lower()
    return next(
        (kind for kind, signs in _SIGNS.items() if re.search("|".join(signs), text)), Failure.OTHER
    )


def last_words(stderr: bytes) -> str:
    """git's own last complaint, as one line that is safe to show."""
    lines = [line.strip() for line in plain(stderr).split("\n") if line.strip()]
    complaints = [line for line in lines if line.startswith(("fatal:", "error:"))]
    return (complaints or lines or ["it said nothing"])[-1][:_MAX_LINE]
