"""Which files of a workspace a glob means, and that no glob costs more than its length."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_bot.core.globs import Globs, wrong_glob


@pytest.mark.parametrize(
    ("glob", "yes", "no"),
    [
        ("dist", ["dist", "dist/a", "dist/a/b"], ["x/dist", "distant"]),
        ("dist/", ["dist/a"], ["x"]),
        ("./dist/**", ["dist/a", "dist/a/b"], ["dist"]),
        ("dist/*", ["dist/a", "dist/a/b"], ["dist"]),
        ("*.log", ["a.log", ".log"], ["d/a.log", "a.logs"]),
        ("**/*.log", ["a.log", "d/a.log", "d/e/a.log"], ["a.txt"]),
        ("**/x/**/y", ["x/y", "a/x/b/c/y", "x/x/y/z"], ["x", "a/y"]),
        ("a?c", ["abc"], ["ac", "a/c"]),
        ("**", ["a", "a/b"], [".git/config", ".git"]),
        ("[a]", ["[a]"], ["a"]),
    ],
)
def test_what_is_matched(glob: str, yes: list[str], no: list[str]) -> None:
    globs = Globs.of([glob])
    assert ([path for path in yes if not globs.match(path)], [p for p in no if globs.match(p)]) == (
        [],
        [],
    )


def test_what_begins_with_a_bang_takes_away_wherever_it_stands() -> None:
    globs = Globs.of(["!**/*.tmp", "dist", "!dist/secret"])
    assert [path for path in ("dist/a", "dist/b.tmp", "dist/secret/x") if globs.match(path)] == [
        "dist/a"
    ]


@pytest.mark.parametrize(
    ("glob", "told"),
    [
        ("", "is empty"),
        ("/etc/passwd", "is not inside the workspace"),
        ("~/.npm", "is not inside the workspace"),
        ("a/../../b", 'leaves the workspace by ".."'),
        ("./", "names no file"),
        ("a\x00b", "an invisible character"),
        ("*a*a*a*a*", "more than 4 stars"),
        ("a/" * 41, "more than 40 segments"),
        ("a" * 256, "longer than 255"),
    ],
)
def test_what_is_wrong_with_a_glob(glob: str, told: str) -> None:
    assert told in wrong_glob(glob)
    assert not Globs.of([glob]).match("etc/passwd")


def test_only_folders_that_can_hold_something_are_gone_into() -> None:
    globs = Globs.of(["a/*/c", "!a/no"])
    top = globs.top()
    assert globs.leads_on(globs.below(top, "a"))
    assert not globs.leads_on(globs.below(top, "b"))
    assert not globs.leads_on(globs.below(globs.below(top, "a"), "no"))
    assert globs.roots() == ("a",)
    assert Globs.of(["**/x"]).roots() == ("",)


def test_the_worst_globs_come_to_an_end() -> None:
    """A matcher that tries every way to share a name out among the stars would not."""
    globs = Globs.of(["**/" * 18 + "*a*a*a*c"] * 100)
    assert not globs.match("/".join(["a" * 100 + "b"] * 40))


NAMES = st.text("ab.", min_size=1, max_size=4).filter(lambda name: name not in (".", ".."))


@given(
    st.lists(st.sampled_from(["a", "b*", "*", "?", "**", "*b*"]), min_size=1, max_size=5),
    st.lists(NAMES, min_size=1, max_size=6),
)
def test_it_means_what_the_regular_expression_means(segments: list[str], names: list[str]) -> None:
    """A folder that is matched brings what is in it; "**" at the end is "*"."""
    plain = segments
    while plain[-2:] == ["**", "**"]:
        plain = plain[:-1]
    if plain[-1] == "**":
        plain = [*plain[:-1], "*"]
    regex = "".join(
        "(?:[^/]+/)*"
        if part == "**"
        else re.escape(part).replace(r"\*", "[^/]*").replace(r"\?", "[^/]") + "/"
        for part in plain
    )
    wanted = re.match(regex, "/".join(names) + "/") is not None
    assert Globs.of(["/".join(segments)]).match("/".join(names)) == wanted
