"""An apprise URL in; a name that gives nothing away, and what of it is secret, out. Pure."""

from __future__ import annotations

import hashlib
import re
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

#: A shorter piece of an address is a word like "general" as often as a secret.
_SHORTEST: Final = 8


def name_of(url: str) -> str:
    """Of the address among others: stable, and no way back to it."""
    return hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def kind_of(url: str) -> str:
    """`slack` of slack://…; what it is called in messages."""
    found = re.match(r"[A-Za-z][A-Za-z0-9+.-]{0,30}(?=://)", url)
    return found[0].lower() if found else "?"


def secrets_of(url: str) -> tuple[bytes, ...]:
    """The whole address, its password, and each long piece of the rest, as written and decoded.

    Hosts are not: they have a dot, or are this machine. Many services have a token in the host's place.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        rest = [parts.username or "", *_pieces(parts.path)]
        rest += [piece for _, value in parse_qsl(parts.query) for piece in _pieces(value)]
        if not any(mark in host for mark in ".:") and host != "localhost":
            rest += parts.netloc.rpartition("@")[2].split(":")
        long = [piece for piece in rest if len(piece) >= _SHORTEST]
        found = [url, *([parts.password] if parts.password else []), *long]
    except ValueError:
        found = [url]
    every = [text for part in found for text in (part, unquote(part))]
    return tuple(dict.fromkeys(text.encode("utf-8", "replace") for text in every))


def _pieces(text: str) -> list[str]:
    return text.split("/")
