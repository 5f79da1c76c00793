"""What may stand in a backup, and why one is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_bot.core.backup import Entry, Manifest, damage, is_name, refusal

MANIFEST = Manifest(1.0, "0.1.0", "0002", {"ci-bot.db": Entry(3, "aa")})


@given(st.text() | st.from_regex(r"[./a-z\-]{1,20}"))
def test_no_name_leads_out_of_the_directory(name: str) -> None:
    if is_name(name):
        path = PurePosixPath(name)
        assert not path.is_absolute()
        assert ".." not in path.parts
        assert "\n" not in name


@pytest.mark.parametrize(
    "name",
    ["../x", "/etc/passwd", "logs/../x.log", "logs/a/b.log", "logs/a/0.txt", "ci-bot.db\n", "", "logs"],
)
def test_what_is_not_ours_is_no_name(name: str) -> None:
    assert not is_name(name)


@pytest.mark.parametrize("name", ["ci-bot.db", "logs/01abc/0.log", "logs/01abc/12.end", "secrets.key"])
def test_what_is_ours_is_one(name: str) -> None:
    assert is_name(name)


def test_a_newer_schema_or_format_is_refused_with_the_remedy() -> None:
    assert refusal(MANIFEST, ["0001", "0002"], "0.1.0") == ""
    newer = replace(MANIFEST, schema="0009", version="0.9.0")
    assert "made by ci-bot 0.9.0; this is ci-bot 0.1.0, which knows up to 0002: upgrade" in refusal(
        newer, ["0002", "0001"], "0.1.0"
    )
    assert "format 7" in refusal(replace(MANIFEST, format=7), ["0002"], "0.1.0")
    assert refusal(replace(MANIFEST, schema=""), ["0001"], "0.1.0") == ""


def test_each_damage_is_told() -> None:
    assert damage(MANIFEST, MANIFEST.entries) == []
    assert damage(MANIFEST, {"instance": Entry(1, "b")}) == [
        "ci-bot.db is missing",
        "instance is not in its manifest",
    ]
    assert damage(MANIFEST, {"ci-bot.db": Entry(3, "ab")}) == [
        "ci-bot.db was changed: its hash is another one"
    ]
