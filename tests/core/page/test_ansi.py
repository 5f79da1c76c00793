"""Of what a terminal obeys colours alone act; everything else is text, whatever the line holds."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape

from ci_bot.core.page.ansi import PLAIN, Span, Style, spans, style_before, text_spans

ESC = "\x1b"
PIECES = st.one_of(
    st.sampled_from(
        [
            *(
                "\x1b[31m",
                "\x1b[0m",
                "\x1b[m",
                "\x1b[1;4;38;5;200m",
                "\x1b[38:2::1:2:3m",
                "\x1b[48;2;9;9m",
            ),
            *(
                "\x1b[2K",
                "\x1b[1A",
                "\x1b[?25l",
                "\x1b]8;;http://evil.example\x07",
                "\x1b]8;;\x1b\\",
                "\x1b]0;t",
            ),
            *(
                "\r",
                "\b",
                "\x00",
                "\u202e",
                "\u2066",
                "\u2028",
                "\x9b31m",
                "\ud800",
                "\x1b",
                "\x1b[",
                "\x1b]",
            ),
            *(
                "<script>alert(1)</script>",
                '"><img src=x onerror=alert(1)>',
                "&lt;",
                "'",
                "\\x1b",
                "é",
                "🙂",
            ),
        ]
    ),
    st.text(max_size=20),
)
LINES = st.lists(PIECES, max_size=30).map("".join).map(lambda text: text.replace("\n", ""))
CLASSES = re.compile(
    r"(bold|dim|ital|und|strk|ctl|cut|bx|[fgb]([0-9]|[1-9][0-9]|1[0-9][0-9]|2[0-4][0-9]|25[0-5]))"
)


@given(LINES)
def test_what_comes_out_is_text_and_names_of_our_own(text: str) -> None:
    found, _ = text_spans(text)
    for span in found:
        assert span.text
        assert all(CLASSES.fullmatch(name) for name in span.classes.split())
        assert not re.search(
            r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029]", span.text
        )
        assert not any("\ud800" <= character <= "\udfff" for character in span.text)


@given(LINES)
def test_no_text_comes_out_that_did_not_go_in(text: str) -> None:
    """But for the names of control characters, in their order."""
    found, _ = text_spans(text)
    rest = iter(text)
    for span in found:
        if "ctl" not in span.classes:
            assert all(character in rest for character in span.text)


@given(LINES)
def test_as_html_it_parses_to_nothing_but_spans_of_that_text(text: str) -> None:
    found, _ = text_spans(text)
    html = "".join(f'<span class="{span.classes}">{escape(span.text)}</span>' for span in found)
    parser = Strict()
    parser.feed(html)
    parser.close()
    assert parser.text == "".join(span.text for span in found)


class Strict(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag == "span"
        assert [name for name, _ in attrs] == ["class"]

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_line(line: bytes) -> None:
    found, style = spans(line.replace(b"\n", b""))
    assert isinstance(found, tuple)
    assert isinstance(style, Style)


@given(st.lists(LINES, max_size=5))
def test_looks_go_on_over_lines_as_they_do_in_one(lines: list[str]) -> None:
    style = PLAIN
    for line in lines:
        _, style = text_spans(line.replace("\r", ""), style)
    _, at_once = text_spans(" ".join(lines).replace("\r", ""))
    whole = any("\x1b" in line.rsplit("m", 1)[-1] for line in lines)  # a sequence that a seam would cut
    assert whole or style == at_once


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[31mred\x1b[0m", [Span("red", "f1")]),
        ("\x1b[1;91mred\x1b[22m not bold", [Span("red", "bold f9"), Span(" not bold", "f9")]),
        ("\x1b[38;5;208mx\x1b[48;5;16my", [Span("x", "f208"), Span("y", "b16 g208")]),
        ("\x1b[38;2;255;0;0mx", [Span("x", "f196")]),
        ("\x1b[38:2::255:0:0mx", [Span("x", "f196")]),
        ("\x1b[38:5:9mx", [Span("x", "f9")]),
        ("\x1b[7mx\x1b[27my", [Span("x", "bx"), Span("y")]),
        ("\x1b[31;41mhidden", [Span("hidden", "b1")]),
        ("\x1b[8mhidden\x1b[5mblinking", [Span("hiddenblinking")]),
        ("\x1b[4:3mcurly\x1b[4:0m", [Span("curly", "und")]),
        ("\x1b[38;5mx", [Span("x")]),
        ("\x1b[38;5;999mx", [Span("x")]),
        ("a\x1b]8;;http://x.example\x1b\\link\x1b]8;;\x1b\\b", [Span("alinkb")]),
        ("\x1b]0;title\x07x", [Span("x")]),
        ("\x1b]0;never ended", [Span("\\x1b", "ctl"), Span("]0;never ended")]),
        ("\x1b[2K\x1b[1A\x1b[?25lx\x1b(B", [Span("x")]),
        ("10%\r50%\r\x1b[32m100%\r", [Span("100%", "f2")]),
        ("\x1b[31m10%\r50%", [Span("50%", "f1")]),
        ("a\u202eb\x00", [Span("a"), Span("\\u202e", "ctl"), Span("b"), Span("\\x00", "ctl")]),
        ("tab\there", [Span("tab\there")]),
    ],
)
def test_what_is_shown(text: str, expected: list[Span]) -> None:
    assert list(text_spans(text)[0]) == expected


def test_what_the_output_before_left_behind() -> None:
    assert style_before(b"\x1b[31mred\x1b[0m \x1b[1m\x1b[34mblue") == Style(front=4, bold=True)
    assert style_before(b"[31m in the middle of a sequence") == PLAIN
    assert style_before(b"") == PLAIN


def test_wrong_utf_8_is_shown_as_such() -> None:
    assert spans(b"caf\xe9")[0] == (Span("caf\ufffd"),)


def test_hostile_text_takes_no_more_than_its_length() -> None:
    """Linear: twice as much is not four times the work, which would take a minute here."""
    for piece in ("\x1b]", "\x1b[", "\x1b[1;", "\x1b]8;;" + "a" * 4097, "\x1b[" + ";" * 200):
        found, _ = text_spans(piece * (300_000 // len(piece)))
        assert found
