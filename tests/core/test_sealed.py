"""One text for each sealed string, and words for every other text."""

import json
from base64 import urlsafe_b64encode
from dataclasses import asdict, replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ci_bot.core import sealed as module
from ci_bot.core.sealed import (
    MAX_TEXT,
    OVERHEAD,
    SealBroken,
    Sealed,
    SealHeader,
    format_sealed,
    info_of,
    parse_sealed,
    refusal_of_header,
)
from ci_bot.core.secret_names import NAME

HEADER = SealHeader(1, "0123456789abcdef", "github", 12, "TOKEN", ("push", "tag"), ("main", "v*"))
CIPHERTEXT = bytes(range(256)) * 5
TEXT = format_sealed(HEADER, CIPHERTEXT)

_sets = st.lists(st.from_regex(module._EVENT, fullmatch=True), max_size=4, unique=True)
_branches = st.lists(st.from_regex(module._BRANCH, fullmatch=True), max_size=4, unique=True)
headers = st.builds(
    SealHeader,
    st.just(1),
    st.from_regex(module._KEY_ID, fullmatch=True),
    st.from_regex(module._FORGE, fullmatch=True),
    st.integers(1, 2**63 - 1),
    st.from_regex(NAME, fullmatch=True),
    _sets.map(sorted).map(tuple),
    _branches.map(sorted).map(tuple),
)


def words(text):
    with pytest.raises(SealBroken) as caught:
        parse_sealed(text)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    return str(caught.value)


def encoded(data):
    return urlsafe_b64encode(data).decode().rstrip("=")


def with_header(info):
    return f"ci-bot.1.{encoded(info)}.{encoded(CIPHERTEXT)}"


def with_fields(**changed):
    content = asdict(HEADER) | changed
    return with_header(json.dumps(content, sort_keys=True, separators=(",", ":")).encode())


@given(headers, st.binary(min_size=OVERHEAD + 1, max_size=OVERHEAD + 64))
def test_what_is_written_is_read_back(header, ciphertext):
    text = format_sealed(header, ciphertext)
    assert text.isascii()
    assert text.split() == [text]
    assert parse_sealed(text) == Sealed(header, ciphertext)


def test_the_form_is_kept_for_ever():
    info = (
        b'{"branches":["main","v*"],"events":["push","tag"],"forge":"github",'
        b'"key_id":"0123456789abcdef","name":"TOKEN","repo_id":12,"version":1}'
    )
    assert info_of(HEADER) == info
    assert parse_sealed(TEXT).info == info
    assert with_header(info) == TEXT


pieces = st.sampled_from(["ci-bot", ".", "1", "2", "=", " ", "\n", "é", *TEXT.split("."), TEXT[:-1]])


@given(st.text() | st.lists(pieces, max_size=8).map("".join))
@example("ci-bot.1." + encoded(b"[" * 40_000) + ".AAAA")
@example("ci-bot.1." + encoded(b'{"repo_id":' + b"9" * 5000 + b"}") + ".AAAA")
@example("ci-bot.1." + encoded(b"\xff\xfe{") + ".AAAA")
def test_every_text_is_a_sealed_string_or_broken(text):
    try:
        found = parse_sealed(text)
    except SealBroken as error:
        assert "\n" not in str(error)  # noqa: PT017
    else:
        assert format_sealed(found.header, found.ciphertext) == text


_header_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from(sorted(asdict(HEADER))), _header_values)
def test_every_header_is_sound_or_broken(key, value):
    text = with_fields(**{key: value})
    try:
        found = parse_sealed(text)
    except SealBroken:
        return
    assert format_sealed(found.header, found.ciphertext) == text


@given(st.integers(0, len(TEXT) - 1))
def test_a_text_that_is_cut_off_is_never_read_as_another_secret(length):
    try:
        found = parse_sealed(TEXT[:length])
    except SealBroken:
        return
    assert found.header == HEADER
    assert CIPHERTEXT.startswith(found.ciphertext)


def test_the_author_is_told_what_to_do():
    assert words("hunter2") == module.NOT_SEALED
    assert words("") == module.NOT_SEALED
    assert words("ci-bot") == module.NOT_SEALED
    assert (
        words(TEXT + "\n") == words(f" {TEXT}") == words(TEXT[:50] + " " + TEXT[50:]) == module.BLANKS
    )
    assert words(TEXT.replace(".1.", ".2.", 1)) == words("ci-bot.999.x") == module.NEWER
    assert words("ci-bot.") == words("ci-bot.1") == words(TEXT[:40]) == module.CUT_OFF
    assert words(TEXT[: len(TEXT) // 2]) in {module.CUT_OFF, module.CHANGED}
    assert words(TEXT + ".AAAA") == words(TEXT.replace(".1.", ".01.", 1)) == module.CHANGED
    assert words("ci-bot." + "A" * MAX_TEXT) == module.TOO_LONG


def test_a_plain_secret_written_there_by_mistake_is_not_quoted():
    for text in ("hunter2secret", "ci-bot.1.hunter2secret.hunter2secret", "ci-bot.hunter2secret"):
        assert "hunter2secret" not in words(text)


@pytest.mark.parametrize("tail", ["=", "==", "AA", "+", "/", "-_ ", "é", "\u2028"])
def test_base64_is_strict(tail):
    header, ciphertext = TEXT.split(".")[2:]
    words(f"ci-bot.1.{header}.{ciphertext}{tail}")
    words(f"ci-bot.1.{header}{tail}.{ciphertext}")
    words(f"ci-bot.1.{header[:40]}{tail}{header[40:]}.{ciphertext}")


def test_the_last_bits_of_base64_cannot_be_chosen():
    text = format_sealed(HEADER, bytes(OVERHEAD + 2))  # one byte more than a multiple of three
    assert text.endswith("AA")
    assert words(text[:-1] + "B") == module.CHANGED


def test_standard_base64_is_not_taken_for_the_other():
    text = format_sealed(HEADER, b"\xff" * (OVERHEAD + 1))
    assert "_" in text
    assert words(text.replace("_", "/")) == module.CHANGED


@pytest.mark.parametrize(
    "info",
    [
        info_of(HEADER).replace(b":", b": ", 1),
        info_of(HEADER) + b" ",
        info_of(HEADER).replace(b'"version":1', b'"version":1,"version":1'),
        info_of(HEADER).replace(b'"TOKEN"', b'"\\u0054OKEN"'),
        info_of(HEADER).replace(b"12", b"12.0"),
        b'{"version":1}',
        json.dumps(asdict(HEADER)).encode(),
        b"null",
        b"",
    ],
)
def test_a_header_that_is_written_another_way_is_broken(info):
    assert words(with_header(info)) == module.CHANGED


@pytest.mark.parametrize(
    "changed",
    [
        {"version": 2},
        {"version": True},
        {"version": "1"},
        {"key_id": "0123456789ABCDEF"},
        {"key_id": "0123"},
        {"key_id": None},
        {"forge": "GitHub"},
        {"forge": ""},
        {"repo_id": 0},
        {"repo_id": -1},
        {"repo_id": 2**63},
        {"repo_id": "12"},
        {"name": "A B"},
        {"name": "A" * 129},
        {"events": "push"},
        {"events": ["tag", "push"]},
        {"events": ["push", "push"]},
        {"events": [["push"]]},
        {"events": [f"e{chr(97 + n)}" for n in range(17)]},
        {"events": {"push": 1}},
        {"branches": None},
        {"branches": [""]},
        {"branches": ["a\nb"]},
        {"branches": ["\ud800"]},
        {"branches": ["a\u202eb"]},
        {"branches": ["a" * 256]},
        {"more": 1},
    ],
)
def test_types_and_lengths_are_checked(changed):
    assert words(with_fields(**changed)) == module.CHANGED


def test_what_could_not_be_read_is_not_written():
    assert refusal_of_header(HEADER) == ""
    for header in (
        replace(HEADER, version=2),
        replace(HEADER, repo_id=True),
        replace(HEADER, events=("tag", "push")),
    ):
        assert refusal_of_header(header)
        with pytest.raises(SealBroken):
            format_sealed(header, CIPHERTEXT)
    with pytest.raises(SealBroken):
        format_sealed(HEADER, bytes(MAX_TEXT))


def test_a_ciphertext_that_cannot_hold_a_value_is_cut_off():
    assert words(format_sealed(HEADER, bytes(OVERHEAD))) == module.CUT_OFF
