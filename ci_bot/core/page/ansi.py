"""One line of a step's output in, pieces of text with their looks out: of all that a terminal obeys, colours alone act.

Total and linear: whatever the line holds, what comes out is text, and names of classes made here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ci_bot.core.page.palette import nearest

#: Colours and the like (SGR): ECMA-48, 8.3.117, with the colon of ITU T.416 too.
_SGR: Final = r"\x1b\[(?P<sgr>[0-9;:]{0,128})m"
#: Other control sequences (cursor, erase, scroll) and operating system commands (titles, links: OSC 8)
#: are taken out of the text; so are those that choose a character set.
_OTHER: Final = (
    r"\x1b\[[0-?]{0,128}[ -/]{0,8}[@-~]"
    r"|\x1b\][^\x07\x1b\r]{0,4096}(?:\x07|\x1b\\)"
    r"|\x1b[()][0-9A-Za-z]"
)
#: What is shown as what it is: other control characters, Unicode's line separators, and what turns the
#: direction of text around (https://trojansource.codes).
_VISIBLE: Final = (
    r"(?P<control>[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
    r"\ud800-\udfff])"
)
_TOKEN: Final = re.compile(f"{_SGR}|{_OTHER}|{_VISIBLE}")
_RESET: Final = re.compile(rb"\x1b\[0*m")
_ANY_SGR: Final = re.compile(rb"\x1b\[([0-9;:]{0,128})m")

CONTROL: Final = "ctl"


@dataclass(frozen=True, slots=True)
class Style:
    """How text looks. Colours are places in the palette of 256, None for the page's own."""

    front: int | None = None
    back: int | None = None
    bold: bool = False
    dim: bool = False
    italic: bool = False
    underline: bool = False
    strike: bool = False
    inverse: bool = False

    @property
    def classes(self) -> str:
        """Names of the style sheet's classes: `f1` a text colour, `b1` one behind it, `g1` on one."""
        front, back = (self.back, self.front) if self.inverse else (self.front, self.back)
        if front == back:  # would hide the text
            front = None
        names = [word for word, is_on in self._words() if is_on]
        if back is not None or self.inverse:
            names.append("bx" if back is None else f"b{back}")
            names += [] if front is None else [f"g{front}"]
        elif front is not None:
            names.append(f"f{front}")
        return " ".join(names)

    def _words(self) -> tuple[tuple[str, bool], ...]:
        return (
            ("bold", self.bold),
            ("dim", self.dim),
            ("ital", self.italic),
            ("und", self.underline),
            ("strk", self.strike),
        )


PLAIN: Final = Style()


@dataclass(frozen=True, slots=True)
class Span:
    """Text of one look; `classes` are names of the style sheet's, "" for the plain one."""

    text: str
    classes: str = ""


def spans(line: bytes, style: Style = PLAIN) -> tuple[tuple[Span, ...], Style]:
    """A line without its line break, and how the line before it ended; returns how this one ends.

    Of a line that was redrawn after carriage returns its last state is shown. Wrong UTF-8 is U+FFFD.
    """
    return text_spans(line.decode("utf-8", "replace"), style)


def text_spans(text: str, style: Style = PLAIN) -> tuple[tuple[Span, ...], Style]:
    earlier, _, last = text.rstrip("\r").rpartition("\r")
    for match in _TOKEN.finditer(earlier):
        if match["sgr"] is not None:
            style = _after(style, match["sgr"])
    found: list[Span] = []
    at = 0
    for match in _TOKEN.finditer(last):
        found.append(Span(last[at : match.start()], style.classes))
        at = match.end()
        if match["sgr"] is not None:
            style = _after(style, match["sgr"])
        elif match["control"] is not None:
            found.append(Span(_named(match["control"]), CONTROL))
    found.append(Span(last[at:], style.classes))
    return tuple(_merged(found)), style


def style_before(data: bytes) -> Style:
    """The look that the output before a line left behind, from as much of it as is given."""
    start = 0
    for reset in _RESET.finditer(data):
        start = reset.end()
    style = PLAIN
    for match in _ANY_SGR.finditer(data, start):
        style = _after(style, match[1].decode("ascii"))
    return style


def _merged(found: Sequence[Span]) -> Iterator[Span]:
    whole: Span | None = None
    for span in found:
        if not span.text:
            continue
        if whole is not None and whole.classes == span.classes:
            whole = Span(whole.text + span.text, span.classes)
            continue
        if whole is not None:
            yield whole
        whole = span
    if whole is not None:
        yield whole


def _named(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


# ── SGR: https://www.ecma-international.org/publications-and-standards/standards/ecma-48/ ────


def _after(style: Style, parameters: str) -> Style:
    codes = _codes(parameters)
    at = 0
    while at < len(codes):
        code = codes[at]
        if code in (38, 48):
            colour, used = _extended(codes[at + 1 :])
            if colour is not None:
                style = replace(style, front=colour) if code == 38 else replace(style, back=colour)
            at += used
        else:
            style = _after_one(style, code)
        at += 1
    return style


def _codes(parameters: str) -> list[int]:
    """Numbers; `38:2::1:2:3` and `38:2:1:2:3` as `38;2;1;2;3`, other sub-parameters by their first part."""
    codes: list[int] = []
    for part in parameters.split(";"):
        first, *others = part.split(":")
        codes.append(_number(first))
        if codes[-1] in (38, 48) and others:
            kind, *values = others
            if _number(kind) == 2 and len(values) > 3:
                values = values[1:]  # the colour space
            codes += [_number(kind), *map(_number, values[:3])]
        elif codes[-1] == 4 and others and _number(others[0]) == 0:
            codes[-1] = 24
    return codes


def _number(text: str) -> int:
    return int(text) if text and len(text) < 5 else 0


def _extended(codes: Sequence[int]) -> tuple[int | None, int]:
    """The colour after 38 or 48, and how many numbers told it."""
    if len(codes) >= 2 and codes[0] == 5:
        return (codes[1] if codes[1] < 256 else None), 2
    if len(codes) >= 4 and codes[0] == 2:
        red, green, blue = (min(code, 255) for code in codes[1:4])
        return nearest(red, green, blue), 4
    return None, len(codes)


_ON: Final = {
    1: "bold",
    2: "dim",
    3: "italic",
    4: "underline",
    7: "inverse",
    9: "strike",
    21: "underline",
}
_OFF: Final = {
    22: ("bold", "dim"),
    23: ("italic",),
    24: ("underline",),
    27: ("inverse",),
    29: ("strike",),
}


def _after_one(style: Style, code: int) -> Style:
    """Blinking and hidden text stay as they are: nobody is to be lured, and nothing hidden."""
    if code == 0:
        return PLAIN
    if code in _ON:
        return replace(style, **{_ON[code]: True})
    if code in _OFF:
        return replace(style, **dict.fromkeys(_OFF[code], False))
    if code in (39, 49):
        return replace(style, front=None) if code == 39 else replace(style, back=None)
    for first, base in ((30, 0), (90, 8)):
        if first <= code < first + 8:
            return replace(style, front=base + code - first)
        if first + 10 <= code < first + 18:
            return replace(style, back=base + code - first - 10)
    return style
