"""Patterns: what they match, compared with slow and simple matchers; what is wrong with them; what they cost."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pathspec import GitIgnoreSpec

from ci_bot.core.occasion import Changed
from ci_bot.core.patterns import (
    any_file_matches,
    changes_of,
    file_matches,
    is_too_much,
    matches_ref,
    wrong_path,
    wrong_ref,
)


@pytest.mark.parametrize(
    ("patterns", "name", "expected"),
    [
        (["main"], "main", True),
        (["main"], "maintenance", False),
        (["main"], "fix/main", False),
        (["release/*"], "release/1.2", True),
        (["release/*"], "release/1/2", False),
        (["release/**"], "release/1/2", True),
        (["**"], "a/b", True),
        (["*"], "a/b", False),
        (["v?"], "v1", True),
        (["v?"], "v", False),
        (["v*.*"], "v1.2", True),
        (["a**z"], "a/b/z", True),
        (["release/**", "!release/old"], "release/old", False),
        (["!release/old", "release/**"], "release/old", False),
        (["!old"], "new", True),
        (["!old"], "old", False),
        (["Main"], "main", False),
    ],
)
def test_branches_match_as_a_whole(patterns: list[str], name: str, expected: bool) -> None:
    assert matches_ref(patterns, name) is expected


@pytest.mark.parametrize(
    ("patterns", "file", "expected"),
    [
        (["src/**"], "src/a/b.py", True),
        (["src/**"], "lib/src/a.py", False),
        (["src"], "src/a.py", True),
        (["src"], "lib/src/a.py", True),
        (["/src"], "lib/src/a.py", False),
        (["src/"], "src", False),
        (["src/"], "src/a", True),
        (["*.md"], "docs/a.md", True),
        (["/*.md"], "docs/a.md", False),
        (["docs/*.md"], "docs/a/b.md", False),
        (["docs/**/*.md"], "docs/a/b.md", True),
        (["docs/**/*.md"], "docs/b.md", True),
        (["**/go.mod"], "go.mod", True),
        (["[ab].c"], "b.c", True),
        (["[!ab].c"], "b.c", False),
        (["\\*.c"], "*.c", True),
        (["\\*.c"], "a.c", False),
        (["src/**", "!src/docs/**"], "src/docs/a", False),
        (["!docs/**"], "src/a", True),
        (["!docs/**"], "docs/a", False),
    ],
)
def test_paths_match_as_gitignore_has_them(patterns: list[str], file: str, expected: bool) -> None:
    assert file_matches(patterns, file) is expected


def naive_ref(pattern: str, name: str) -> bool:
    if not pattern:
        return not name
    if pattern[0] == "*":
        rest = pattern.lstrip("*")
        crosses = len(pattern) - len(rest) > 1
        ends = range(len(name) + 1) if crosses else range(len(name.partition("/")[0]) + 1)
        return any(naive_ref(rest, name[end:]) for end in ends)
    if not name:
        return False
    is_same = name[0] != "/" if pattern[0] == "?" else name[0] == pattern[0]
    return is_same and naive_ref(pattern[1:], name[1:])


@settings(max_examples=200)
@given(st.text("ab/*?", max_size=9), st.text("ab/", max_size=9))
def test_branches_agree_with_trying_everything(pattern: str, name: str) -> None:
    assert matches_ref([pattern], name) is naive_ref(pattern, name)


segments = st.text("ab*?", min_size=1, max_size=6) | st.sampled_from(["**", "[ab]", "[!a]*", "a\\*"])
path_patterns = st.builds(
    lambda start, middle, end: start + "/".join(middle) + end,
    st.sampled_from(["", "/"]),
    st.lists(segments, min_size=1, max_size=5),
    st.sampled_from(["", "/"]),
)
paths = st.lists(st.text("ab*c", min_size=1, max_size=5), min_size=1, max_size=5).map("/".join)


@settings(max_examples=300)
@given(path_patterns, paths)
def test_paths_agree_with_pathspec(pattern: str, path: str) -> None:
    assert file_matches([pattern], path) is GitIgnoreSpec.from_lines([pattern]).match_file(path)


@settings(max_examples=200)
@given(st.text(max_size=20))
def test_a_pattern_is_wrong_or_can_be_matched(pattern: str) -> None:
    if not wrong_path(pattern):
        assert file_matches([pattern], "a/b") in (True, False)
    if not wrong_ref(pattern):
        assert matches_ref([pattern], "a/b") in (True, False)


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("", "is empty"),
        ("!", "is empty"),
        ("feature branch", 'has " " in it'),
        ("a..b", 'has ".." in it'),
        ("refs/heads/main", "full ref"),
        ("*a*a*a*a*", "more than 4 stars"),
        ("a" * 256, "longer than 255"),
    ],
)
def test_what_is_wrong_with_a_branch(pattern: str, words: str) -> None:
    assert words in wrong_ref(pattern)


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("", "names no file"),
        ("/", "names no file"),
        ("./src", '"." or ".."'),
        (" src", "space"),
        ("[ab", "not closed"),
        ("[z-a]", "bad character range"),
        ("a\\", "nothing behind it"),
        ("*a*a*a*a*", "more than 4 stars"),
        ("a/" * 41, "more than 40 segments"),
    ],
)
def test_what_is_wrong_with_a_path(pattern: str, words: str) -> None:
    assert words in wrong_path(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        "*a*a*a*ab",
        "**/a/**/a/**/a/**/b",
        "*a*a*/*a*a*/**/b",
        "**/*a*a*a*a/**/*a*a*a*b",
        "*" + "a" * 100 + "b",
    ],
)
def test_hostile_patterns_cost_no_more_than_they_are_counted_for(pattern: str) -> None:
    files = ["/".join(["a" * 255] * 4) + str(n) for n in range(3000)]
    assert not wrong_path(pattern)
    began = time.process_time()
    if is_too_much([pattern], files):
        assert changes_of([pattern], Changed(tuple(files))) == {pattern: True}
        return
    assert not any_file_matches([pattern], files)
    assert time.process_time() - began < 5  # and not hours; what it is on a quiet machine is in docs


def test_conditions_are_answered_for_each_pattern() -> None:
    changed = Changed(("src/a.py", "README.md"))
    assert changes_of(["src/**", "docs/**", "src/**"], changed) == {"src/**": True, "docs/**": False}


def test_where_nobody_can_tell_everything_changed() -> None:
    assert changes_of(["src/**"], Changed(None, "too many")) == {"src/**": True}
