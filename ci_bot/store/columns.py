"""Types of columns that hold the same on SQLite and on PostgreSQL."""

from __future__ import annotations

import re
from typing import Any, Final

from sqlalchemy import BigInteger, Dialect, Integer, String, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

#: SQLite numbers rows by itself only where the key is a plain INTEGER, and holds 64 bits in any.
Number: Final = BigInteger().with_variant(Integer, "sqlite")

#: Not text to PostgreSQL or to an encoder: NUL, and halves of surrogate pairs.
#: https://www.postgresql.org/docs/current/datatype-character.html
_UNWRITABLE: Final = re.compile("[\0\ud800-\udfff]")


class Words(TypeDecorator[str]):
    """Text that every database takes. On PostgreSQL a migration gives it the order of bytes, as in SQLite.

    `length` says what is expected and is held by nobody: one name that is longer than we thought must
    not keep a delivery from being stored. What cannot be written becomes U+FFFD: a reason or a title is
    better with a hole than not there.
    """

    impl = Text
    cache_ok = True

    def __init__(self, length: int | None = None) -> None:
        super().__init__()
        self.length = length

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        is_bounded = self.length is not None and dialect.name == "sqlite"
        return String(self.length) if is_bounded else Text()

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None or not _UNWRITABLE.search(value):
            return value
        return _UNWRITABLE.sub("\ufffd", value)
