"""`cache`."""

from __future__ import annotations

import pytest

from ci_bot.core.planned import Cache
from tests.core.pipeline.examples import complaints, job, read_text

A = "jobs.build.cache"


def caches(written: str) -> tuple[Cache, ...]:
    found = read_text(job(f"cache: {written}")).pipeline
    assert found
    return found.jobs[0].caches


def test_one_or_many_with_hashes_and_fallbacks() -> None:
    key = "npm-${{ hashFiles('**/package-lock.json') }}"
    assert caches(f'{{key: "{key}", paths: node_modules, fallback: npm-}}') == (
        Cache(key, ("node_modules",), ("npm-",)),
    )
    assert caches("[{key: a, paths: [x, y]}, {key: b, paths: z, fallback: [b1, b]}]") == (
        Cache("a", ("x", "y")),
        Cache("b", ("z",), ("b1", "b")),
    )


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("npm", f'4:12: {A}: must be a list, not text; begin each item with "- "'),
        ("[{paths: x}]", f'4:13: {A}[0]: "key" is missing; name it, like "npm-${{{{ hashFiles(\'**/package-lock.json\') }}}}"'),
        ("[{key: x}]", f'4:13: {A}[0]: "paths" is missing; name what is kept, like ["node_modules"]'),
        ("[{key: x, paths: ~/.npm}]", f'4:29: {A}[0].paths: "~/.npm" is not inside the workspace; write it relative to that, like dist/**'),
        ("[{key: x, paths: y, restore-keys: z}]", f'4:32: {A}[0].restore-keys: unknown key "restore-keys"; did you mean "fallback"?'),
        ("[{key: '${{ hashFiles(lock) }}', paths: y}]", f'4:19: {A}[0].key: "${{{{ hashFiles(lock) }}}}" does not name files; write it like ${{{{ hashFiles(\'**/package-lock.json\') }}}}'),
        ("[{key: '${{ branch }}', paths: y}]", f"4:19: {A}[0].key: in a key only ${{{{ hashFiles(…) }}}} is replaced; write it like ${{{{ hashFiles('**/package-lock.json') }}}}"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told(written: str, told: str) -> None:
    assert complaints(job(f"cache: {written}")) == [told]


def test_files_to_be_hashed_are_in_the_workspace() -> None:
    (told,) = complaints(job("""cache: [{key: "${{ hashFiles('/etc/passwd') }}", paths: y}]"""))
    assert 'hashFiles: "/etc/passwd" is not inside the workspace' in told
