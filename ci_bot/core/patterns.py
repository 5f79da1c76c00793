"""Patterns of branches, tags and paths: what is wrong with one, and what it matches. Pure, bounded in time.

Branches and tags: globs over the whole name; `*` stops at `/`, `**` does not, `?` is one character.
Paths: as `.gitignore` has them (https://git-scm.com/docs/gitignore#_pattern_format). In both a pattern that
begins with `!` takes away, wherever it stands; where all do, they take away from everything.

Both are matched here and not by a library's regular expressions: those try every way to share a name out
among the stars, and four of them in one segment take seconds for one name of 255 characters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from ci_bot.core.occasion import Changed

MOST_STARS: Final = 4  # in one segment
MOST_SEGMENTS: Final = 40
MOST_LENGTH: Final = 255

#: Characters of names times characters of patterns that one question may cost: a second of CPU at most.
MOST_WORK: Final = 200_000_000

#: What no branch and no tag can have in its name. https://git-scm.com/docs/git-check-ref-format
_NOT_IN_REFS: Final = re.compile(r"[\x00-\x20\x7f~^:\[\\]|\.\.|//|@\{")


def wrong_ref(pattern: str) -> str:
    """What is wrong with a pattern of branches or tags, "" if nothing."""
    name = pattern.removeprefix("!")
    if found := _NOT_IN_REFS.search(name):
        return f'has "{_visible(found[0])}" in it, which no branch or tag can have'
    if name.startswith("refs/"):
        return 'is a full ref; leave "refs/heads/" or "refs/tags/" out'
    return _wrong(name)


def wrong_path(pattern: str) -> str:
    """What is wrong with a pattern of paths, "" if nothing."""
    name = pattern.removeprefix("!")
    if name != name.strip():
        return "begins or ends with a space"
    if {".", ".."} & set(name.split("/")):
        return 'has "." or ".." in it; paths begin at the top of the repository'
    if not name.strip("/"):
        return "names no file"
    try:
        _path_regex(name)
    except PatternError as error:
        return str(error)
    return _wrong(name)


def _wrong(name: str) -> str:
    if not name:
        return "is empty"
    if not name.isprintable():
        return "has an invisible character"
    if len(name) > MOST_LENGTH:
        return f"is longer than {MOST_LENGTH} characters"
    segments = name.split("/")
    if len(segments) > MOST_SEGMENTS:
        return f"has more than {MOST_SEGMENTS} segments"
    if any(segment.count("*") > MOST_STARS for segment in segments):
        return f'has more than {MOST_STARS} stars between two "/"'
    return ""


def _visible(text: str) -> str:
    return text if text.isprintable() else ascii(text)[1:-1]


# ── branches and tags ────────────────────────────────────────────────────────────────────────


def matches_ref(patterns: Sequence[str], name: str) -> bool:
    """Whether a branch or a tag is among what the patterns name."""
    return _chosen(patterns, lambda pattern: _matches_ref(pattern, name))


def _chosen(patterns: Sequence[str], matches: Callable[[str], bool]) -> bool:
    """At least one matches, where there is one that adds; and none that takes away does."""
    taken = [pattern[1:] for pattern in patterns if pattern.startswith("!")]
    added = [pattern for pattern in patterns if not pattern.startswith("!")]
    return (not added or any(map(matches, added))) and not any(map(matches, taken))


def _matches_ref(pattern: str, name: str) -> bool:
    """All places in the pattern that a beginning of the name can lead to, as bits of one number."""
    glob = _ref_glob(pattern)
    here = glob.entered(1)
    for character in name:
        stays = here & (glob.any_stars if character == "/" else glob.stars)
        here = glob.entered((here & glob.accepts(character)) << 1 | stays)
        if not here:
            return False
    return bool(here >> glob.length & 1)


@dataclass(frozen=True, slots=True)
class _RefGlob:
    """Bit n stands for the pattern's n-th token."""

    length: int
    stars: int  # `*` and `**`
    any_stars: int  # `**`
    single: int  # `?`
    literal: Mapping[str, int]

    def accepts(self, character: str) -> int:
        return self.literal.get(character, 0) | (0 if character == "/" else self.single)

    def entered(self, places: int) -> int:
        """A star may also stand for nothing. No two stars are neighbours."""
        return places | (places & self.stars) << 1


@lru_cache(maxsize=1024)
def _ref_glob(pattern: str) -> _RefGlob:
    tokens = re.findall(r"\*+|.", pattern, re.DOTALL)
    literal: dict[str, int] = {}
    for index, token in enumerate(tokens):
        if token[0] not in "*?":
            literal[token] = literal.get(token, 0) | 1 << index

    def bits(chosen: Callable[[str], bool]) -> int:
        return sum(1 << index for index, token in enumerate(tokens) if chosen(token))

    return _RefGlob(
        length=len(tokens),
        stars=bits(lambda part: part[0] == "*"),
        any_stars=bits(lambda part: part.startswith("**")),
        single=bits(lambda part: part == "?"),
        literal=literal,
    )


# ── paths ────────────────────────────────────────────────────────────────────────────────────


_STARS: Final = re.compile(r"\*+")
_CHOICE: Final = re.compile(r"\[(?P<not>[!^]?)(?P<inside>[^\]\\/]+)\]")


class PatternError(ValueError):
    """A pattern of paths that means nothing."""


def file_matches(patterns: Sequence[str], file: str) -> bool:
    """Whether a path is among what the patterns name."""
    return _chosen(patterns, lambda pattern: _path_regex(pattern).match(file) is not None)


def any_file_matches(patterns: Sequence[str], files: Iterable[str]) -> bool:
    return any(file_matches(patterns, file) for file in files)


def is_too_much(patterns: Sequence[str], files: Iterable[str]) -> bool:
    """Whether to match all of them would cost more than anybody should be kept waiting for."""
    return sum(map(_work, patterns)) * sum(map(len, files)) > MOST_WORK


def changes_of(patterns: Iterable[str], changed: Changed) -> Mapping[str, bool]:
    """Pattern → whether a file that it matches changed: what `changes("…")` of conditions answers."""
    asked = tuple(dict.fromkeys(patterns))
    files = changed.files
    if files is None or is_too_much(asked, files):
        return dict.fromkeys(asked, True)
    return {pattern: any_file_matches((pattern,), files) for pattern in asked}


def _work(pattern: str) -> int:
    """What one character of a path may cost: all that stands between two stars is tried there."""
    return max(map(len, pattern.split("*")[1:]), default=0) + pattern.count("*") + 1


@lru_cache(maxsize=1024)
def _path_regex(pattern: str) -> re.Pattern[str]:
    """Raises `PatternError`.

    A star gives back nothing once what follows it has matched (`(?>…)`): the first place where it does is
    as good as any later one, for segments and within them, so that time is linear in the length of a path.
    """
    body, is_folder = pattern.removeprefix("/").removesuffix("/"), pattern.endswith("/")
    is_anchored = pattern.startswith("/") or "/" in body
    segments = body.split("/") if is_anchored else ["**", *body.split("/")]
    first, *later = _runs(segments)
    parts = [first, *(f"(?>(?:[^/]++/)*?{run})" for run in later if run)]
    regex = "/".join(part for part in parts if part)
    if segments[-1] == "**":
        regex += "/(?=.)" if regex else "[^/]++/" if is_folder else "."
    elif is_folder:
        regex += "/"
    try:
        return re.compile(regex, re.DOTALL)
    except re.error as error:
        raise PatternError(f"cannot be read: {error.msg}") from error


def _runs(segments: Sequence[str]) -> list[str]:
    """What stands before, between and behind the `**`; "" where nothing does."""
    runs: list[list[str]] = [[]]
    for segment in segments:
        if segment == "**":
            runs.append([])
        else:
            runs[-1].append(_segment_regex(segment))
    return ["/".join(run) for run in runs]


def _segment_regex(segment: str) -> str:
    """For a whole segment: what follows it is a "/" or the end."""
    first, *rest = _fixed(segment)
    if not rest:
        return f"{first}(?![^/])"
    *middle, last = rest
    between = "".join(f"(?>[^/]*?{fixed})" for fixed in middle)
    return f"(?>{first}{between}[^/]*{last}(?![^/]))"


def _fixed(segment: str) -> list[str]:
    """What stands between the stars of a segment, as regular expressions."""
    found = [""]
    rest = segment
    while rest:
        if star := _STARS.match(rest):
            found.append("")
            rest = rest[star.end() :]
            continue
        piece, rest = _piece(rest)
        found[-1] += piece
    return found


def _piece(text: str) -> tuple[str, str]:
    """One character, or what stands for one; and the text behind it."""
    if text[0] == "?":
        return "[^/]", text[1:]
    if text[0] == "\\":
        if len(text) == 1:
            raise PatternError('ends with a "\\" that has nothing behind it')
        return re.escape(text[1]), text[2:]
    if text[0] != "[":
        return re.escape(text[0]), text[1:]
    chosen = _CHOICE.match(text)
    if chosen is None:
        raise PatternError('has a "[" that is not closed; write "\\\\[" for the character itself')
    inside = re.sub(r"([\[\]\\^&|~])", r"\\\1", chosen["inside"])
    return f"(?!/)[{'^' if chosen['not'] else ''}{inside}]", text[chosen.end() :]
