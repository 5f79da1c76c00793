"""What may stand under an event of `on` → the event's Filter. One table of keys for each event."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from ci_bot.core.patterns import wrong_path, wrong_ref
from ci_bot.core.pipeline.features.feature import Key
from ci_bot.core.pipeline.features.schemas import SOME_TEXT, alone_or_listed
from ci_bot.core.pipeline.keys import EVENT_KEYS
from ci_bot.core.pipeline.report import quoted
from ci_bot.core.pipeline.value import Value, fields, flag, one_or_more, text
from ci_bot.core.planned import Filter

MOST_PATTERNS: Final = 100

_PATTERNS: Final = alone_or_listed(SOME_TEXT, minItems=1, maxItems=MOST_PATTERNS)


def event_filter(event: str, value: Value) -> Filter | None:
    """None where it is no map. Nothing under the event, or a key that is wrong, filters nothing."""
    found = fields(value, EVENT_KEYS[event])
    if found is None:
        return None
    said = found.said(FILTERS[event])
    return Filter(**{name.replace("-", "_"): content for name, content in said.items()})


def _patterns(wrong: Callable[[str], str], example: str) -> Callable[[Value], tuple[str, ...] | None]:
    def read(value: Value) -> tuple[str, ...] | None:
        entries = one_or_more(value)
        if entries is None:
            return None
        if not entries:
            value.wrong("there are no patterns, so nothing would match", f"list some, like {example}")
        if len(entries) > MOST_PATTERNS:
            value.wrong(f"{len(entries)} patterns; there are at most {MOST_PATTERNS}")
            return None
        return tuple(each for entry in entries if (each := _pattern(entry, wrong)) is not None)

    return read


def _pattern(entry: Value, wrong: Callable[[str], str]) -> str | None:
    """One that begins with "*" or "!" is an alias or a tag in YAML: the composer says to quote it."""
    written = text(entry)
    if written is None:
        return None
    if problem := wrong(written):
        entry.wrong(f"the pattern {quoted(written)} {problem}")
        return None
    return written


_refs: Final = _patterns(wrong_ref, '"release/**"')
_paths: Final = _patterns(wrong_path, '"src/**"')


def _example(on: str) -> str:
    return f"on:\n{on}jobs:\n  test:\n    steps:\n      - echo selected\n"


def _refs_key(name: str, about: str, on: str) -> Key:
    return Key(name, _refs, _PATTERNS, about, _example(on))


def _paths_key(name: str, about: str, on: str) -> Key:
    return Key(name, _paths, _PATTERNS, about, _example(on))


_PATHS_ABOUT: Final = (
    "Patterns in the manner of `.gitignore`; it runs where at least one changed file matches, old names of "
    "renamed files included. A pattern that begins with `!` takes away."
)
_PATHS_IGNORE_ABOUT: Final = "As `paths`, for files that do not count: where no other file changed, nothing runs. It wins over `paths`."

PUSH: Final = (
    _refs_key(
        "branches",
        "Names of branches, as globs over the whole name: `*` stops at `/`, `**` does not, and `main` "
        "matches `main` alone. A pattern that begins with `!` takes away.",
        '  push:\n    branches: [main, "release/**", "!release/old"]\n',
    ),
    _refs_key(
        "branches-ignore",
        "Branches that start nothing. It wins over `branches`.",
        '  push:\n    branches-ignore: ["wip/**"]\n',
    ),
    _paths_key(
        "paths",
        _PATHS_ABOUT
        + " A push is compared with what the branch had before, a new branch with the default branch.",
        '  push:\n    paths: ["src/**", "!*.md"]\n',
    ),
    _paths_key("paths-ignore", _PATHS_IGNORE_ABOUT, '  push:\n    paths-ignore: ["docs/**", "*.md"]\n'),
)

PULL_REQUEST: Final = (
    _refs_key(
        "branches",
        "Names of branches that the pull request goes to, as under `push`.",
        "  push:\n  pull_request:\n    branches: main\n",
    ),
    _paths_key(
        "paths",
        _PATHS_ABOUT + " The changes are those of the whole pull request.",
        '  push:\n  pull_request:\n    paths: ["src/**"]\n',
    ),
    _paths_key(
        "paths-ignore",
        _PATHS_IGNORE_ABOUT,
        '  push:\n  pull_request:\n    paths-ignore: ["docs/**"]\n',
    ),
    Key(
        name="drafts",
        read=flag,
        schema={"type": "boolean", "default": True},
        about=(
            "`false`: nothing runs for a draft. The check asks for action until the pull request is ready "
            "for review, and then it runs."
        ),
        example=_example("  push:\n  pull_request:\n    drafts: false\n"),
    ),
)

TAG: Final = (
    _refs_key(
        "tags",
        "Names of tags, as globs over the whole name.",
        '  push:\n  tag:\n    tags: ["v*"]\n',
    ),
)

#: Event → what may stand under it. `manual` and `schedule` have readers of their own.
FILTERS: Final[Mapping[str, tuple[Key, ...]]] = {
    "push": PUSH,
    "pull_request": PULL_REQUEST,
    "tag": TAG,
    "merge_group": (),
}
