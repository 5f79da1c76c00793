"""A key file beside what was made with its keys: what is told, and when nothing must be made anew."""

from __future__ import annotations

import pytest

from ci_bot.secrets.lost import SEALED, STORED, KeyFile, MadeWith, lacking, missing

OLD = "aaaaaaaaaaaaaaaa"
NEW = "bbbbbbbbbbbbbbbb"
TOKEN = MadeWith(OLD, "TOKEN of acme/web")


@pytest.mark.parametrize(
    "file",
    [
        KeyFile(STORED, None, ()),  # the first start
        KeyFile(STORED, (OLD,), ()),
        KeyFile(STORED, (OLD,), (TOKEN,)),
        KeyFile(STORED, (OLD, NEW), (TOKEN, MadeWith(NEW, "OTHER of acme/web"))),
    ],
)
def test_where_nothing_is_lost_nothing_is_said(file: KeyFile) -> None:
    assert (missing(file), lacking(file)) == ("", "")


@pytest.mark.parametrize("name", [STORED, SEALED])
def test_a_file_that_is_gone_is_not_made_anew_while_something_needs_it(name: str) -> None:
    words = missing(KeyFile(name, None, (TOKEN,)))
    assert words.startswith(f"{name} is not there")
    assert OLD in words
    assert "restore it from a backup" in words
    assert "ci-bot secret rotate-key --lost" in words
    assert lacking(KeyFile(name, None, (TOKEN,))) == words


def test_a_file_that_was_made_anew_is_told_with_what_to_set_again() -> None:
    file = KeyFile(STORED, (NEW,), (TOKEN, TOKEN, MadeWith(NEW, "FINE of acme/web")))
    assert missing(file) == ""
    words = lacking(file)
    assert f"{STORED} has no key {OLD}, which 1 stored secret was made with" in words
    assert words.endswith("set these again: TOKEN of acme/web")


def test_sealed_strings_are_to_be_sealed_again_and_many_are_counted() -> None:
    used = [MadeWith(OLD, f"T{number} in acme/web, main") for number in range(14)]
    words = lacking(KeyFile(SEALED, (NEW,), used))
    assert "14 sealed strings were made with" in words
    assert "seal these again: T0 in acme/web, main" in words
    assert words.endswith("and 4 more")
