"""`cache`: folders of the workspace that later runs find again."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ci_bot.core.caching import HASH_FILES, globs_of
from ci_bot.core.globs import wrong_glob
from ci_bot.core.pipeline.features.feature import JobFeature, Key, Said
from ci_bot.core.pipeline.features.schemas import NAME, alone_or_listed
from ci_bot.core.pipeline.globbing import SCHEMA, is_plain, plain_globs
from ci_bot.core.pipeline.keys import CACHE
from ci_bot.core.pipeline.report import quoted
from ci_bot.core.pipeline.scalars import visible_line
from ci_bot.core.pipeline.tree import Pairs
from ci_bot.core.pipeline.value import Value, fields, items, one_or_more
from ci_bot.core.planned import Cache, Job

MOST: Final = 10
MOST_FALLBACKS: Final = 10

_HASH_HINT: Final = "write it like ${{ hashFiles('**/package-lock.json') }}"
_ENTRY: Final = {
    "type": "object",
    "additionalProperties": False,
    "required": ["key", "paths"],
    "properties": {
        "key": NAME,
        "paths": SCHEMA,
        "fallback": alone_or_listed(NAME, maxItems=MOST_FALLBACKS),
    },
}

_EXAMPLE: Final = """\
jobs:
  test:
    cache:
      - key: "packages-${{ hashFiles('**/requirements.txt') }}"
        paths: .packages
        fallback: packages-
    steps:
      - test -d .packages || { mkdir .packages; echo fetched > .packages/one; }
      - cat .packages/one
"""


def _caches(value: Value) -> tuple[Cache, ...] | None:
    entries = [value] if isinstance(value.node, Pairs) else items(value)
    if entries is None:
        return None
    if len(entries) > MOST:
        value.wrong_key(f"{len(entries)} caches; a job has at most {MOST}", "put paths together")
        return None
    read = (_cache(entry) for entry in entries)
    return tuple(each for each in read if each)


def _cache(entry: Value) -> Cache | None:
    found = fields(entry, CACHE)
    if found is None:
        return None
    found.require("key", "name it, like \"npm-${{ hashFiles('**/package-lock.json') }}\"")
    found.require("paths", 'name what is kept, like ["node_modules"]')
    key, paths = found.read("key", _key), found.read("paths", plain_globs)
    fallback = found.read("fallback", _fallbacks) or ()
    return Cache(key, paths, fallback) if key and paths else None


def _key(value: Value) -> str | None:
    key = visible_line(value)
    if key is None:
        return None
    for found in HASH_FILES.finditer(key):
        hashed = globs_of(found[1])
        if hashed is None:
            value.wrong(f"{quoted(found[0])} does not name files", _HASH_HINT)
            return None
        for glob in hashed:
            if wrong := wrong_glob(glob):
                value.wrong(f"hashFiles: {quoted(glob)} {wrong}", _HASH_HINT)
                return None
    rest = HASH_FILES.sub("", key)
    if "${{" in rest:
        value.wrong("in a key only ${{ hashFiles(…) }} is replaced", _HASH_HINT)
        return None
    return key


def _fallbacks(value: Value) -> tuple[str, ...]:
    entries = one_or_more(value) or []
    if len(entries) > MOST_FALLBACKS:
        value.wrong_key(f"{len(entries)} fallbacks; there are at most {MOST_FALLBACKS}")
    return tuple(each for each in map(_fallback, entries[:MOST_FALLBACKS]) if each)


def _fallback(entry: Value) -> str | None:
    beginning = visible_line(entry)
    return beginning if beginning is not None and is_plain(entry, beginning) else None


def _lower(job: Job, said: Said) -> Job:
    return replace(job, caches=said.get("cache", ()))


CACHE_FEATURE: Final = JobFeature(
    keys=(
        Key(
            name="cache",
            read=_caches,
            schema=alone_or_listed(_ENTRY, maxItems=MOST),
            about=(
                "A list of `{key, paths, fallback}`: what later runs find again before their first step. "
                "`${{ hashFiles('globs', …) }}` in a key stands for what the files hold at the checkout. "
                "Without a cache of that key, the newest whose key begins with a `fallback` is read. Written "
                "when the job has passed and its key was not there, and only by runs of branches and pull "
                "requests of the repository itself: a branch reads its own and the default branch's, a fork "
                "reads and never writes. Paths are inside the workspace. A cache with a secret of the run in it "
                "is not written."
            ),
            example=_EXAMPLE,
        ),
    ),
    lower=_lower,
)
