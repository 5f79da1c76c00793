"""Raw output of a step in, text that is safe to show out: no colours, no control characters."""

from __future__ import annotations

import re
from typing import Final

#: Colours (SGR) and "erase in line", which programs send when they redraw a progress line.
_STYLING: Final = re.compile(r"\x1b\[[0-9;:]*[mK]")

#: Control characters other than new line and tab, the line separators of Unicode, and what turns the
#: direction of text around (https://trojansource.codes).
_DANGEROUS: Final = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)


def plain(data: bytes) -> str:
    """The text as a terminal would leave it standing, in linear time; safe as plain text, not as HTML.

    Wrong UTF-8 becomes U+FFFD, colours go, of a line that was redrawn after a carriage return its last
    state stays, and other control characters and direction overrides are shown as `\\x1b` or `\\u202e`.
    """
    text = _STYLING.sub("", data.decode("utf-8", errors="replace"))
    if "\r" in text:
        text = "\n".join(_last_state(line) for line in text.split("\n"))
    return _DANGEROUS.sub(_escaped, text)


def _last_state(line: str) -> str:
    return line.rstrip("\r").rpartition("\r")[2]


def _escaped(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
