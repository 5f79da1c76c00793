"""The bytes of `.ci.yaml` → its text, or the one reason why it is none."""

from __future__ import annotations

import re
from typing import Final

from ci_bot.core.pipeline.limits import Limits, size_in_words
from ci_bot.core.pipeline.report import Report
from ci_bot.core.pipeline.tree import START, Mark

UTF8_HINT: Final = "save it as UTF-8"

#: What YAML lets stand in a file, less what ends a line for libyaml but for no editor and no forge
#: (U+0085, U+2028, U+2029: a reviewer would not see the key that follows), less a stray BOM.
#: https://yaml.org/spec/1.2.2/#51-character-set
_REFUSED: Final = re.compile(
    "[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_LINE_BREAK: Final = re.compile(r"\r\n|\r|\n")


def decode(raw: bytes, file: str, limits: Limits) -> tuple[str, Report]:
    """The text without its BOM, and a report that holds a problem where it cannot be used."""
    if len(raw) > limits.text:
        return "", too_large(len(raw), file, limits)
    try:
        text = raw.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        return "", _not_utf8(raw, file, error.start)
    report = Report(file, text)
    if refused := _REFUSED.search(text):
        _report_character(text, refused.start(), report)
    return text, report


def too_large(length: int, file: str, limits: Limits) -> Report:
    """`length` is in bytes."""
    report = Report(file)
    size, limit = size_in_words(length), size_in_words(limits.text)
    hint = "move long scripts into files of the repository"
    report.add(START, "", f"the file has {size}; at most {limit} are read", hint)
    return report


def _not_utf8(raw: bytes, file: str, start: int) -> Report:
    before = raw[:start].decode("utf-8").removeprefix("\ufeff")
    report = Report(file, before + "?")
    is_utf16 = raw.startswith((b"\xff\xfe", b"\xfe\xff"))
    message = "the file is UTF-16" if is_utf16 else f"byte 0x{raw[start]:02x} is not UTF-8"
    report.add(_mark_after(before), "", message, UTF8_HINT)
    return report


def _report_character(text: str, index: int, report: Report) -> None:
    code = ord(text[index])
    name = f"U+{code:04X}"
    if code == 0 and text.count("\0") > len(text) // 4:
        report.add(START, "", "the file is UTF-16 or binary", UTF8_HINT)
    elif code < 0xA0 and code != 0x85:
        hint = f'remove it, or write it as "\\x{code:02x}" in double quotes' if code else "remove it"
        report.add(_mark_after(text[:index]), "", f"control character {name}", hint)
    else:
        report.add(_mark_after(text[:index]), "", f"invisible character {name}", "remove it")


def _mark_after(before: str) -> Mark:
    lines = _LINE_BREAK.split(before)
    return Mark(len(lines), len(lines[-1]) + 1)
