"""git's words, and what we make of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_bot.workspace.failures import Failure, failure_of, last_words


@pytest.mark.parametrize(
    ("said", "failure"),
    [
        ("fatal: write error: No space left on device\nfatal: index-pack failed", Failure.DISK),
        ("fatal: unable to access 'http://h/': The requested URL returned error: 403", Failure.REFUSED),
        (
            "remote: Repository not found.\nfatal: repository 'https://h/a/b/' not found",
            Failure.NOT_FOUND,
        ),
        ("fatal: unable to access 'http://h/': The requested URL returned error: 502", Failure.NETWORK),
        ("error: RPC failed; curl 18 transfer closed\nfatal: early EOF", Failure.NETWORK),
        ("fatal: unable to access 'https://h/': SSL certificate problem: expired", Failure.NETWORK),
        ("fatal: couldn't find remote ref refs/pull/9/head", Failure.MISSING),
        (
            "error: inflate: data stream error\nfatal: loose object 1a (stored in x) is corrupt",
            Failure.CORRUPT,
        ),
        ("error: invalid path '.git/corrupt'", Failure.UNSAFE),
        ("something new", Failure.OTHER),
        ("", Failure.OTHER),
    ],
)
def test_kinds(said, failure):
    assert failure_of(said) is failure


def test_the_last_complaint_is_quoted_rather_than_the_advice_after_it():
    said = b"remote: hello\nerror: first\nfatal: Could not read.\n\nPlease make sure you have access.\n"
    assert last_words(said) == "fatal: Could not read."


@given(st.binary(max_size=500))
def test_whatever_it_says_becomes_one_short_line(said):
    line = last_words(said)
    assert line
    assert len(line) <= 300
    assert line.isprintable() or not any(char in line for char in "\n\r\x1b\x00")
