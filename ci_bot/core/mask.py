"""Secrets and a stream of bytes in; the stream with every form of every secret replaced by `***` out."""

from __future__ import annotations

import json
import re
from base64 import b64encode, urlsafe_b64encode
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Final
from urllib.parse import quote, quote_plus

from ahocorasick_rs import BytesAhoCorasick, Implementation, MatchKind

MASK: Final = b"***"

#: Values too common to be masked: a log without the word "true" hides more than it protects.
COMMON_WORDS: Final = frozenset(
    {b"true", b"false", b"yes", b"off", b"null", b"none", b"nil", b"undefined", b"test", b"default"}
)

_MIN_CHARACTERS: Final = 3
_MIN_LINE: Final = 4
_MIN_BASE64: Final = 4
_MIN_TELLING: Final = 8
_MIN_KEY_LINE: Final = 20
_SLICE: Final = 64 * 1024
_MAX_GUESSES: Final = 32
_GLANCE: Final = 256


@dataclass(slots=True)
class _Stream:
    """Where one stream stands between two pieces."""

    pending: bytes = b""
    covered: int = 0  # bytes of `pending` that a secret found earlier reaches into
    in_mask: bool = False  # the last byte that left is masked


@dataclass(frozen=True, slots=True)
class _Sought:
    """What is looked for in every stream that has the same secrets."""

    forms: Sequence[bytes]  # sorted
    longest: int
    finder: BytesAhoCorasick | None
    heads: BytesAhoCorasick | None  # finds the first bytes of every form


@lru_cache(maxsize=8)
def _sought(secrets: frozenset[bytes]) -> _Sought:
    """A token takes a tenth of a millisecond and everybody waits; every step of a job wants the same ones."""
    sought = sorted({form for secret in secrets for form in forms(secret)})
    heads = sorted({form[:_MIN_CHARACTERS] for form in sought})
    return _Sought(sought, max(map(len, sought), default=0), _finder(sought), _finder(heads))


class Masker:
    """Replaces secrets in one stream of bytes, fed in pieces of any size.

    Masked are the value as it is (also without the white space around it), each of its lines of four or
    more characters, and of all of these: base64 at every alignment in both alphabets, URL-encoding,
    escaping in JSON strings, and quoting for a shell. Every byte that belongs to any occurrence of any
    form is masked, so overlapping secrets leave nothing visible; what is masked in one piece becomes
    one `***`. The output as a whole does not depend on how the stream is cut.

    Held back is only what may be the beginning of a form: less than the longest one.

    Not covered: values shorter than three characters and `COMMON_WORDS` (see `is_maskable`), other
    encodings (hex, gzip, base64 twice or broken into lines, base64 of less than four characters, other
    letter case), parts of a value that are printed alone, and a value with something in between. A
    character of base64 that also holds bits of a neighbour of the secret stays.
    """

    __slots__ = ("_finder", "_forms", "_heads", "_longest", "_stream")

    def __init__(self, secrets: Iterable[bytes]) -> None:
        sought = _sought(frozenset(secrets))
        self._forms, self._longest = sought.forms, sought.longest
        self._finder, self._heads = sought.finder, sought.heads
        self._stream = _Stream()

    def feed(self, chunk: bytes) -> bytes:
        """What is certain after this piece; b"" while nothing is."""
        return self._feed(self._stream, chunk)

    def close(self) -> bytes:
        """The rest of the stream. The masker is then ready for another one."""
        stream, self._stream = self._stream, _Stream()
        return self._leave(stream, stream.pending, len(stream.pending))

    def mask(self, data: bytes) -> bytes:
        """A whole text. Touches nothing of the stream that is being fed."""
        stream = _Stream()
        masked = self._feed(stream, data)
        return masked + self._leave(stream, stream.pending, len(stream.pending))

    def _feed(self, stream: _Stream, chunk: bytes) -> bytes:
        if not self._forms:
            return chunk
        if len(chunk) <= _SLICE:
            return self._advance(stream, chunk)
        slices = (chunk[at : at + _SLICE] for at in range(0, len(chunk), _SLICE))
        return b"".join(self._advance(stream, part) for part in slices)

    def _advance(self, stream: _Stream, chunk: bytes) -> bytes:
        data = stream.pending + chunk
        end = self._undecided_from(data)
        stream.pending = data[end:]
        return self._leave(stream, data, end)

    def _undecided_from(self, data: bytes) -> int:
        """Where the first form may begin that does not end in `data`.

        Holding back too much is never wrong, so a flood of near-matches gets a few guesses only.
        """
        window = max(0, len(data) - self._longest + 1)
        for guesses, start in enumerate(self._beginnings(data, window)):
            if guesses == _MAX_GUESSES or self._may_go_on(data[start:]):
                return start
        short = range(max(window, len(data) - _MIN_CHARACTERS + 1), len(data))
        return next((start for start in short if self._may_go_on(data[start:])), len(data))

    def _beginnings(self, data: bytes, window: int) -> Iterator[int]:
        """Where the first bytes of a form stand; searched bit by bit, since few are asked for."""
        for at in range(window, len(data), _GLANCE):
            glance = data[at : at + _GLANCE + _MIN_CHARACTERS - 1]
            yield from (at + start for _, start, _ in _occurrences(self._heads, glance))

    def _may_go_on(self, tail: bytes) -> bool:
        """Whether `tail` is the beginning of a longer form: that would sort directly after it."""
        after = bisect_right(self._forms, tail)
        return after < len(self._forms) and self._forms[after].startswith(tail)

    def _leave(self, stream: _Stream, data: bytes, end: int) -> bytes:
        """The masked first `end` bytes of `data`; no form that begins there goes beyond `data`."""
        if not end:
            return b""
        out: list[bytes] = []
        done = 0
        for start, stop in self._stretches(data, stream.covered):
            if start >= end:
                break
            out.append(data[done:start])
            if start or not stream.in_mask:
                out.append(MASK)
            done = stop
        out.append(data[done:end])
        stream.covered = max(0, done - end)
        stream.in_mask = done >= end
        return b"".join(out)

    def _stretches(self, data: bytes, covered: int) -> Iterator[tuple[int, int]]:
        """Maximal runs of masked bytes, in order; the first `covered` bytes are masked anyway."""
        start, stop = 0, covered
        for _, begin, finish in _occurrences(self._finder, data):
            if begin > stop:
                if stop > start:
                    yield start, stop
                start = begin
            start, stop = min(start, begin), max(stop, finish)
        if stop > start:
            yield start, stop


def is_maskable(secret: bytes) -> bool:
    """False for a value that `Masker` leaves alone: say so when it is saved."""
    value = secret.strip()
    return _characters(value) >= _MIN_CHARACTERS and value.lower() not in COMMON_WORDS


class Spotter:
    """Says of a stream of bytes, fed in pieces of any size, whether it holds a secret in any of its forms.

    For contents that are kept or not, and not changed. So what may stand in a large file by chance is not
    sought: forms of fewer than eight bytes, and of values of several lines all but the whole and such lines
    as look like parts of a key.
    """

    __slots__ = ("_finder", "_held", "_tail")

    def __init__(self, secrets: Iterable[bytes]) -> None:
        sought = sorted({form for secret in secrets for form in _telling_forms(secret)})
        self._finder = _finder(sought)
        self._held = max(map(len, sought), default=1) - 1
        self._tail = b""

    def feed(self, chunk: bytes) -> bool:
        """Whether a secret ends in this piece."""
        if self._finder is None:
            return False
        data = self._tail + chunk
        self._tail = data[-self._held :] if self._held else b""
        return bool(self._finder.find_matches_as_indexes(data))

    def begin(self) -> None:
        """The next stream has nothing to do with the one before."""
        self._tail = b""


def _telling_forms(secret: bytes) -> Iterator[bytes]:
    value = secret.strip()
    if not is_maskable(value):
        return
    keylike = (line.strip() for line in value.splitlines()[1:] if b" " not in line.strip())
    for each in (value, *(line for line in keylike if len(line) >= _MIN_KEY_LINE)):
        if each.startswith(b"-----") and each != value:
            continue  # what every key and certificate begins and ends with
        yield from (form for form in _forms_of(each) if len(form) >= _MIN_TELLING)


def forms(secret: bytes) -> frozenset[bytes]:
    """Everything that is masked for one secret; empty if it is not maskable."""
    if not is_maskable(secret):
        return frozenset()
    lines = [line.strip() for line in re.split(rb"[\r\n]+", secret)]
    values = {secret, secret.strip(), *(line for line in lines if _is_worth_masking(line))}
    return frozenset(form for value in values for form in _forms_of(value))


def _is_worth_masking(line: bytes) -> bool:
    return _characters(line) >= _MIN_LINE and is_maskable(line)


def _characters(value: bytes) -> int:
    return len(value.decode("utf-8", errors="replace"))


def _forms_of(value: bytes) -> Iterator[bytes]:
    yield value
    yield from _base64(value)
    yield from _url(value)
    yield from _shell(value)
    try:
        yield from (form.encode() for form in _json(value.decode()))
    except UnicodeDecodeError:
        return  # JSON strings hold text alone


def _base64(value: bytes) -> Iterator[bytes]:
    """What is the same whatever stands before and after the value, and the value encoded alone."""
    for encode in (b64encode, urlsafe_b64encode):
        alone = encode(value)
        yield from (form for form in (alone, alone.rstrip(b"=")) if len(form) >= _MIN_BASE64)
        for before in range(3):
            first = -(-before * 8 // 6)
            last = (before + len(value)) * 8 // 6
            inner = encode(bytes(before) + value)[first:last]
            if len(inner) >= _MIN_BASE64:
                yield inner


def _url(value: bytes) -> Iterator[bytes]:
    """As RFC 3986, a path, a form and JavaScript's encodeURIComponent have it; hex in either case."""
    for form in (quote(value, safe=""), quote(value), quote_plus(value), quote(value, safe="!'()*")):
        yield form.encode()
        yield re.sub(r"%[0-9A-F]{2}", lambda code: code.group().lower(), form).encode()


def _json(value: str) -> Iterator[str]:
    r"""Inside a JSON string, as common encoders write it: ASCII alone, with `\/`, safe in HTML."""
    for ascii_alone in (True, False):
        form = json.dumps(value, ensure_ascii=ascii_alone)[1:-1]
        yield form
        yield form.replace("/", "\\/")
        yield re.sub("[<>&]", lambda char: f"\\u{ord(char.group()):04x}", form)


def _shell(value: bytes) -> Iterator[bytes]:
    """Inside single quotes, inside double quotes, with backslashes, and inside bash's `$'…'`."""
    yield value.replace(b"'", b"'\"'\"'")
    yield value.replace(b"'", b"'\\''")
    yield re.sub(rb'(["$`\\])', rb"\\\1", value)
    yield re.sub(rb"([^A-Za-z0-9@%+=:,./_\-\x80-\xff])", rb"\\\1", value)
    dollar = re.sub(rb"(['\\])", rb"\\\1", value).replace(b"\n", b"\\n").replace(b"\t", b"\\t")
    yield dollar
    # Where the locale knows no such characters, as in an image without one.
    yield re.sub(rb"[\x80-\xff]", lambda byte: b"\\%03o" % ord(byte.group()), dollar)


def _finder(patterns: list[bytes]) -> BytesAhoCorasick | None:
    """The library's own choice for few patterns, a DFA, searches half as fast again and takes thirty times as
    long to build, while everybody waits.
    """
    if not patterns:
        return None
    how = Implementation.ContiguousNFA
    return BytesAhoCorasick(patterns, matchkind=MatchKind.Standard, implementation=how)


def _occurrences(finder: BytesAhoCorasick | None, data: bytes) -> list[tuple[int, int, int]]:
    """Every occurrence, overlapping ones too, as (pattern, start, stop), in the order of their starts."""
    if finder is None:
        return []
    return sorted(finder.find_matches_as_indexes(data, overlapping=True), key=itemgetter(1))
