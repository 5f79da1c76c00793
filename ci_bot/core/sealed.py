"""The text of a sealed string in, its header and ciphertext out, and back; nothing is decrypted here."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final

from ci_bot.core.secret_names import NAME

VERSION: Final = 1
MAX_TEXT: Final = 64 * 1024

#: What HPKE adds to a value, in bytes: the encapsulated key (1,088 of ML-KEM-768, 32 of X25519), the tag.
OVERHEAD: Final = 1088 + 32 + 16

SEAL_AGAIN: Final = "seal it again: ci-bot secret seal NAME --repo …"
NOT_SEALED: Final = "this is not a sealed string; make one: ci-bot secret seal NAME --repo …"
TOO_LONG: Final = f"a sealed string has at most {MAX_TEXT} characters"
BLANKS: Final = "the sealed string has blanks or line breaks in it; put it on one line, in quotes"
NEWER: Final = f"this sealed string was made by a newer ci-bot; update the server, or {SEAL_AGAIN}"
CUT_OFF: Final = f"this sealed string is cut off; copy all of it, or {SEAL_AGAIN}"
CHANGED: Final = f"this sealed string was changed or cut off; copy all of it, or {SEAL_AGAIN}"

_PREFIX: Final = "ci-bot"
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,3}")
_KEY_ID: Final = re.compile(r"[0-9a-f]{16}")
_FORGE: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_EVENT: Final = re.compile(r"[a-z][a-z_-]{0,31}")
# No control characters, separators of lines, turned directions or halves of a character.
_BRANCH: Final = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]{1,255}")
_MAX_EVENTS: Final = 16
_MAX_BRANCHES: Final = 32


class SealBroken(ValueError):
    """No sealed string that can be used; the text says so to the author of `.ci.yaml`, and quotes nothing."""


@dataclass(frozen=True, slots=True)
class SealHeader:
    """Public, and bound to the value: a changed header opens nothing.

    `name` is the variable that gets the value. `events` and `branches` are where alone it may be given;
    empty means everywhere. Both are sorted and have nothing twice.
    """

    version: int
    key_id: str
    forge: str
    repo_id: int
    name: str
    events: tuple[str, ...] = ()
    branches: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sealed:
    header: SealHeader
    ciphertext: bytes = field(repr=False)  # the encapsulated key, the encrypted value and the tag

    @property
    def info(self) -> bytes:
        """The header as its text has it, byte for byte: HPKE's `info`."""
        return info_of(self.header)


def info_of(header: SealHeader) -> bytes:
    """Canonical JSON: ASCII, sorted keys, no blanks."""
    return json.dumps(asdict(header), sort_keys=True, separators=(",", ":")).encode("ascii")


def format_sealed(header: SealHeader, ciphertext: bytes) -> str:
    """One line of ASCII, `ci-bot.1.<header>.<ciphertext>`. Raises `SealBroken` for what could not be read."""
    if problem := refusal_of_header(header):
        raise SealBroken(problem)
    text = f"{_PREFIX}.{VERSION}.{_encoded(info_of(header))}.{_encoded(ciphertext)}"
    if len(text) > MAX_TEXT:
        raise SealBroken(TOO_LONG)
    return text


def parse_sealed(text: str) -> Sealed:
    """Takes exactly what `format_sealed` makes. Raises `SealBroken` for everything else, nothing else."""
    header_text, ciphertext_text = _parts(text)
    info = _decoded(header_text)
    header = _header(info)
    if info_of(header) != info:
        raise SealBroken(CHANGED)
    ciphertext = _decoded(ciphertext_text)
    if len(ciphertext) <= OVERHEAD:
        raise SealBroken(CUT_OFF)
    return Sealed(header, ciphertext)


def refusal_of_header(header: SealHeader) -> str:
    """What of the header is not allowed, for whoever seals; "" if all is well. Types are checked too."""
    rules = (
        (_is_number(header.version, VERSION, VERSION), f"the version of a sealed string is {VERSION}"),
        (_matches(_KEY_ID, header.key_id), "the id of a sealing key is 16 hexadecimal digits"),
        (_matches(_FORGE, header.forge), "that is not the name of a forge"),
        (_is_number(header.repo_id, 1, 2**63 - 1), "the id of a repository is a number from 1 on"),
        (_matches(NAME, header.name), "that is not a name for a secret"),
        (
            _is_set(_EVENT, header.events, _MAX_EVENTS),
            f"events are at most {_MAX_EVENTS} names of events",
        ),
        (
            _is_set(_BRANCH, header.branches, _MAX_BRANCHES),
            f"branches are at most {_MAX_BRANCHES} patterns of at most 255 visible characters",
        ),
    )
    return next((words for holds, words in rules if not holds), "")


def _parts(text: str) -> tuple[str, str]:
    if len(text) > MAX_TEXT:
        raise SealBroken(TOO_LONG)
    prefix, *rest = text.split(".")
    if prefix.strip() != _PREFIX or not rest:
        raise SealBroken(NOT_SEALED)
    if text.split() != [text]:
        raise SealBroken(BLANKS)
    if rest[0] != str(VERSION) and _NUMBER.fullmatch(rest[0]):
        raise SealBroken(NEWER)
    if len(rest) < 3:
        raise SealBroken(CUT_OFF)
    if len(rest) > 3 or rest[0] != str(VERSION):
        raise SealBroken(CHANGED)
    return rest[1], rest[2]


def _encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _decoded(text: str) -> bytes:
    """Strict: of the many texts that decode to the same bytes only one is taken."""
    data = _loosely_decoded(text)
    if _encoded(data) != text:
        raise SealBroken(CHANGED)
    return data


def _loosely_decoded(text: str) -> bytes:
    """What a lenient decoder makes of it; b"" for nothing."""
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:  # not ASCII, or binascii.Error
        return b""


def _header(info: bytes) -> SealHeader:
    content = _json(info)
    if not isinstance(content, dict) or content.keys() != {each.name for each in fields(SealHeader)}:
        raise SealBroken(CHANGED)
    lists = {key: content[key] for key in ("events", "branches")}
    if not all(isinstance(value, list) for value in lists.values()):
        raise SealBroken(CHANGED)
    header = SealHeader(**content | {key: tuple(value) for key, value in lists.items()})
    if refusal_of_header(header):
        raise SealBroken(CHANGED)
    return header


def _json(data: bytes) -> Any:
    """None if it is no JSON. The decoder's own exception holds the text, so it goes no further."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _is_number(value: object, least: int, most: int) -> bool:
    return type(value) is int and least <= value <= most


def _matches(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _is_set(pattern: re.Pattern[str], values: tuple[object, ...], most: int) -> bool:
    texts = [value for value in values if isinstance(value, str) and _matches(pattern, value)]
    return len(texts) == len(values) <= most and texts == sorted(set(texts))
