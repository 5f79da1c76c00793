"""Reads foreign JSON with suspicion: objects in, values of known type and form out, else `WrongShape`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

from ci_bot.core.errors import ForgeError

T = TypeVar("T")

_SHA: Final = re.compile(r"[0-9a-f]{40}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
#: Not text to a database or a UTF-8 encoder: NUL, and halves of surrogate pairs.
_UNWRITABLE: Final = re.compile(r"[\x00\ud800-\udfff]")
_MOST_ID: Final = 2**63 - 1  # what a database column holds
_MOST_NAME: Final = 1024


class WrongShape(ValueError):
    """Something is missing, of the wrong type, or not of the form it must have.

    The text names our own word for the place, never anything that was sent.
    """


@dataclass(frozen=True, slots=True)
class Fields:
    """One JSON object; `path` says where it stood. Every getter raises `WrongShape`."""

    data: dict[str, Any]
    path: str = ""

    @classmethod
    def of(cls, value: Any, path: str = "") -> Fields:
        if not isinstance(value, dict):
            raise WrongShape(f"{path or 'the body'} must be an object")
        return cls(value, path)

    def has(self, key: str) -> bool:
        return self.data.get(key) is not None

    def object(self, key: str) -> Fields:
        return Fields.of(self.data.get(key), self._at(key))

    def objects(self, key: str) -> tuple[Fields, ...]:
        value = self.data.get(key)
        if not isinstance(value, list):
            raise self._wrong(key, "a list")
        return tuple(Fields.of(item, self._at(key)) for item in value)

    def id(self, key: str) -> int:
        """A forge's number: positive, and small enough for a database."""
        value = self.data.get(key)
        if type(value) is not int or not 0 < value <= _MOST_ID:
            raise self._wrong(key, "a number")
        return value

    def flag(self, key: str) -> bool:
        value = self.data.get(key)
        if not isinstance(value, bool):
            raise self._wrong(key, "true or false")
        return value

    def sha(self, key: str) -> str:
        """A whole commit id; all zeros are one as well."""
        value = self.data.get(key)
        if not isinstance(value, str) or not _SHA.fullmatch(value):
            raise self._wrong(key, "a commit id")
        return value

    def name(self, key: str) -> str:
        """One line that names something: a login, a branch, an action."""
        value = self.data.get(key)
        if not isinstance(value, str) or not 0 < len(value) <= _MOST_NAME:
            raise self._wrong(key, "a name")
        if _CONTROL.search(value) or _UNWRITABLE.search(value):
            raise self._wrong(key, "a name")
        return value

    def moment(self, key: str) -> float:
        """ISO 8601 with its offset from UTC, in seconds since the epoch. GitLab's hooks write " UTC"."""
        value = self.data.get(key)
        try:
            found = datetime.fromisoformat(_in_iso(value)) if isinstance(value, str) else None
        except ValueError:
            found = None
        if found is None or found.tzinfo is None:
            raise self._wrong(key, "a moment")
        return found.timestamp()

    def text(self, key: str) -> str:
        """What people wrote, made writable: what no encoder takes becomes U+FFFD."""
        value = self.data.get(key)
        if not isinstance(value, str):
            raise self._wrong(key, "text")
        return _UNWRITABLE.sub("\ufffd", value)

    def _at(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def _wrong(self, key: str, what: str) -> WrongShape:
        return WrongShape(f"{self._at(key)} must be {what}")


def _in_iso(moment: str) -> str:
    return moment.removesuffix(" UTC") + "+00:00" if moment.endswith(" UTC") else moment


def shaped(read: Callable[[Fields], T], answer: Any) -> T:
    """What `read` makes of an answer to a request of ours. Raises `ForgeError` where it makes nothing of it."""
    try:
        return read(Fields.of(answer, "the forge's answer"))
    except WrongShape as error:
        raise ForgeError(str(error)) from error
