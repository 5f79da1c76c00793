"""What a step wrote, as text that can be shown anywhere."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_bot.core.plain import plain

_PIECES = st.lists(
    st.one_of(
        st.binary(max_size=6),
        st.text(max_size=6).map(lambda text: text.encode("utf-8", "surrogatepass")),
        st.sampled_from(
            [b"\r", b"\n", b"\x1b[31m", b"\x1b[", b"\x1b[0K", "\u202e".encode(), b"\xc2\x85"]
        ),
    )
).map(b"".join)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"plain\n\ttext\n", "plain\n\ttext\n"),
        (b"\x1b[1;31mred\x1b[0m", "red"),
        (b"\x1b[38:5:208morange\x1b[m", "orange"),
        (b"windows\r\nlines\r\n", "windows\nlines\n"),
        (b"10%\r50%\r100%\ndone", "100%\ndone"),
        (b"50%\r\x1b[K100%\r\n", "100%\n"),
        (b"waiting\r", "waiting"),
        (b"\x1b[2Jcleared", "\\x1b[2Jcleared"),
        (b"\x1b]8;;http://evil\x07link", "\\x1b]8;;http://evil\\x07link"),
        (b"\x1b\x1b[0m[0m", "\\x1b[0m"),
        ("rtl\u202eoverride".encode(), "rtl\\u202eoverride"),
        ("two\u2028lines\x85".encode(), "two\\u2028lines\\x85"),
        (b"broken \xff utf-8", "broken \ufffd utf-8"),
        ("日本 ✓".encode(), "日本 ✓"),
        (b"", ""),
    ],
)
def test_examples(raw, shown):
    assert plain(raw) == shown


@given(_PIECES)
def test_nothing_is_left_that_could_command_a_terminal_or_turn_text_around(raw):
    shown = plain(raw)
    controls = {c for c in shown if unicodedata.category(c) in ("Cc", "Zl", "Zp")}
    assert controls <= {"\n", "\t"}
    assert not any(
        unicodedata.bidirectional(c) in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
        for c in shown
    )


@given(_PIECES)
def test_what_is_plain_stays_as_it_is_and_no_line_is_lost(raw):
    shown = plain(raw)
    assert plain(shown.encode()) == shown
    assert shown.count("\n") == raw.count(b"\n")


def test_a_megabyte_of_half_sequences_is_no_trouble():
    assert plain(b"\x1b[1" * 300_000) == "\\x1b[1" * 300_000
    assert plain(b"x\r" * 500_000) == "x"
