"""Names of images: what an author wrote in, registry, repository and version out. Pure.

https://pkg.go.dev/github.com/distribution/reference#pkg-overview
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ci_bot.core.errors import StepRefused
from ci_bot.executors.docker import words

DOCKER_HUB = "docker.io"

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_HOST = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:]+\])(?::[0-9]{{1,5}})?")
_PATH = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_LONGEST = 255


@dataclass(frozen=True, slots=True)
class Reference:
    """An image's full name: `str()` of it always has the registry, so it is never taken for an id."""

    host: str
    path: str
    tag: str
    digest: str = ""

    def __str__(self) -> str:
        return f"{self.host}/{self.path}" + (f"@{self.digest}" if self.digest else f":{self.tag}")


def parse(text: str) -> Reference:
    """Reads "alpine", "ghcr.io/a/b:1" or "a/b@sha256:…" as the engine does. Raises `StepRefused`."""
    name, _, digest = text.partition("@")
    host, path = _split_host(name)
    path, _, tag = path.partition(":")
    fits = (
        len(host) + len(path) < _LONGEST
        and _HOST.fullmatch(host)
        and _PATH.fullmatch(path)
        and (not tag or _TAG.fullmatch(tag))
        and (("@" not in text) or _DIGEST.fullmatch(digest))
        and not name.endswith(":")
    )
    if not fits:
        told = words.one_line(text[:100])
        raise StepRefused(f'image "{told}" is not an image name; write it like "debian:12"')
    return Reference(host, path, tag or "latest", digest)


def _split_host(name: str) -> tuple[str, str]:
    first, slash, rest = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        is_hub = first in ("docker.io", "index.docker.io")
        return (DOCKER_HUB, _official(rest)) if is_hub else (first, rest)
    return DOCKER_HUB, _official(name)


def _official(path: str) -> str:
    return path if "/" in path else f"library/{path}"
